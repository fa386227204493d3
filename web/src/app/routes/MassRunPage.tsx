import { useTranslation } from 'react-i18next';

import { Page } from '@/components/Page';
import { MassRun } from '@/features/mass-run';

export function MassRunPage() {
  const { t } = useTranslation();
  return (
    <Page title={t('massRun.title')} subtitle={t('massRun.subtitle')}>
      <MassRun />
    </Page>
  );
}
