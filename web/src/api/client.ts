import createClient from 'openapi-fetch';

import { csrfHeaders, noteStatus } from '@/session/session';
import { askVerification } from '@/session/verification';

import { asApiError, problemFrom, retryAfterOf } from './errors';
import type { paths } from './schema';

/** The gateway's client: one origin, paths and bodies typed from its OpenAPI document. */
export const client = createClient<paths>({ baseUrl: window.location.origin });

/** Answer at once: the page hears of the end by events (RFC 7240). */
export const RESPOND_ASYNC = { Prefer: 'respond-async' } as const;

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Requests that change something, as they are sent: one that needs the password again is sent once more. */
const sent = new Map<string, Request>();

client.use({
  onRequest({ request, id }) {
    if (!SAFE.has(request.method)) {
      Object.entries(csrfHeaders()).forEach(([name, value]) => request.headers.set(name, value));
      sent.set(id, request.clone());
    }
    return request;
  },
  async onResponse({ response, id }) {
    noteStatus(response.status);
    const again = sent.get(id);
    sent.delete(id);
    if (response.status !== 403 || !again) {
      return undefined;
    }
    const refusal = problemFrom(403, await response.clone().json().catch(() => null));
    if (refusal.code !== 'verification_required' || !(await askVerification())) {
      return undefined;
    }
    // The session goes on as a new one, with a token of its own.
    Object.entries(csrfHeaders()).forEach(([name, value]) => again.headers.set(name, value));
    const answer = await fetch(again);
    noteStatus(answer.status);
    return answer;
  },
  onError({ id }) {
    sent.delete(id);
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
