import { useQuery } from '@tanstack/react-query';

import { bodyOf, client } from './client';
import { asApiError, problemOf } from './errors';
import { parseMetrics, type Sample } from './metrics';
import type { Readiness } from './types';

const EVERY_MS = 5_000;

/** Each dependency's state. Not ready is an answer here, not an error. */
async function fetchReadiness(signal: AbortSignal): Promise<Readiness> {
  const { data, error, response } = await client.GET('/readyz', { signal }).catch((reason: unknown) => {
    throw asApiError(reason);
  });
  const readiness: Readiness | undefined = data ?? error;
  if (!readiness || !Array.isArray(readiness.dependencies)) {
    throw await problemOf(response);
  }
  return readiness;
}

async function fetchMetrics(signal: AbortSignal): Promise<Sample[]> {
  const response = await fetch('/metrics', { signal }).catch((reason: unknown) => {
    throw asApiError(reason);
  });
  if (!response.ok) {
    throw await problemOf(response);
  }
  return parseMetrics(await response.text());
}

export const useReadiness = () =>
  useQuery({ queryKey: ['readiness'], queryFn: ({ signal }) => fetchReadiness(signal), refetchInterval: EVERY_MS });

export const useMetrics = () =>
  useQuery({ queryKey: ['metrics'], queryFn: ({ signal }) => fetchMetrics(signal), refetchInterval: EVERY_MS });

export const useHealth = () =>
  useQuery({ queryKey: ['health'], queryFn: ({ signal }) => bodyOf(client.GET('/healthz', { signal })), refetchInterval: EVERY_MS });
