import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { endSession, keepSession } from '@/session/session';

import { bodyOf, client, done } from './client';
import type { Session } from './types';

export const sessionKey = ['session'] as const;

async function kept(answer: Promise<Session>): Promise<Session> {
  const session = await answer;
  keepSession(session);
  return session;
}

/** Who is signed in. Refused with 401 where nobody is. */
export const useSessionQuery = () =>
  useQuery({
    queryKey: sessionKey,
    queryFn: ({ signal }) => kept(bodyOf(client.GET('/api/session', { signal }))),
    staleTime: 60_000,
  });

/** Asks whether the session still holds; where it does not, the answer's status ends it. */
export async function checkSession(): Promise<void> {
  await client.GET('/api/session').catch(() => undefined);
}

/** How one may sign in here. */
export const useLoginOptions = () =>
  useQuery({
    queryKey: ['login-options'],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/login-options', { signal })),
    staleTime: 60_000,
  });

export function useSessionMutation<Input>(send: (input: Input) => Promise<Session>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (input: Input) => kept(send(input)),
    onSuccess: (session) => queries.setQueryData(sessionKey, session),
  });
}

export const useSignIn = () =>
  useSessionMutation((body: { login: string; password: string; code?: string | null }) => bodyOf(client.POST('/api/session', { body })));

export const useSignInByLink = () =>
  useSessionMutation((body: { token: string; code?: string | null }) => bodyOf(client.POST('/api/session/token', { body })));

/** Shows again who is signed in; the session goes on as a new one. */
export const useVerify = () =>
  useSessionMutation((body: { password: string; code?: string | null }) => bodyOf(client.POST('/api/session/verification', { body })));

export const useSetPassword = () =>
  useSessionMutation((body: { current_password?: string | null; new_password: string }) =>
    bodyOf(client.PUT('/api/session/password', { body })),
  );

export const useSignOut = () =>
  useMutation({
    mutationFn: async (): Promise<string | undefined> => {
      const answer = client.DELETE('/api/session');
      await done(answer);
      return (await answer).data?.continue_at;
    },
    onSuccess: (continueAt) => {
      // Measurements on a patient's slices.
      window.sessionStorage.clear();
      endSession('signed-out', true, continueAt);
    },
  });
