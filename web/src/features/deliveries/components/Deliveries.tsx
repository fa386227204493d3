import { Group, Select, Skeleton } from '@mantine/core';
import { IconSend } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useDeliveries, useDeliveryDestinations, useSendAgain } from '@/api/deliveries';
import type { DeliveryState } from '@/api/types';
import { ErrorAlert } from '@/components/ErrorAlert';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import pageClasses from '@/components/page.module.css';
import { ActionsHeading, ScrollTable } from '@/components/ScrollTable';
import { Pager } from '@/components/Pager';
import { mayAs } from '@/session/session';
import { useSession } from '@/session/session-context';
import { useSettings } from '@/settings/settings';

import { DeliveryRow } from './DeliveryRow';
import { Destinations } from './Destinations';

const STATES = ['failed', 'queued', 'sending', 'delivered'] as const satisfies readonly DeliveryState[];

/** Results on their way to a PACS, and sending them again. No patient data. */
export function Deliveries() {
  const { t } = useTranslation();
  const session = useSession();
  const [{ pageSize: limit }] = useSettings();
  const [state, setState] = useState<DeliveryState>();
  const [destination, setDestination] = useState<string>();
  const [offset, setOffset] = useState(0);
  const { data, error, isPending, isPlaceholderData, refetch } = useDeliveries({ state, destination }, limit, offset);
  const destinations = useDeliveryDestinations();
  const send = useSendAgain();
  const leads = mayAs(session, ['clinician']);
  const columns = ['destination', 'state', 'attempts', 'why', 'when', 'study'] as const;
  return (
    <>
      <Destinations />
      <section aria-label={t('deliveries.table')}>
        <Group gap="sm" align="flex-end" mb="sm">
          <Select
            label={t('deliveries.state')}
            placeholder={t('deliveries.any')}
            w={200}
            clearable
            clearButtonProps={{ 'aria-label': t('common.clear') }}
            data={STATES.map((one) => ({ value: one, label: t(`deliveries.stateOf.${one}`) }))}
            value={state ?? null}
            onChange={(next) => {
              setState(STATES.find((one) => one === next));
              setOffset(0);
            }}
          />
          <Select
            label={t('deliveries.destination')}
            placeholder={t('deliveries.any')}
            w={220}
            clearable
            clearButtonProps={{ 'aria-label': t('common.clear') }}
            data={destinations.data?.items.map(({ name }) => name) ?? []}
            value={destination ?? null}
            onChange={(next) => {
              setDestination(next ?? undefined);
              setOffset(0);
            }}
          />
        </Group>
        <ErrorAlert error={send.error} failed={t('deliveries.notSentAgain')} />
        <div className={pageClasses.card}>
          {isPending && <Skeleton h={240} radius={0} />}
          {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
          {data && data.items.length === 0 && <Notice NoticeIcon={IconSend} title={t('deliveries.empty')} detail={t('deliveries.emptyDetail')} />}
          {data && data.items.length > 0 && (
            <ScrollTable label={t('deliveries.table')} testId="deliveries">
              <thead>
                <tr>
                  {columns.map((column) => (
                    <th key={column} scope="col" className={column === 'attempts' ? pageClasses.number : undefined}>
                      {t(`deliveries.${column}`)}
                    </th>
                  ))}
                  <ActionsHeading />
                </tr>
              </thead>
              <tbody>
                {data.items.map((delivery) => (
                  <DeliveryRow
                    key={delivery.id}
                    delivery={delivery}
                    leads={leads}
                    stale={isPlaceholderData}
                    busy={send.isPending && send.variables === delivery.id}
                    onSendAgain={() => send.mutate(delivery.id)}
                  />
                ))}
              </tbody>
            </ScrollTable>
          )}
          {data && <Pager total={data.total} limit={limit} offset={offset} onOffset={setOffset} />}
        </div>
      </section>
    </>
  );
}
