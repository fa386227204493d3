import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { UploadSource } from '@/transfer/collect';

const source: UploadSource = { name: 'study.zip', single: true, files: [{ path: 'study.zip', file: new File(['x'], 'study.zip') }] };
const options = { patientId: null, analyze: true, operatingPoint: null };

const analysis = (status: string) => ({ id: 'a1', scan_id: 's1', status, stages: [], verdict: status === 'completed' ? 'norm' : null });

const answer = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

/** An upload that is taken at once; `asked` answers everything else. */
async function newPage(asked: (request: Request) => Response) {
  vi.resetModules();
  const sent = { count: 0 };
  class Line {
    upload = {};
    status = 201;
    responseText = JSON.stringify({ id: 's1' });
    onload = (): void => undefined;
    onloadend = (): void => undefined;
    open = (): void => undefined;
    setRequestHeader = (): void => undefined;
    send = (): void => {
      sent.count += 1;
      queueMicrotask(() => {
        this.onload();
        this.onloadend();
      });
    };
  }
  vi.stubGlobal('XMLHttpRequest', Line);
  vi.stubGlobal('fetch', (request: Request) => Promise.resolve(asked(request)));
  const backs = new Set<() => void>();
  vi.doMock('@/api/events', () => ({
    onAnalysis: () => () => undefined,
    onReconnected: (listener: () => void) => backs.add(listener),
  }));
  const store = await import('./api/upload-store');
  const { renderHook } = await import('@testing-library/react');
  return {
    ...store,
    sent,
    first: () => renderHook(store.useUploads).result.current[0],
    lineIsBack: () => backs.forEach((back) => back()),
  };
}

beforeEach(() => vi.stubGlobal('location', new URL('http://norma.example/')));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.doUnmock('@/api/events');
});

describe('an upload', () => {
  it('learns how its analysis ended while the line was down', async () => {
    let status = 'analyzing';
    const page = await newPage(({ method }) => answer(analysis(method === 'POST' ? 'queued' : status), method === 'POST' ? 202 : 200));
    page.addUploads([source], options);
    await vi.waitFor(() => {
      expect(page.first()?.analysisId).toBe('a1');
    });
    expect(page.first()?.phase).toBe('analyzing');
    status = 'completed';
    page.lineIsBack();
    await vi.waitFor(() => {
      expect(page.first()).toMatchObject({ phase: 'done', verdict: 'norm' });
    });
  });

  it('that has arrived is not sent a second time when only its analysis was refused', async () => {
    let ready = false;
    const page = await newPage(() => (ready ? answer(analysis('queued'), 202) : answer({ code: 'unavailable', status: 503 }, 503)));
    page.addUploads([source], options);
    await vi.waitFor(() => {
      expect(page.first()).toMatchObject({ phase: 'refused', scanId: 's1' });
    });
    ready = true;
    page.retryUpload(page.first()?.id ?? 0);
    await vi.waitFor(() => {
      expect(page.first()).toMatchObject({ phase: 'analyzing', analysisId: 'a1', error: null });
    });
    expect(page.sent.count).toBe(1);
  });
});
