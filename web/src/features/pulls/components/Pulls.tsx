import { Group, Select, Skeleton, Title } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { usePullAgain, usePulls, useSources } from '@/api/pulls';
import type { PullState } from '@/api/types';
import { ErrorAlert } from '@/components/ErrorAlert';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import pageClasses from '@/components/page.module.css';
import { Pager } from '@/components/Pager';
import { ActionsHeading, ScrollTable } from '@/components/ScrollTable';
import { useSettings } from '@/settings/settings';

import { PullRow } from './PullRow';
import { SourceTable } from './SourceTable';

const STATES = ['failed', 'asked', 'running', 'done'] as const satisfies readonly PullState[];

/** Studies that are pulled from archives; nothing where there is no archive and never was. No patient data. */
export function Pulls() {
  const { t } = useTranslation();
  const [{ pageSize: limit }] = useSettings();
  const [state, setState] = useState<PullState>();
  const [offset, setOffset] = useState(0);
  const sources = useSources();
  const { data, error, isPending, isPlaceholderData, refetch } = usePulls({ state }, limit, offset);
  const again = usePullAgain();
  const columns = ['source', 'state', 'attempts', 'what', 'when'] as const;
  if (sources.data?.items.length === 0 && data?.total === 0 && state === undefined) return null;
  return (
    <section aria-labelledby="pulls">
      <Title order={2} size="h4" id="pulls" mb="sm">
        {t('pulls.table')}
      </Title>
      <SourceTable />
      <Group gap="sm" align="flex-end" my="sm">
        <Select
          label={t('pulls.state')}
          placeholder={t('pulls.any')}
          w={200}
          clearable
          clearButtonProps={{ 'aria-label': t('common.clear') }}
          data={STATES.map((one) => ({ value: one, label: t(`pulls.stateOf.${one}`) }))}
          value={state ?? null}
          onChange={(next) => {
            setState(STATES.find((one) => one === next));
            setOffset(0);
          }}
        />
      </Group>
      <ErrorAlert error={again.error} failed={t('pulls.notAgain')} />
      <div className={pageClasses.card}>
        {isPending && <Skeleton h={160} radius={0} />}
        {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {data && data.items.length === 0 && <Notice NoticeIcon={IconDownload} title={t('pulls.empty')} detail={t('pulls.emptyDetail')} />}
        {data && data.items.length > 0 && (
          <ScrollTable label={t('pulls.table')} testId="pulls">
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column} scope="col" className={column === 'attempts' ? pageClasses.number : undefined}>
                    {t(`pulls.${column}`)}
                  </th>
                ))}
                <ActionsHeading />
              </tr>
            </thead>
            <tbody>
              {data.items.map((pull) => (
                <PullRow
                  key={pull.id}
                  pull={pull}
                  stale={isPlaceholderData}
                  busy={again.isPending && again.variables === pull.id}
                  onPullAgain={() => again.mutate(pull.id)}
                />
              ))}
            </tbody>
          </ScrollTable>
        )}
        {data && <Pager total={data.total} limit={limit} offset={offset} onOffset={setOffset} />}
      </div>
    </section>
  );
}
