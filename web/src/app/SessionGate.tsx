import { Loader } from '@mantine/core';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { Navigate, Outlet, useLocation } from 'react-router';

import { asApiError } from '@/api/errors';
import { useSessionQuery } from '@/api/session';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Verification } from '@/components/Verification';
import { loginAddress } from '@/session/session';
import { SessionContext } from '@/session/session-context';

import classes from './gate.module.css';

/** The longest that a timer can wait. */
const LONGEST_MS = 2 ** 31 - 1;
const AFTER_MS = 1_500;

/** Lets nobody in whom the gateway does not know; asks again when the session should have run out. */
export function SessionGate() {
  const { t } = useTranslation();
  const { pathname, search } = useLocation();
  const { data, error, refetch } = useSessionQuery();

  const expiresAt = data?.expires_at;
  useEffect(() => {
    if (!expiresAt) {
      return undefined;
    }
    const wait = Math.max(0, new Date(expiresAt).getTime() - Date.now()) + AFTER_MS;
    const timer = window.setTimeout(() => void refetch(), Math.min(wait, LONGEST_MS));
    return () => window.clearTimeout(timer);
  }, [expiresAt, refetch]);

  const unknown = error && asApiError(error).status === 401;
  if (unknown || data?.must_set_password || data?.second_factor?.must_set) {
    return <Navigate to={loginAddress(pathname + search)} replace />;
  }
  if (!data) {
    return (
      <main className={classes.gate}>
        {error ? <ErrorNotice error={error} onRetry={() => void refetch()} /> : <Loader color="gray" aria-label={t('common.loading')} />}
      </main>
    );
  }
  return (
    <SessionContext value={data}>
      <Outlet />
      <Verification />
    </SessionContext>
  );
}
