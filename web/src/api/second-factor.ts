import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { bodyOf, client, done } from './client';
import { sessionKey } from './session';

const secondFactorKey = ['second-factor'] as const;

export const useSecondFactor = () =>
  useQuery({
    queryKey: secondFactorKey,
    queryFn: ({ signal }) => bodyOf(client.GET('/api/session/second-factor', { signal })),
  });

/** The page asks anew who is signed in, and whether with a second factor. */
export function useRefreshSecondFactor() {
  const queries = useQueryClient();
  return () => Promise.all([queries.invalidateQueries({ queryKey: secondFactorKey }), queries.invalidateQueries({ queryKey: sessionKey })]);
}

/** The answer holds the secret, which is never told again. It is not cached. */
export const useBeginSecondFactor = () =>
  useMutation({ mutationFn: () => bodyOf(client.POST('/api/session/second-factor')), gcTime: 0 });

/** The answer holds the recovery codes. What the session says is asked anew once they were kept: the page must not go on before. */
export const useConfirmSecondFactor = () =>
  useMutation({ mutationFn: (code: string) => bodyOf(client.PUT('/api/session/second-factor', { body: { code } })), gcTime: 0 });

export const useRenewRecoveryCodes = () =>
  useMutation({ mutationFn: () => bodyOf(client.POST('/api/session/recovery-codes')), gcTime: 0 });

export const useRemoveSecondFactor = () =>
  useMutation({ mutationFn: () => done(client.DELETE('/api/session/second-factor')) });
