import { useTranslation } from 'react-i18next';

import { Page } from '@/components/Page';
import { Operation } from '@/features/operator';
import { BundleCard } from '@/features/settings';

export function OperationPage() {
  const { t } = useTranslation();
  return (
    <Page title={t('operator.title')} subtitle={t('operator.subtitle')}>
      <Operation />
      <BundleCard />
    </Page>
  );
}
