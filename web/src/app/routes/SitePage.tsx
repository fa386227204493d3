import { useTranslation } from 'react-i18next';

import { Page } from '@/components/Page';
import { Drift, Proposals, Shadow } from '@/features/site';

export function SitePage() {
  const { t } = useTranslation();
  return (
    <Page title={t('site.title')} subtitle={t('site.subtitle')}>
      <Proposals />
      <Drift />
      <Shadow />
    </Page>
  );
}
