import { describe, expect, it, vi } from 'vitest';

import { isAsked, onAsked, settleVerification } from '@/session/verification';

import { bodyOf, client } from './client';

/** What is sent goes here: the client takes the browser's `fetch` when it is loaded. */
const wire = vi.hoisted(() => {
  const answers: Response[] = [];
  const sent: { method: string; body: string }[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    sent.push({ method: request.method, body: await request.text() });
    return answers.shift();
  });
  return { answers, sent };
});

const refusal = (): Response =>
  new Response(JSON.stringify({ code: 'verification_required', detail: '' }), { status: 403, headers: { 'Content-Type': 'application/problem+json' } });
const made = (): Response => new Response(JSON.stringify({ secret: 'norma_x', key: {} }), { status: 201, headers: { 'Content-Type': 'application/json' } });

function makeKey(answers: Response[], given: boolean): Promise<unknown> {
  wire.sent.length = 0;
  wire.answers.splice(0, wire.answers.length, ...answers);
  const stop = onAsked(() => {
    if (isAsked()) {
      stop();
      queueMicrotask(() => settleVerification(given));
    }
  });
  return bodyOf(client.POST('/api/keys', { body: { name: 'pacs', roles: ['integrator'] } }));
}

describe('a request that is refused for want of the password', () => {
  it('is sent once more, as it was, when the password was given', async () => {
    expect(await makeKey([refusal(), made()], true)).toMatchObject({ secret: 'norma_x' });
    expect(wire.sent).toHaveLength(2);
    expect(wire.sent[1]).toEqual(wire.sent[0]);
    expect(wire.sent[0]?.body).toContain('pacs');
  });

  it('stays refused when it was not', async () => {
    await expect(makeKey([refusal()], false)).rejects.toMatchObject({ code: 'verification_required' });
    expect(wire.sent).toHaveLength(1);
  });
});
