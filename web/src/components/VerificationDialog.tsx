import { Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useState, type SyntheticEvent } from 'react';
import { useTranslation } from 'react-i18next';

import { useVerifyByPasskey } from '@/api/passkeys';
import { useLoginOptions, useVerify } from '@/api/session';
import { knowsPasskeys } from '@/session/passkey';
import { useSession } from '@/session/session-context';
import { settleVerification } from '@/session/verification';

import { FormEnd } from './FormEnd';

/** Asks for the password and the code, or a passkey, before an act that needs them again; then the act goes on by itself. */
export function VerificationDialog() {
  const { t } = useTranslation();
  const { second_factor: secondFactor, user } = useSession();
  const verify = useVerify();
  const byPasskey = useVerifyByPasskey();
  const options = useLoginOptions();
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const close = (): void => settleVerification(false);
  const onSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    byPasskey.reset();
    verify.mutate(
      { password, ...(secondFactor?.is_set ? { code } : {}) },
      {
        onSuccess: () => settleVerification(true),
        // What was right so far need not be typed again: the password before a wrong code.
        onError: () => setCode(''),
      },
    );
  };
  const { pathname, search } = window.location;
  return (
    <Modal
      opened
      onClose={close}
      title={<b>{t('verification.title')}</b>}
      zIndex={1000}
      closeButtonProps={{ 'aria-label': t('common.close') }}
      data-testid="verification"
    >
      {secondFactor ? (
        <form onSubmit={onSubmit}>
          <Stack gap="sm">
            <Text size="sm">{t('verification.detail')}</Text>
            <input type="text" name="username" autoComplete="username" value={user.login} readOnly hidden />
            <PasswordInput
              label={t('signIn.password')}
              autoComplete="current-password"
              required
              data-autofocus
              value={password}
              visibilityToggleButtonProps={{ 'aria-label': t('signIn.showPassword') }}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            {secondFactor.is_set && (
              <TextInput
                label={t('secondFactor.code')}
                description={t('secondFactor.askDetail')}
                autoComplete="one-time-code"
                required
                value={code}
                onChange={(event) => setCode(event.currentTarget.value)}
              />
            )}
            {secondFactor.is_set && options.data?.passkey && knowsPasskeys() && (
              <Button
                variant="default"
                leftSection={<IconKey size={18} />}
                loading={byPasskey.isPending}
                onClick={() => {
                  verify.reset();
                  // With the password typed, a touch is enough.
                  byPasskey.mutate(password ? { password } : {}, { onSuccess: () => settleVerification(true) });
                }}
                data-testid="passkey"
              >
                {t('passkeys.use')}
              </Button>
            )}
            <FormEnd error={byPasskey.error ?? verify.error} submit={t('verification.submit')} busy={verify.isPending} onClose={close} />
          </Stack>
        </form>
      ) : (
        <Stack gap="sm">
          <Text size="sm">{t('verification.issuerDetail')}</Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t('common.cancel')}
            </Button>
            <Button component="a" href={`/api/openid/start?again=true&return_to=${encodeURIComponent(pathname + search)}`}>
              {t('verification.issuer')}
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
