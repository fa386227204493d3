import { useQuery } from '@tanstack/react-query';

import { bodyOf, client } from './client';

export const bundleKey = ['bundle'] as const;

/** The models that act now and the operating points that may be asked for. */
export const useBundle = () =>
  useQuery({
    queryKey: bundleKey,
    queryFn: ({ signal }) => bodyOf(client.GET('/api/bundle', { signal })),
    staleTime: 300_000,
  });
