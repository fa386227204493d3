import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { answerChallenge, makePasskey } from '@/session/passkey';

import { bodyOf, client, done } from './client';
import { sessionKey, useSessionMutation } from './session';

const passkeysKey = ['passkeys'] as const;

export const usePasskeys = () =>
  useQuery({
    queryKey: passkeysKey,
    queryFn: ({ signal }) => bodyOf(client.GET('/api/session/passkeys', { signal })),
  });

/** The page asks anew which passkeys there are, and whether the account has a second factor. */
export function useRefreshPasskeys() {
  const queries = useQueryClient();
  return () =>
    Promise.all([passkeysKey, sessionKey, ['second-factor']].map((queryKey) => queries.invalidateQueries({ queryKey })));
}

/** The answer may hold the recovery codes. It is not cached. */
export const useAddPasskey = () =>
  useMutation({
    mutationFn: async (name: string) => {
      const { options } = await bodyOf(client.POST('/api/session/passkeys/challenge'));
      const credential = await makePasskey(options);
      return bodyOf(client.POST('/api/session/passkeys', { body: { name, credential } }));
    },
    gcTime: 0,
  });

export const useRemovePasskey = () =>
  useMutation({
    mutationFn: (id: string) => done(client.DELETE('/api/session/passkeys/{passkey_id}', { params: { path: { passkey_id: id } } })),
  });

/** What was shown already: nothing, login and password, or the token of a link. */
export interface Shown {
  login?: string;
  password?: string;
  token?: string;
}

export const useSignInByPasskey = () =>
  useSessionMutation(async (body: Shown) => {
    const { options } = await bodyOf(client.POST('/api/session/passkey/challenge', { body }));
    const credential = await answerChallenge(options);
    return bodyOf(client.POST('/api/session/passkey', { body: { credential } }));
  });

/** Shows again who is signed in: by the passkey alone, or beside the password. */
export const useVerifyByPasskey = () =>
  useSessionMutation(async (body: { password?: string }) => {
    const { options } = await bodyOf(client.POST('/api/session/verification/passkey/challenge', { body }));
    const credential = await answerChallenge(options);
    return bodyOf(client.POST('/api/session/verification/passkey', { body: { credential } }));
  });
