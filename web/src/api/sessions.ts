import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { bodyOf, client, done } from './client';

const sessionsKey = ['sessions'] as const;

/** Where an account is signed in: the caller's own without an id. */
export const useSessions = (userId: string | null) =>
  useQuery({
    queryKey: [...sessionsKey, userId],
    queryFn: ({ signal }) =>
      userId === null
        ? bodyOf(client.GET('/api/sessions', { signal }))
        : bodyOf(client.GET('/api/users/{user_id}/sessions', { params: { path: { user_id: userId } }, signal })),
  });

function useEnding<Input>(mutationFn: (input: Input) => Promise<unknown>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn, onSettled: () => queries.invalidateQueries({ queryKey: sessionsKey }) });
}

export const useEndSession = (userId: string | null) =>
  useEnding((sessionId: string) =>
    userId === null
      ? done(client.DELETE('/api/sessions/{session_id}', { params: { path: { session_id: sessionId } } }))
      : done(
          client.DELETE('/api/users/{user_id}/sessions/{session_id}', {
            params: { path: { user_id: userId, session_id: sessionId } },
          }),
        ),
  );

/** Of the caller all but the one that asks; of another account all. */
export const useEndSessions = (userId: string | null) =>
  useEnding(() =>
    userId === null
      ? bodyOf(client.DELETE('/api/sessions'))
      : bodyOf(client.DELETE('/api/users/{user_id}/sessions', { params: { path: { user_id: userId } } })),
  );
