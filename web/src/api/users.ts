import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { bodyOf, client, done } from './client';
import type { UserChange, UserInput } from './types';

const usersKey = ['users'] as const;

export const useUsers = (limit: number, offset: number) =>
  useQuery({
    queryKey: [...usersKey, { limit, offset }],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/users', { params: { query: { limit, offset } }, signal })),
    placeholderData: keepPreviousData,
  });

function useUserMutation<Input, Output>(mutationFn: (input: Input) => Promise<Output>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => queries.invalidateQueries({ queryKey: usersKey }) });
}

export const useCreateUser = () => useUserMutation((body: UserInput) => bodyOf(client.POST('/api/users', { body })));

export const useChangeUser = () =>
  useUserMutation(({ userId, body }: { userId: string; body: UserChange }) =>
    bodyOf(client.PUT('/api/users/{user_id}', { params: { path: { user_id: userId } }, body })),
  );

export const useDeleteUser = () =>
  useUserMutation((userId: string) => done(client.DELETE('/api/users/{user_id}', { params: { path: { user_id: userId } } })));

/** For who has lost the phone and the recovery codes. */
export const useResetSecondFactor = () =>
  useUserMutation((userId: string) => done(client.DELETE('/api/users/{user_id}/second-factor', { params: { path: { user_id: userId } } })));

const passkeysOf = (userId: string) => [...usersKey, userId, 'passkeys'] as const;

export const useUserPasskeys = (userId: string) =>
  useQuery({
    queryKey: passkeysOf(userId),
    queryFn: ({ signal }) => bodyOf(client.GET('/api/users/{user_id}/passkeys', { params: { path: { user_id: userId } }, signal })),
  });

/** For who has lost one device of several. */
export const useRemoveUserPasskey = (userId: string) =>
  useUserMutation((passkeyId: string) =>
    done(client.DELETE('/api/users/{user_id}/passkeys/{passkey_id}', { params: { path: { user_id: userId, passkey_id: passkeyId } } })),
  );

/** A link with which a person signs in once and sets a password. */
export const useMakeSignInLink = () =>
  useUserMutation((userId: string) =>
    bodyOf(client.POST('/api/users/{user_id}/sign-in-link', { params: { path: { user_id: userId } } })),
  );
