import { Button, Group, Select, Skeleton, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { IconInbox, IconSearch, IconSearchOff, IconUpload } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation, useNavigate, useSearchParams } from 'react-router';

import { prefetchStudy } from '@/api/scans';
import { filteringOf, filterOf, STATUSES, useStudies, VERDICTS, type StudyFilter, type StudyTray } from '@/api/studies';
import { ErrorAlert } from '@/components/ErrorAlert';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import pageClasses from '@/components/page.module.css';
import { Pager } from '@/components/Pager';
import { freezeReadingList, rememberList } from '@/reading-list/reading-list';
import { useSettings } from '@/settings/settings';
import { useShortcuts } from '@/shortcuts/use-shortcuts';

import { markedRow, type Mark } from '../marked-row';
import { StudiesTable } from './StudiesTable';
import { TrayChoice } from './TrayChoice';

const ALL = 'all';
/** What an empty tray says. */
const EMPTY = { reading: 'empty', no_chest: 'noneAside', contradicted: 'noneContradicted' } as const satisfies Record<StudyTray, string>;

/** The filter lives in the address: a link shows the same list, and Back comes back to it. */
function useFilter(): [StudyFilter, (change: Record<string, string | null>) => void] {
  const [params, setParams] = useSearchParams();
  const [settings] = useSettings();
  const filter = filterOf(params, settings.pageSize);
  const change = (values: Record<string, string | null>): void => {
    setParams(
      (known) => {
        const next = new URLSearchParams(known);
        next.delete('offset');
        for (const [name, value] of Object.entries(values)) {
          if (value) {
            next.set(name, value);
          } else {
            next.delete(name);
          }
        }
        return next;
      },
      { replace: true },
    );
  };
  return [filter, change];
}

/** All studies, most suspicious first. */
export function Worklist() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [filter, change] = useFilter();
  const [search, setSearch] = useState(filter.search ?? '');
  const [settled] = useDebouncedValue(search, 250);
  const searchBox = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState<Mark>({ scanId: null, row: 0 });
  const { data, error, isPending, isPlaceholderData, refetch } = useStudies(filter);
  const studies = data?.items ?? [];
  const selected = markedRow(
    studies.map(({ scan_id }) => scan_id),
    chosen,
  );
  const choose = (row: number): void => {
    const study = studies[row];
    if (study) {
      setChosen({ scanId: study.scan_id, row });
    }
  };
  const filtered = Boolean(filter.search || filter.status || filter.verdict);
  const { tray = 'reading' } = filter;

  useEffect(() => {
    if (settled !== (filter.search ?? '')) {
      change({ search: settled });
    }
    // The address follows the typing, not the other way round.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [settled]);

  const { search: query } = useLocation();
  useEffect(() => rememberList(query), [query]);

  const queries = useQueryClient();
  const pointAt = (scanId: string): void => void prefetchStudy(queries, scanId);
  const next = studies[selected];
  const nextId = next?.status === 'completed' ? next.scan_id : undefined;
  useEffect(() => {
    if (nextId) {
      void prefetchStudy(queries, nextId);
    }
  }, [queries, nextId]);

  const open = (scanId: string): void => {
    const { offset } = filter;
    const scanIds = studies.map((study) => study.scan_id);
    freezeReadingList({ filter: filteringOf(filter), scanIds, start: offset, end: offset + scanIds.length, total: data?.total ?? scanIds.length });
    void navigate(`/studies/${scanId}`);
  };
  const openSelected = (): void => {
    const study = studies[selected];
    if (study) {
      open(study.scan_id);
    }
  };
  useShortcuts({
    'worklist.down': () => choose(selected + 1),
    'worklist.up': () => choose(selected - 1),
    'worklist.open': openSelected,
    'worklist.search': () => searchBox.current?.focus(),
  });

  const all = { value: ALL, label: t('worklist.filterAll') };
  return (
    <>
      <Group gap="sm" align="flex-end">
        <TextInput
          ref={searchBox}
          label={t('worklist.searchLabel')}
          leftSection={<IconSearch size={16} />}
          w={260}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <Select
          label={t('worklist.filterVerdict')}
          w={170}
          allowDeselect={false}
          data={[all, ...VERDICTS.map((value) => ({ value, label: t(`verdict.${value}`) }))]}
          value={filter.verdict ?? ALL}
          onChange={(value) => change({ verdict: value === ALL ? null : value })}
        />
        <Select
          label={t('worklist.filterStatus')}
          w={170}
          allowDeselect={false}
          data={[all, ...STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))]}
          value={filter.status ?? ALL}
          onChange={(value) => change({ status: value === ALL ? null : value })}
        />
        <Select
          label={t('worklist.order')}
          w={250}
          allowDeselect={false}
          data={[
            { value: 'suspicion', label: t('worklist.orderSuspicion') },
            { value: 'newest', label: t('worklist.orderNewest') },
          ]}
          value={filter.order}
          onChange={(value) => change({ order: value === 'suspicion' ? null : value })}
        />
        <TrayChoice filter={filter} onTray={(tray) => change({ tray: tray === 'reading' ? null : tray })} />
      </Group>
      {data && <ErrorAlert error={error} failed={t('common.notRenewed')} />}
      <div className={pageClasses.card}>
        {isPending && <Skeleton h={320} radius={0} />}
        {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {data && studies.length === 0 && (
          <Notice
            NoticeIcon={filtered ? IconSearchOff : IconInbox}
            title={t(`worklist.${filtered ? 'noMatch' : EMPTY[tray]}`)}
            detail={t(`worklist.${filtered ? 'noMatch' : EMPTY[tray]}Detail`)}
          >
            {!filtered && tray === 'reading' && (
              <Button component={Link} to="/upload" leftSection={<IconUpload size={16} />}>
                {t('app.upload')}
              </Button>
            )}
          </Notice>
        )}
        {studies.length > 0 && (
          <StudiesTable studies={studies} selected={selected} stale={isPlaceholderData} onOpen={open} onPoint={pointAt} />
        )}
        {data && (
          <Pager
            total={data.total}
            limit={filter.limit}
            offset={filter.offset}
            onOffset={(offset) => change({ offset: offset === 0 ? null : String(offset) })}
          />
        )}
      </div>
    </>
  );
}
