import { Button, Image, Loader, Stack, Text, TextInput } from '@mantine/core';
import { useEffect, useState, type SyntheticEvent } from 'react';
import { useTranslation } from 'react-i18next';

import { useBeginSecondFactor, useConfirmSecondFactor, useRefreshSecondFactor } from '@/api/second-factor';

import { ErrorAlert } from './ErrorAlert';
import { RecoveryCodes } from './RecoveryCodes';
import { SecretText } from './SecretText';

/** Secret, first code, recovery codes: each is shown once. */
export function SecondFactorSetup({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation();
  const begin = useBeginSecondFactor();
  const confirm = useConfirmSecondFactor();
  const refresh = useRefreshSecondFactor();
  const [code, setCode] = useState('');
  const { mutate } = begin;
  useEffect(() => mutate(), [mutate]);

  if (confirm.data) {
    return <RecoveryCodes codes={confirm.data.recovery_codes} onKept={() => void refresh().then(onDone)} />;
  }
  if (begin.error) {
    return <ErrorAlert error={begin.error} />;
  }
  if (!begin.data) {
    return <Loader color="gray" aria-label={t('common.loading')} />;
  }
  const onSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    confirm.mutate(code, { onError: () => setCode('') });
  };
  return (
    <form onSubmit={onSubmit}>
      <Stack gap="sm" maw={460}>
        <Text size="sm">{t('secondFactor.scan')}</Text>
        <Image
          src={`data:image/svg+xml;utf8,${encodeURIComponent(begin.data.qr_svg)}`}
          alt={t('secondFactor.picture')}
          w={220}
          h={220}
          radius="sm"
          data-testid="second-factor-picture"
        />
        <SecretText label={t('secondFactor.secret')} value={begin.data.secret} testId="second-factor-secret" />
        <TextInput
          label={t('secondFactor.code')}
          description={t('secondFactor.codeHint')}
          inputMode="numeric"
          autoComplete="one-time-code"
          required
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        <ErrorAlert error={confirm.error} />
        <Button type="submit" loading={confirm.isPending}>
          {t('secondFactor.confirm')}
        </Button>
      </Stack>
    </form>
  );
}
