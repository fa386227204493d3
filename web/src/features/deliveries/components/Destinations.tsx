import { Button, Group, Skeleton, Text, Title } from '@mantine/core';
import { IconSend } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { useDeliveryDestinations, useSendFailedAgain } from '@/api/deliveries';
import { ErrorAlert } from '@/components/ErrorAlert';
import { ErrorNotice } from '@/components/ErrorNotice';
import pageClasses from '@/components/page.module.css';
import { ActionsHeading, ScrollTable } from '@/components/ScrollTable';
import { formatDuration } from '@/format/dates';
import { formatNumber } from '@/format/numbers';

/** What waits for each destination, and what it failed to take. */
export function Destinations() {
  const { t, i18n } = useTranslation();
  const { data, error, refetch } = useDeliveryDestinations();
  const send = useSendFailedAgain();
  const number = (value: number): string => formatNumber(value, i18n.language, 0);
  const failed = data?.items.reduce((sum, destination) => sum + destination.failed, 0) ?? 0;
  return (
    <section className={pageClasses.padded} aria-labelledby="delivery-destinations">
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h4" id="delivery-destinations">
          {t('deliveries.destinations')}
        </Title>
        {failed > 0 && (
          <Button leftSection={<IconSend size={16} />} loading={send.isPending} onClick={() => send.mutate(undefined)} data-testid="send-all-again">
            {t('deliveries.sendAllAgain', { count: failed })}
          </Button>
        )}
      </Group>
      <ErrorAlert error={send.error} />
      {send.data && (
        <Text size="sm" mb="xs" role="status">
          {t('deliveries.queuedAgain', { count: send.data.queued })}
        </Text>
      )}
      {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton h={90} />}
      {data && data.items.length === 0 && (
        <Text size="sm" c="var(--text-dim)">
          {t('deliveries.noDestination')}
        </Text>
      )}
      {data && data.items.length > 0 && (
        <ScrollTable label={t('deliveries.destinations')} testId="destinations">
          <thead>
            <tr>
              <th scope="col">{t('deliveries.destination')}</th>
              <th scope="col" className={pageClasses.number}>
                {t('deliveries.waiting')}
              </th>
              <th scope="col" className={pageClasses.number}>
                {t('deliveries.oldest')}
              </th>
              <th scope="col" className={pageClasses.number}>
                {t('deliveries.failed')}
              </th>
              <ActionsHeading />
            </tr>
          </thead>
          <tbody>
            {data.items.map((destination) => (
              <tr key={destination.name}>
                <th scope="row">
                  {destination.name}
                  {!destination.is_set && (
                    <Text size="xs" c="var(--pathology)">
                      {t('deliveries.notSet')}
                    </Text>
                  )}
                </th>
                <td className={pageClasses.number}>{number(destination.waiting)}</td>
                <td className={pageClasses.number}>
                  {typeof destination.oldest_seconds === 'number' ? formatDuration(destination.oldest_seconds * 1000, i18n.language) : '–'}
                </td>
                <td className={pageClasses.number}>{number(destination.failed)}</td>
                <td className={pageClasses.number}>
                  {destination.failed > 0 && (
                    <Button size="xs" variant="default" disabled={send.isPending} onClick={() => send.mutate(destination.name)}>
                      {t('deliveries.sendFailedAgain')}
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </ScrollTable>
      )}
    </section>
  );
}
