import { useTranslation } from 'react-i18next';

import { useSources } from '@/api/pulls';
import { ErrorNotice } from '@/components/ErrorNotice';
import pageClasses from '@/components/page.module.css';
import { ScrollTable } from '@/components/ScrollTable';
import { formatDuration } from '@/format/dates';
import { formatNumber } from '@/format/numbers';

/** What waits to be pulled from each archive, and what could not be. */
export function SourceTable() {
  const { t, i18n } = useTranslation();
  const { data, error, refetch } = useSources();
  const number = (value: number): string => formatNumber(value, i18n.language, 0);
  if (error && !data) return <ErrorNotice error={error} onRetry={() => void refetch()} />;
  if (!data || data.items.length === 0) return null;
  return (
    <div className={pageClasses.card}>
      <ScrollTable label={t('pulls.sources')} testId="sources">
        <thead>
          <tr>
            <th scope="col">{t('pulls.source')}</th>
            {(['waiting', 'oldest', 'failed'] as const).map((column) => (
              <th key={column} scope="col" className={pageClasses.number}>
                {t(`pulls.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {data.items.map((source) => (
            <tr key={source.name}>
              <th scope="row">{source.name}</th>
              <td className={pageClasses.number}>{number(source.waiting)}</td>
              <td className={pageClasses.number}>
                {typeof source.oldest_seconds === 'number' ? formatDuration(source.oldest_seconds * 1000, i18n.language) : '–'}
              </td>
              <td className={pageClasses.number}>{number(source.failed)}</td>
            </tr>
          ))}
        </tbody>
      </ScrollTable>
    </div>
  );
}
