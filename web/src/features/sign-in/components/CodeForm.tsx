import { Alert, Button, Stack, Text, TextInput, Title } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useState, type SyntheticEvent } from 'react';
import { useTranslation } from 'react-i18next';

import { useProblemText } from '@/i18n/problem-text';

interface CodeFormProps {
  busy: boolean;
  /** Why the last code was not taken; none before the first. */
  error: unknown;
  /** Seconds until the next may be tried. */
  wait: number;
  onCode: (code: string) => void;
  onBack: () => void;
  /** Asks for a passkey instead; null where none would be taken. */
  onPasskey: (() => void) | null;
}

/** The second step of a sign-in: a code of the authenticator app, or a recovery code. */
export function CodeForm({ busy, error, wait, onCode, onBack, onPasskey }: CodeFormProps) {
  const { t } = useTranslation();
  const problem = useProblemText(error);
  const [code, setCode] = useState('');
  const onSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (!busy && wait <= 0) {
      onCode(code);
      setCode('');
    }
  };
  return (
    <form onSubmit={onSubmit} data-testid="second-step">
      <Stack gap="sm">
        <Title order={2} size="h5">
          {t('secondFactor.askTitle')}
        </Title>
        <Text size="sm" c="var(--text-dim)">
          {t('secondFactor.askDetail')}
        </Text>
        <TextInput
          label={t('secondFactor.code')}
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          required
          // eslint-disable-next-line jsx-a11y/no-autofocus -- the page has nothing else to do
          autoFocus
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        {Boolean(error) && (
          <Alert color="red" title={problem.title} data-testid="sign-in-error">
            {problem.advice} {wait > 0 && t('signIn.wait', { count: wait })}
          </Alert>
        )}
        <Button type="submit" loading={busy} disabled={wait > 0}>
          {t('signIn.submit')}
        </Button>
        {onPasskey && (
          <Button variant="default" leftSection={<IconKey size={18} />} disabled={busy || wait > 0} onClick={onPasskey} data-testid="passkey">
            {t('passkeys.use')}
          </Button>
        )}
        <Button variant="subtle" color="gray" onClick={onBack}>
          {t('secondFactor.back')}
        </Button>
      </Stack>
    </form>
  );
}
