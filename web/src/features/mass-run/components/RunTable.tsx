import { Anchor, Text, UnstyledButton } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import {
  createColumnHelper,
  flexRender,
  getCoreRowModel,
  getSortedRowModel,
  useReactTable,
  type SortingState,
} from '@tanstack/react-table';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { ScrollTable } from '@/components/ScrollTable';
import { VerdictBadge, type Outcome } from '@/components/VerdictBadge';
import { formatNumber, formatProbability } from '@/format/numbers';
import { useCodeTexts } from '@/i18n/problem-text';

import { isUndetermined, type RunLine } from '../rows';
import classes from './mass-run.module.css';

function outcomeOfLine(line: RunLine): Outcome {
  const { row, archive } = line;
  if (row) {
    // A row without an answer tells its reason beside it.
    return row.pathology === 1 ? 'pathology' : row.pathology === 0 ? 'norm' : isUndetermined(line) ? 'undetermined' : 'failed';
  }
  return archive.phase === 'refused' ? 'failed' : 'none';
}

function StateText({ line }: { line: RunLine }) {
  const { t } = useTranslation();
  const { archive, status } = line;
  if (status && archive.phase !== 'refused') {
    return <>{t(`status.${status}`)}</>;
  }
  switch (archive.phase) {
    case 'sending':
      return <>{t('massRun.sending', { percent: archive.totalBytes ? Math.round((archive.movedBytes / archive.totalBytes) * 100) : 0 })}</>;
    case 'packing':
      return <>{t('upload.phase.packing')}</>;
    case 'running':
      return <>{t('massRun.running')}</>;
    case 'cancelled':
      return <>{t('upload.phase.cancelled')}</>;
    default:
      return <>{t('massRun.waiting')}</>;
  }
}

const column = createColumnHelper<RunLine>();

/** A line for each study; fills as they end. */
export function RunTable({ lines }: { lines: RunLine[] }) {
  const { t, i18n } = useTranslation();
  const { ofCode } = useCodeTexts();
  const [sorting, setSorting] = useState<SortingState>([]);
  const language = i18n.language;

  const columns = useMemo(() => {
    const reasonText = ({ row, archive }: RunLine): string => {
      if (row?.reason) {
        return ofCode(row.reason.split(':')[0] ?? '').title;
      }
      return archive.error && !row ? t('massRun.sendFailed', { reason: ofCode(archive.error.code).title }) : '';
    };
    const box = ({ row }: RunLine): string =>
      row && typeof row.x_min === 'number'
        ? `${row.x_min}–${row.x_max ?? ''} · ${row.y_min ?? ''}–${row.y_max ?? ''} · ${row.z_min ?? ''}–${row.z_max ?? ''}`
        : '–';
    return [
      column.accessor((line) => line.path, {
        id: 'path',
        header: () => t('massRun.path'),
        sortingFn: (a, b) => a.original.path.localeCompare(b.original.path, language, { numeric: true }),
        cell: ({ row: { original } }) => (
          <div className={classes.path}>
            {original.scanId ? (
              <Anchor component={Link} to={`/studies/${original.scanId}`} size="sm" c="var(--accent)">
                {original.path}
              </Anchor>
            ) : (
              <span>{original.path || t('massRun.earlier')}</span>
            )}
          </div>
        ),
      }),
      column.accessor((line) => outcomeOfLine(line), {
        id: 'verdict',
        header: () => t('massRun.verdict'),
        cell: ({ row: { original }, getValue }) => {
          const outcome = getValue();
          return outcome === 'none' ? (
            <Text size="sm" c="var(--text-dim)">
              <StateText line={original} />
            </Text>
          ) : (
            <VerdictBadge outcome={outcome} />
          );
        },
      }),
      column.accessor((line) => line.row?.probability_of_pathology ?? undefined, {
        id: 'probability',
        header: () => t('massRun.probability'),
        sortUndefined: 'last',
        cell: ({ getValue }) => <b>{formatProbability(getValue(), language)}</b>,
      }),
      column.accessor((line) => line.row?.most_dangerous_pathology_type ?? '', {
        id: 'type',
        header: () => t('massRun.type'),
        cell: ({ getValue }) => getValue() || '–',
      }),
      column.display({ id: 'box', header: () => t('massRun.box'), cell: ({ row }) => box(row.original) }),
      column.accessor((line) => line.row?.time_of_processing ?? undefined, {
        id: 'time',
        header: () => t('massRun.time'),
        sortUndefined: 'last',
        cell: ({ getValue }) => {
          const seconds = getValue();
          return seconds === undefined ? '–' : `${formatNumber(seconds, language, 1)} ${language === 'ru' ? 'с' : 's'}`;
        },
      }),
      column.accessor(reasonText, {
        id: 'reason',
        header: () => t('massRun.reason'),
        cell: ({ row, getValue }) => (
          <Text size="sm" maw={360} title={row.original.row?.reason ?? row.original.archive.error?.detail ?? undefined}>
            {getValue() || '–'}
          </Text>
        ),
      }),
    ];
  }, [t, language, ofCode]);

  const table = useReactTable({
    data: lines,
    columns,
    state: { sorting },
    onSortingChange: setSorting,
    getRowId: (line) => line.key,
    getCoreRowModel: getCoreRowModel(),
    getSortedRowModel: getSortedRowModel(),
  });
  return (
    <ScrollTable label={t('massRun.table')}>
      <thead>
        {table.getHeaderGroups().map((group) => (
          <tr key={group.id}>
            {group.headers.map((header) => {
              const sorted = header.column.getIsSorted();
              return (
                <th
                  key={header.id}
                  scope="col"
                  aria-sort={sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : 'none'}
                >
                  {header.column.getCanSort() ? (
                    <UnstyledButton className={classes.sort} onClick={header.column.getToggleSortingHandler()}>
                      {flexRender(header.column.columnDef.header, header.getContext())}
                      {sorted === 'asc' && <IconArrowUp size={13} aria-hidden />}
                      {sorted === 'desc' && <IconArrowDown size={13} aria-hidden />}
                    </UnstyledButton>
                  ) : (
                    flexRender(header.column.columnDef.header, header.getContext())
                  )}
                </th>
              );
            })}
          </tr>
        ))}
      </thead>
      <tbody>
        {table.getRowModel().rows.map((row) => (
          <tr key={row.id} data-testid="run-row" data-outcome={outcomeOfLine(row.original)}>
            {row.getVisibleCells().map((cell) => (
              <td key={cell.id}>{flexRender(cell.column.columnDef.cell, cell.getContext())}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </ScrollTable>
  );
}
