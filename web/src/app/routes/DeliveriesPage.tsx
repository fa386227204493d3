import { useTranslation } from 'react-i18next';

import { Page } from '@/components/Page';
import { Arrivals, Connections, RoutingRules } from '@/features/connections';
import { Deliveries } from '@/features/deliveries';
import { Pulls } from '@/features/pulls';

export function DeliveriesPage() {
  const { t } = useTranslation();
  return (
    <Page title={t('deliveries.title')} subtitle={t('deliveries.subtitle')}>
      <Deliveries />
      <Arrivals />
      <Pulls />
      <Connections />
      <RoutingRules />
    </Page>
  );
}
