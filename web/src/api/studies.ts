import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query';

import { bodyOf, client } from './client';
import type { AnalysisStatus, Verdict } from './types';

export type StudyOrder = 'suspicion' | 'newest';

export interface StudyFilter {
  search?: string | undefined;
  patientId?: string | undefined;
  status?: AnalysisStatus | undefined;
  verdict?: Verdict | undefined;
  order: StudyOrder;
  limit: number;
  offset: number;
}

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
