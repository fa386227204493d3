import { Button, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useEcho } from '@/api/connections';
import type { Connection } from '@/api/types';
import { ErrorAlert } from '@/components/ErrorAlert';
import { useDeliveryReason } from '@/i18n/delivery-reason';
import { formatDuration } from '@/format/dates';

/** Asks a system whether it is there, and says what it answered. */
export function EchoTest({ connection }: { connection: Connection }) {
  const { t, i18n } = useTranslation();
  const reasonText = useDeliveryReason();
  const echo = useEcho();
  if (!connection.can_echo) {
    return (
      <Text size="xs" c="var(--text-dim)">
        {t('connections.noEcho')}
      </Text>
    );
  }
  const reason = echo.data?.reason_code ? reasonText(echo.data.reason_code) : null;
  return (
    <>
      <Button
        size="xs"
        variant="default"
        loading={echo.isPending}
        onClick={() => echo.mutate(connection)}
        aria-label={t('connections.echoOf', { name: connection.name, way: t(`connections.wayOf.${connection.way}`) })}
      >
        {t('connections.echo')}
      </Button>
      <ErrorAlert error={echo.error} />
      <div role="status">
        {echo.data?.is_there && (
          <Text size="xs" c="var(--norm)">
            {t('connections.isThere', { after: formatDuration(echo.data.duration_ms, i18n.language) })}
          </Text>
        )}
        {reason && (
          <>
            <Text size="xs" c="var(--pathology)">
              {reason.title}
            </Text>
            <Text size="xs" c="var(--text-dim)">
              {reason.advice}
            </Text>
          </>
        )}
      </div>
    </>
  );
}
