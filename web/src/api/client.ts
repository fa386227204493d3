import createClient from 'openapi-fetch';

import { csrfHeaders, noteStatus } from '@/session/session';

import { asApiError, problemFrom, retryAfterOf } from './errors';
import type { paths } from './schema';

/** The gateway's client: one origin, paths and bodies typed from its OpenAPI document. */
export const client = createClient<paths>({ baseUrl: window.location.origin });

/** Answer at once: the page hears of the end by events (RFC 7240). */
export const RESPOND_ASYNC = { Prefer: 'respond-async' } as const;

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

client.use({
  onRequest({ request }) {
    if (!SAFE.has(request.method)) {
      Object.entries(csrfHeaders()).forEach(([name, value]) => request.headers.set(name, value));
    }
    return request;
  },
  onResponse({ response }) {
    noteStatus(response.status);
  },
});

interface Answer<Body> {
  data?: Body;
  error?: unknown;
  response: Response;
}

/** The body of an answer, or the problem as an `ApiError`. */
export async function bodyOf<Body>(answer: Promise<Answer<Body>>): Promise<NonNullable<Body>> {
  const { data, error, response } = await answer.catch((reason: unknown) => {
    throw asApiError(reason);
  });
  if (!response.ok || data === undefined || data === null) {
    throw problemFrom(response.status, error, retryAfterOf(response));
  }
  return data;
}

/** For answers without a body. */
export async function done(answer: Promise<Answer<unknown>>): Promise<void> {
  const { error, response } = await answer.catch((reason: unknown) => {
    throw asApiError(reason);
  });
  if (!response.ok) {
    throw problemFrom(response.status, error, retryAfterOf(response));
  }
}
