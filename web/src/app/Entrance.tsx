import { IconLock } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Navigate, Outlet, useLocation } from 'react-router';

import { Notice } from '@/components/Notice';
import { useSession } from '@/session/session-context';

import { homeOf, mayEnter, PATHS, type Room } from './places';

/** Opens a place to those whose roles it is for. */
export function Entrance({ place }: { place: Room }) {
  const { t } = useTranslation();
  const session = useSession();
  const { pathname } = useLocation();
  if (mayEnter(session, place)) {
    return <Outlet />;
  }
  if (pathname === PATHS.worklist) {
    return <Navigate to={homeOf(session)} replace />;
  }
  return <Notice NoticeIcon={IconLock} title={t('signIn.notYours')} detail={t('signIn.notYoursDetail')} />;
}
