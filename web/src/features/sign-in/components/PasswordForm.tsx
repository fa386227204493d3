import { Button, PasswordInput, Stack } from '@mantine/core';
import { useState, type SyntheticEvent } from 'react';
import { useTranslation } from 'react-i18next';

import { useSetPassword } from '@/api/session';
import { ErrorAlert } from '@/components/ErrorAlert';

interface PasswordFormProps {
  login: string;
  needsCurrent: boolean;
  submit: string;
  onDone: () => void;
}

/** Sets a password, or changes it. */
export function PasswordForm({ login, needsCurrent, submit, onDone }: PasswordFormProps) {
  const { t } = useTranslation();
  const set = useSetPassword();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const [differs, setDiffers] = useState(false);

  const onSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    setDiffers(next !== again);
    if (next === again && !set.isPending) {
      set.mutate({ new_password: next, current_password: needsCurrent ? current : null }, { onSuccess: onDone });
    }
  };
  const visibility = { 'aria-label': t('signIn.showPassword') };
  return (
    <form onSubmit={onSubmit}>
      <Stack gap="sm">
        {/* Password keepers want to know whose password it is. */}
        <input type="text" name="username" autoComplete="username" value={login} readOnly hidden />
        {needsCurrent && (
          <PasswordInput
            label={t('signIn.currentPassword')}
            autoComplete="current-password"
            required
            data-autofocus
            value={current}
            visibilityToggleButtonProps={visibility}
            onChange={(event) => setCurrent(event.currentTarget.value)}
          />
        )}
        <PasswordInput
          label={t('signIn.newPassword')}
          description={t('signIn.passwordHint')}
          autoComplete="new-password"
          required
          value={next}
          visibilityToggleButtonProps={visibility}
          onChange={(event) => setNext(event.currentTarget.value)}
        />
        <PasswordInput
          label={t('signIn.repeatPassword')}
          autoComplete="new-password"
          required
          value={again}
          error={differs ? t('signIn.passwordsDiffer') : undefined}
          visibilityToggleButtonProps={visibility}
          onChange={(event) => {
            setAgain(event.currentTarget.value);
            setDiffers(false);
          }}
        />
        <ErrorAlert error={set.error} />
        <Button type="submit" loading={set.isPending}>
          {submit}
        </Button>
      </Stack>
    </form>
  );
}
