import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { bundleKey } from './bundle';
import { bodyOf, client } from './client';
import type { FitMethod, ProposalState } from './types';

const proposalsKey = ['threshold-proposals'] as const;
const DRIFT_EVERY_MS = 60_000;

/** What a report worker saw when it looked last for drift. */
export const useDrift = () =>
  useQuery({
    queryKey: ['drift'],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/drift', { signal })),
    refetchInterval: DRIFT_EVERY_MS,
  });

/** What a second bundle says beside the one in use. */
export const useShadow = () =>
  useQuery({
    queryKey: ['shadow'],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/shadow', { signal })),
    refetchInterval: DRIFT_EVERY_MS,
  });

/** Proposed thresholds, newest first; all of them where no state is given. */
export const useProposals = (limit: number, offset: number, state?: ProposalState) =>
  useQuery({
    queryKey: [...proposalsKey, { limit, offset, state }],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/threshold-proposals', { params: { query: { limit, offset, state } }, signal })),
  });

/** A proposal with its report. */
export const useProposal = (id: string) =>
  useQuery({
    queryKey: [...proposalsKey, id],
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/threshold-proposals/{proposal_id}', { params: { path: { proposal_id: id } }, signal })),
  });

/** Fits thresholds on the site's newest answers. */
export function useMakeProposal() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (method: FitMethod) => bodyOf(client.POST('/api/threshold-proposals', { body: { method } })),
    onSettled: () => queries.invalidateQueries({ queryKey: proposalsKey }),
  });
}

export type Decision = 'accept' | 'decline' | 'withdraw';

interface Decided {
  id: string;
  decision: Decision;
  comment: string;
}

export function useDecideProposal() {
  const queries = useQueryClient();
  const changed = () =>
    Promise.all([queries.invalidateQueries({ queryKey: proposalsKey }), queries.invalidateQueries({ queryKey: bundleKey })]);
  return useMutation({
    mutationFn: ({ id, decision, comment }: Decided) => {
      const request = { params: { path: { proposal_id: id } }, body: { comment: comment.trim() || null } };
      switch (decision) {
        case 'accept':
          return bodyOf(client.POST('/api/threshold-proposals/{proposal_id}/accept', request));
        case 'decline':
          return bodyOf(client.POST('/api/threshold-proposals/{proposal_id}/decline', request));
        case 'withdraw':
          return bodyOf(client.POST('/api/threshold-proposals/{proposal_id}/withdraw', request));
      }
    },
    // A refusal tells that what is shown is old. What acts, acts at once.
    onSettled: changed,
  });
}
