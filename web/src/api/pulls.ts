import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { bodyOf, client } from './client';
import type { PullState } from './types';

const pullsKey = ['pulls'] as const;
const EVERY_MS = 5_000;

export interface PullFilter {
  state?: PullState | undefined;
  source?: string | undefined;
}

/** Studies that are pulled from archives, newest first. */
export const usePulls = (filter: PullFilter, limit: number, offset: number) =>
  useQuery({
    queryKey: [...pullsKey, filter, { limit, offset }],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/pacs/pulls', { params: { query: { ...filter, limit, offset } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_MS,
  });

export const useSources = () =>
  useQuery({
    queryKey: [...pullsKey, 'sources'],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/pacs/sources', { signal })),
    refetchInterval: EVERY_MS,
  });

export function usePullAgain() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (pullId: string) => bodyOf(client.POST('/api/pacs/pulls/{pull_id}/pull-again', { params: { path: { pull_id: pullId } } })),
    // A refusal tells that what is shown is old.
    onSettled: () => queries.invalidateQueries({ queryKey: pullsKey }),
  });
}
