import { Button, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useRefreshSecondFactor, useRemoveSecondFactor, useRenewRecoveryCodes, useSecondFactor } from '@/api/second-factor';
import { ConfirmDialog } from '@/components/ConfirmDialog';
import { ErrorAlert } from '@/components/ErrorAlert';
import { ErrorNotice } from '@/components/ErrorNotice';
import pageClasses from '@/components/page.module.css';
import { Passkeys } from '@/components/Passkeys';
import { RecoveryCodes } from '@/components/RecoveryCodes';
import { SecondFactorSetup } from '@/components/SecondFactorSetup';
import { formatDateTime } from '@/format/dates';

/** The own account's codes and passkeys: whether they are asked for, and how to begin and end that. */
export function SecondFactor() {
  const { t, i18n } = useTranslation();
  const { data, error, refetch } = useSecondFactor();
  const refresh = useRefreshSecondFactor();
  const renew = useRenewRecoveryCodes();
  const remove = useRemoveSecondFactor();
  const [settingUp, setSettingUp] = useState(false);
  const [removing, setRemoving] = useState(false);

  const renewal = (
    <Button variant="default" loading={renew.isPending} onClick={() => renew.mutate()}>
      {t('secondFactor.renew')}
    </Button>
  );
  const content = (): React.ReactNode => {
    if (settingUp) {
      return <SecondFactorSetup onDone={() => setSettingUp(false)} />;
    }
    if (renew.data) {
      return (
        <RecoveryCodes
          codes={renew.data.recovery_codes}
          onKept={() => {
            renew.reset();
            void refresh();
          }}
        />
      );
    }
    if (error && !data) {
      return <ErrorNotice error={error} onRetry={() => void refetch()} />;
    }
    if (!data) {
      return <Skeleton h={120} />;
    }
    if (!data.since) {
      return (
        <Stack gap="sm" maw={620} align="flex-start">
          <Text size="sm">{t(data.is_offered ? 'secondFactor.off' : 'secondFactor.unavailable')}</Text>
          {data.is_offered && (
            <Button onClick={() => setSettingUp(true)} data-testid="second-factor-begin">
              {t('secondFactor.begin')}
            </Button>
          )}
          {data.recovery_codes_left > 0 && (
            <Group>
              <Text size="sm">{t('secondFactor.left', { count: data.recovery_codes_left })}</Text>
              {renewal}
            </Group>
          )}
          <ErrorAlert error={renew.error} />
        </Stack>
      );
    }
    return (
      <Stack gap="sm" maw={620}>
        <Text size="sm">
          {t('secondFactor.on', { date: formatDateTime(data.since, i18n.language) })} {t('secondFactor.left', { count: data.recovery_codes_left })}
        </Text>
        <ErrorAlert error={renew.error} />
        <Group>
          {renewal}
          <Button variant="subtle" c="var(--pathology)" onClick={() => setRemoving(true)}>
            {t('secondFactor.remove')}
          </Button>
        </Group>
      </Stack>
    );
  };
  return (
    <section className={pageClasses.padded} data-testid="second-factor">
      <Stack gap="xl">
        <Stack gap="sm">
          <Title order={2} size="h4">
            {t('secondFactor.codes')}
          </Title>
          {content()}
        </Stack>
        <Passkeys />
      </Stack>
      <ConfirmDialog
        opened={removing}
        title={t('secondFactor.removeTitle')}
        detail={t('secondFactor.removeDetail')}
        confirm={t('secondFactor.remove')}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() =>
          remove.mutate(undefined, {
            onSuccess: () => {
              setRemoving(false);
              void refresh();
            },
          })
        }
        onClose={() => {
          remove.reset();
          setRemoving(false);
        }}
      />
    </section>
  );
}
