import { useTranslation } from 'react-i18next';

import { Page } from '@/components/Page';
import { SessionList } from '@/components/SessionList';

/** Where one is signed in. */
export function SessionsPage() {
  const { t } = useTranslation();
  return (
    <Page title={t('sessions.title')}>
      <SessionList userId={null} />
    </Page>
  );
}
