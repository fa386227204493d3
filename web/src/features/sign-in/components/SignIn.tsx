import { Alert, Loader, Stack, Text, Title } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useSignInByPasskey } from '@/api/passkeys';
import { useLoginOptions, useSessionQuery, useSignInByLink } from '@/api/session';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Passkeys } from '@/components/Passkeys';
import { SecondFactorSetup } from '@/components/SecondFactorSetup';
import { Verification } from '@/components/Verification';
import { knowsPasskeys } from '@/session/passkey';
import type { EndReason } from '@/session/session';
import { SessionContext } from '@/session/session-context';
import { useCodeTexts } from '@/i18n/problem-text';

import { asksForCode, takesPasskey } from '../asks-for-code';
import { takeToken } from '../token';
import { CodeForm } from './CodeForm';
import { PasswordForm } from './PasswordForm';
import { SignInForm } from './SignInForm';

interface SignInProps {
  returnTo: string;
  /** Why the login page was come to. */
  reason: EndReason | null;
  /** Code of what went wrong at the organisation's sign-in. */
  problem: string | null;
  onSignedIn: () => void;
}

/** Everything between an unknown reader and the page: link, password, the organisation's sign-in, a first password. */
export function SignIn({ returnTo, reason, problem, onSignedIn }: SignInProps) {
  const { t } = useTranslation();
  const { ofCode, ofError } = useCodeTexts();
  const options = useLoginOptions();
  const session = useSessionQuery();
  const [token, setToken] = useState(takeToken);
  const byLink = useSignInByLink();
  // A link of an account with a second factor stays unused until a code came with it.
  const [asked, setAsked] = useState<{ passkey: boolean } | null>(null);
  const byPasskey = useSignInByPasskey();
  const { mutate: followLink } = byLink;

  useEffect(() => {
    // A link that is pasted into a tab which shows this page changes no more than what stands behind the #.
    const onHash = (): void => setToken((known) => takeToken() ?? known);
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, []);

  useEffect(() => {
    if (token) {
      followLink({ token });
    }
  }, [token, followLink]);

  // While a link is being followed, a session from before is not the one that is wanted.
  const linkFollowed = byLink.isSuccess || byPasskey.isSuccess;
  const settled = !token || linkFollowed || byLink.isError;
  const signedIn = settled && session.data && !session.error ? session.data : undefined;
  // Who comes by a link has no password, or has forgotten it.
  const setsPassword = signedIn && (signedIn.must_set_password || (linkFollowed && !signedIn.password_needs_current));
  const setsSecondFactor = signedIn && !setsPassword && signedIn.second_factor?.must_set;
  const ready = signedIn && !setsPassword && !setsSecondFactor;
  useEffect(() => {
    if (ready) {
      onSignedIn();
    }
  }, [ready, onSignedIn]);

  if (options.error) {
    return <ErrorNotice error={options.error} onRetry={() => void options.refetch()} />;
  }
  if (token && !linkFollowed && (asked || asksForCode(byLink.error))) {
    const passkey = asked?.passkey ?? takesPasskey(byLink.error);
    return (
      <CodeForm
        busy={byLink.isPending || byPasskey.isPending}
        error={byPasskey.error ?? (asksForCode(byLink.error) ? null : byLink.error)}
        wait={0}
        onCode={(code) => {
          setAsked({ passkey });
          byPasskey.reset();
          followLink({ token, code });
        }}
        onBack={() => {
          setAsked(null);
          setToken(null);
          byLink.reset();
          byPasskey.reset();
        }}
        onPasskey={passkey && knowsPasskeys() ? () => byPasskey.mutate({ token }) : null}
      />
    );
  }
  if (!options.data || !settled || ready || (session.isPending && !session.error)) {
    return <Loader m="auto" color="gray" aria-label={t('common.loading')} />;
  }
  if (signedIn && setsSecondFactor) {
    return (
      <SessionContext value={signedIn}>
        <Stack gap="md">
          <div>
            <Title order={1} size="h3">
              {t('secondFactor.mustTitle')}
            </Title>
            <Text size="sm" c="var(--text-dim)">
              {t('secondFactor.mustDetail', { name: signedIn.user.display_name || signedIn.user.login })}
            </Text>
          </div>
          <SecondFactorSetup onDone={onSignedIn} />
          {options.data.passkey && <Passkeys />}
        </Stack>
        {/* Who signed in a while ago shows again who they are. */}
        <Verification />
      </SessionContext>
    );
  }
  if (signedIn) {
    return (
      <Stack gap="md">
        <div>
          <Title order={1} size="h3">
            {t('signIn.setTitle')}
          </Title>
          <Text size="sm" c="var(--text-dim)">
            {t('signIn.setDetail', { name: signedIn.user.display_name || signedIn.user.login })}
          </Text>
        </div>
        <PasswordForm
          login={signedIn.user.login}
          needsCurrent={signedIn.password_needs_current}
          submit={t('signIn.setSubmit')}
          onDone={() => undefined}
        />
      </Stack>
    );
  }
  const linkProblem = byLink.error ? ofError(byLink.error) : null;
  const foreign = problem ? ofCode(problem) : null;
  const told = linkProblem ?? foreign;
  return (
    <Stack gap="md">
      <Title order={1} size="h3">
        {t('signIn.title')}
      </Title>
      {reason && !told && (
        <Alert color="gray" data-testid="sign-in-reason">
          {t(reason === 'expired' ? 'signIn.expired' : 'signIn.signedOut')}
        </Alert>
      )}
      {told && (
        <Alert color="red" title={told.title} data-testid="sign-in-error">
          {told.advice}
        </Alert>
      )}
      <SignInForm password={options.data.password} openid={options.data.openid ?? null} passkey={options.data.passkey} returnTo={returnTo} />
      <Text size="xs" c="var(--text-dim)">
        {t('signIn.forgotten')}
      </Text>
    </Stack>
  );
}
