import { Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useArrivals } from '@/api/connections';
import { ErrorNotice } from '@/components/ErrorNotice';
import pageClasses from '@/components/page.module.css';
import { ScrollTable } from '@/components/ScrollTable';

import { ArrivalRow } from './ArrivalRow';

const COLUMNS = ['study', 'from', 'instances', 'waitsFor', 'first', 'last'] as const;

/** Studies that come by C-STORE and wait for their completion. */
export function Arrivals() {
  const { t } = useTranslation();
  const { data, error, refetch } = useArrivals();
  return (
    <section className={pageClasses.padded} aria-labelledby="arrivals">
      <Title order={2} size="h4" id="arrivals" mb="xs">
        {t('arrivals.title')}
      </Title>
      {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data && data.items.length === 0 && (
        <Text size="sm" c="var(--text-dim)">
          {t('arrivals.empty')}
        </Text>
      )}
      {data && data.items.length > 0 && (
        <ScrollTable label={t('arrivals.title')} testId="arrivals">
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <th key={column} scope="col">
                  {t(`arrivals.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.items.map((study, at) => (
              <ArrivalRow key={study.study_instance_uid ?? at} study={study} />
            ))}
          </tbody>
        </ScrollTable>
      )}
    </section>
  );
}
