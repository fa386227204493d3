import { useMutation, useQuery } from '@tanstack/react-query';

import { bodyOf, client } from './client';
import type { Connection } from './types';

const EVERY_MS = 5_000;

/** The systems that Norma speaks with, and who has sent studies. */
export const useConnections = () =>
  useQuery({
    queryKey: ['connections'],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/pacs/connections', { signal })),
    refetchInterval: EVERY_MS,
  });

/** Studies that come by C-STORE and are not complete yet. */
export const useArrivals = () =>
  useQuery({
    queryKey: ['arrivals'],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/pacs/arrivals', { signal })),
    refetchInterval: EVERY_MS,
  });

/** Of the settings: they change with a start alone. */
export const useRoutingRules = () =>
  useQuery({
    queryKey: ['routing-rules'],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/routing/rules', { signal })),
  });

/** Asks a system whether it is there. */
export const useEcho = () =>
  useMutation({
    mutationFn: ({ way, name }: Connection) => bodyOf(client.POST('/api/pacs/connections/{way}/{name}/echo', { params: { path: { way, name } } })),
  });
