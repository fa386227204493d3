import { Alert, Button, Divider, PasswordInput, Stack, TextInput } from '@mantine/core';
import { IconId, IconKey } from '@tabler/icons-react';
import { useEffect, useState, type SyntheticEvent } from 'react';
import { useTranslation } from 'react-i18next';

import { asApiError } from '@/api/errors';
import { useSignInByPasskey, type Shown } from '@/api/passkeys';
import { useSignIn } from '@/api/session';
import { useProblemText } from '@/i18n/problem-text';
import { knowsPasskeys } from '@/session/passkey';

import { asksForCode, takesPasskey } from '../asks-for-code';
import { CodeForm } from './CodeForm';

interface SignInFormProps {
  /** Whether local accounts may sign in. */
  password: boolean;
  openid: { name: string } | null;
  /** Whether a passkey alone signs in. */
  passkey: boolean;
  returnTo: string;
}

/** Counts down to when it may be tried again. */
function useWait(): [number, (seconds: number) => void] {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (left <= 0) {
      return undefined;
    }
    const timer = window.setTimeout(() => setLeft(left - 1), 1_000);
    return () => window.clearTimeout(timer);
  }, [left]);
  return [left, setLeft];
}

/** Login and password, or the way to the organisation's own sign-in. */
export function SignInForm({ password, openid, passkey, returnTo }: SignInFormProps) {
  const { t } = useTranslation();
  const signIn = useSignIn();
  const byPasskey = useSignInByPasskey();
  const busy = signIn.isPending || byPasskey.isPending;
  const problem = useProblemText(byPasskey.error ?? signIn.error);
  const [login, setLogin] = useState('');
  const [secret, setSecret] = useState('');
  const [wait, setWait] = useWait();

  const send = (code: string | null): void => {
    byPasskey.reset();
    signIn.mutate(
      { login: login.trim(), password: secret, code },
      {
        onError: (error) => {
          setWait(Math.ceil(asApiError(error).retryAfterSeconds ?? 0));
          if (asksForCode(error)) {
            setSecond({ passkey: takesPasskey(error) });
          } else if (code === null) {
            setSecret('');
          }
        },
      },
    );
  };
  const askForPasskey = (shown: Shown): void => {
    signIn.reset();
    byPasskey.mutate(shown, { onError: (error) => setWait(Math.ceil(asApiError(error).retryAfterSeconds ?? 0)) });
  };
  const onSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (!busy && wait <= 0) {
      send(null);
    }
  };
  // Login and password were right: they are kept for the second step, and the code is asked for until one is taken.
  const [second, setSecond] = useState<{ passkey: boolean } | null>(null);
  if (second) {
    return (
      <CodeForm
        busy={busy}
        error={byPasskey.error ?? (asksForCode(signIn.error) ? null : signIn.error)}
        wait={wait}
        onCode={(code) => send(code)}
        onBack={() => {
          signIn.reset();
          byPasskey.reset();
          setSecret('');
          setSecond(null);
        }}
        onPasskey={second.passkey && knowsPasskeys() ? () => askForPasskey({ login: login.trim(), password: secret }) : null}
      />
    );
  }
  const problemShown = Boolean(byPasskey.error ?? signIn.error);
  const takesPasskeys = passkey && knowsPasskeys();
  return (
    <Stack gap="md">
      {password && (
        <form onSubmit={onSubmit}>
          <Stack gap="sm">
            <TextInput
              label={t('signIn.login')}
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              required
              // eslint-disable-next-line jsx-a11y/no-autofocus -- the page has nothing else to do
              autoFocus
              value={login}
              onChange={(event) => setLogin(event.currentTarget.value)}
            />
            <PasswordInput
              label={t('signIn.password')}
              autoComplete="current-password"
              required
              value={secret}
              visibilityToggleButtonProps={{ 'aria-label': t('signIn.showPassword') }}
              onChange={(event) => setSecret(event.currentTarget.value)}
            />
            {problemShown && (
              <Alert color="red" title={problem.title} data-testid="sign-in-error">
                {problem.advice} {wait > 0 && t('signIn.wait', { count: wait })}
              </Alert>
            )}
            <Button type="submit" loading={signIn.isPending} disabled={busy || wait > 0}>
              {t('signIn.submit')}
            </Button>
          </Stack>
        </form>
      )}
      {password && (openid || takesPasskeys) && <Divider label={t('signIn.or')} styles={{ label: { color: 'var(--text-dim)' } }} />}
      {takesPasskeys && (
        <Button
          variant="default"
          leftSection={<IconKey size={18} />}
          loading={byPasskey.isPending}
          disabled={busy || wait > 0}
          onClick={() => askForPasskey({})}
          data-testid="passkey"
        >
          {t('passkeys.signIn')}
        </Button>
      )}
      {openid && (
        <Button
          component="a"
          href={`/api/openid/start?return_to=${encodeURIComponent(returnTo)}`}
          variant={password ? 'default' : 'filled'}
          leftSection={<IconId size={18} />}
        >
          {t('signIn.openid', { name: openid.name })}
        </Button>
      )}
      {!password && !openid && (
        <Alert color="yellow" title={t('signIn.noWay')}>
          {t('signIn.noWayDetail')}
        </Alert>
      )}
    </Stack>
  );
}
