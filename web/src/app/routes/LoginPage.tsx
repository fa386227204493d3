import { Loader } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { Suspense, useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useSearchParams } from 'react-router';

import { SignIn } from '@/features/sign-in';
import { safeReturn, type EndReason } from '@/session/session';

import { LanguageMenu, SchemeMenu } from '../ShellMenus';
import classes from '../gate.module.css';

const REASONS: readonly EndReason[] = ['expired', 'signed-out'];

export function LoginPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const returnTo = safeReturn(params.get('return_to'));
  useDocumentTitle(`${t('signIn.title')} · Norma`);
  const onSignedIn = useCallback(() => void navigate(returnTo, { replace: true }), [navigate, returnTo]);
  return (
    <div className={classes.login}>
      <section className={classes.face} aria-label={t('app.name')}>
        <div className={classes.brand}>
          <img src="/icon.svg" width={36} height={36} alt="" />
          {t('app.name')}
        </div>
        <div className={classes.promise}>
          <p>{t('signIn.promise')}</p>
          <ul>
            <li>{t('signIn.promiseOrder')}</li>
            <li>{t('signIn.promiseWhy')}</li>
            <li>{t('signIn.promiseError')}</li>
          </ul>
        </div>
        <p className={classes.research}>{t('app.research')}</p>
      </section>
      <main className={classes.side}>
        <div className={classes.corner}>
          <LanguageMenu />
          <SchemeMenu />
        </div>
        <div className={classes.form}>
          <div>
            <Suspense fallback={<Loader m="auto" color="gray" aria-label={t('common.loading')} />}>
              <SignIn
                returnTo={returnTo}
                reason={REASONS.find((reason) => reason === params.get('reason')) ?? null}
                problem={params.get('error')}
                onSignedIn={onSignedIn}
              />
            </Suspense>
          </div>
        </div>
      </main>
    </div>
  );
}
