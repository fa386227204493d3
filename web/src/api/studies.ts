import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query';

import { bodyOf, client } from './client';
import type { AnalysisStatus, Verdict } from './types';

export type StudyOrder = 'suspicion' | 'newest';

/** What is read, what holds no chest, and what readers contradict. */
export type StudyTray = 'reading' | 'no_chest' | 'contradicted';

export interface StudyFilter {
  search?: string | undefined;
  patientId?: string | undefined;
  status?: AnalysisStatus | undefined;
  verdict?: Verdict | undefined;
  /** Both where it is not set. */
  tray?: StudyTray | undefined;
  order: StudyOrder;
  limit: number;
  offset: number;
}

export const STATUSES: readonly AnalysisStatus[] = ['queued', 'preparing', 'analyzing', 'completed', 'failed'];
export const VERDICTS: readonly Verdict[] = ['pathology', 'undetermined', 'norm'];
const ORDERS: readonly StudyOrder[] = ['suspicion', 'newest'];
const TRAYS: readonly StudyTray[] = ['reading', 'no_chest', 'contradicted'];

/** The tray of that name. */
export const trayOf = (text: string | null): StudyTray => oneOf(TRAYS, text) ?? 'reading';

const oneOf = <Value extends string>(values: readonly Value[], text: string | null): Value | undefined =>
  values.find((value) => value === text);

/** The filter as it stands in the worklist's address. */
export const filterOf = (params: URLSearchParams, limit: number): StudyFilter => ({
  search: params.get('search') ?? '',
  status: oneOf(STATUSES, params.get('status')),
  verdict: oneOf(VERDICTS, params.get('verdict')),
  tray: trayOf(params.get('tray')),
  order: oneOf(ORDERS, params.get('order')) ?? 'suspicion',
  limit,
  offset: Math.max(0, Number(params.get('offset')) || 0),
});

/** What is filtered by, without the part of the list that is shown. */
export const filteringOf = ({ search, patientId, status, verdict, tray, order }: StudyFilter): Omit<StudyFilter, 'limit' | 'offset'> => ({
  search,
  patientId,
  status,
  verdict,
  tray,
  order,
});

export const studiesKey = ['studies'] as const;

export const studiesQuery = (filter: StudyFilter) =>
  queryOptions({
    queryKey: [...studiesKey, filter],
    queryFn: ({ signal }) =>
      bodyOf(
        client.GET('/api/studies', {
          params: {
            query: {
              search: filter.search || undefined,
              patient_id: filter.patientId,
              status: filter.status,
              verdict: filter.verdict,
              tray: filter.tray,
              order: filter.order,
              limit: filter.limit,
              offset: filter.offset,
            },
          },
          signal,
        }),
      ),
  });

/** A part of the worklist; while another part is fetched the present one stays (it names its own studies). */
export const useStudies = (filter: StudyFilter) => useQuery({ ...studiesQuery(filter), placeholderData: keepPreviousData });
