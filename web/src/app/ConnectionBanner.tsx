import { IconPlugConnectedX } from '@tabler/icons-react';
import { useNetwork } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';

import { useConnection } from '@/api/events';

import classes from './shell.module.css';

/** Says plainly when what is on the screen may be stale. */
export function ConnectionBanner() {
  const { t } = useTranslation();
  const connection = useConnection();
  const { online } = useNetwork();
  if (connection !== 'lost' && online) {
    return null;
  }
  return (
    <div className={classes.banner} role="alert" data-testid="connection-lost">
      <IconPlugConnectedX size={18} aria-hidden />
      <b>{t('connection.lost')}</b>
      <span>{online ? t('connection.lostDetail') : t('connection.offline')}</span>
    </div>
  );
}
