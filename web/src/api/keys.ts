import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { bodyOf, client, done } from './client';
import type { ApiKeyInput } from './types';

const keysKey = ['keys'] as const;

export const useKeys = (limit: number, offset: number) =>
  useQuery({
    queryKey: [...keysKey, { limit, offset }],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/keys', { params: { query: { limit, offset } }, signal })),
    placeholderData: keepPreviousData,
  });

/** The answer holds the secret, which is never told again. It is not cached. */
export function useCreateKey() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: ApiKeyInput) => bodyOf(client.POST('/api/keys', { body })),
    gcTime: 0,
    onSuccess: () => queries.invalidateQueries({ queryKey: keysKey }),
  });
}

export function useConfirmKey() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (keyId: string) => bodyOf(client.POST('/api/keys/{key_id}/confirm', { params: { path: { key_id: keyId } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: keysKey }),
  });
}

export function useRevokeKey() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (keyId: string) => done(client.DELETE('/api/keys/{key_id}', { params: { path: { key_id: keyId } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: keysKey }),
  });
}
