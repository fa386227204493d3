import { useTranslation } from 'react-i18next';

import { Page } from '@/components/Page';
import { SecondFactor } from '@/features/second-factor';

/** Codes beside the password of the own account. */
export function SecondFactorPage() {
  const { t } = useTranslation();
  return (
    <Page title={t('secondFactor.title')}>
      <SecondFactor />
    </Page>
  );
}
