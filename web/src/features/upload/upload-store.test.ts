import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { UploadSource } from '@/transfer/collect';

const source: UploadSource = { name: 'study.zip', single: true, files: [{ path: 'study.zip', file: new File(['x'], 'study.zip') }] };
const options = { patient: null, analyze: true, operatingPoint: null };

const analysis = (status: string) => ({ id: 'a1', scan_id: 's1', status, stages: [], verdict: status === 'completed' ? 'norm' : null });

const answer = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

/** An upload that is taken at once; `asked` answers everything else. */
async function newPage(asked: (request: Request) => Response, taken: (url: string, form: FormData) => [number, unknown] = () => [201, { id: 's1' }]) {
  vi.resetModules();
  const sent = { count: 0 };
  class Line {
    upload = {};
    status = 0;
    responseText = '';
    url = '';
    onload = (): void => undefined;
    onloadend = (): void => undefined;
    open = (_method: string, url: string): void => {
      this.url = url;
    };
    setRequestHeader = (): void => undefined;
    send = (form: FormData): void => {
      sent.count += 1;
      queueMicrotask(() => {
        const [status, body] = taken(this.url, form);
        this.status = status;
        this.responseText = JSON.stringify(body);
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

  it('whose files name another patient waits for a person, and goes for whom he decides', async () => {
    const fields: Record<string, unknown>[] = [];
    const page = await newPage(
      () => answer(analysis('queued'), 202),
      (url, form) => {
        const { file, ...rest } = Object.fromEntries(form.entries());
        expect(file).toBeTruthy();
        fields.push({ url, ...rest });
        if (url === '/api/scans/inspect') {
          return [200, { identity: { patient_id: '4711' }, patient_mismatch: ['patient_id'], patients: [] }];
        }
        return rest['patient_id'] && !rest['confirm_patient_mismatch']
          ? [409, { code: 'patient_mismatch', conflicts: ['patient_id'] }]
          : [201, { id: 's1', patient_id: 'p1', identity: { patient_id: '4711' } }];
      },
    );
    page.addUploads([source], { ...options, patient: { patientId: 'p1' } });
    await vi.waitFor(() => {
      expect(page.first()).toMatchObject({ phase: 'refused', scanId: null, error: { code: 'patient_mismatch', patient: { conflicts: ['patient_id'] } } });
    });
    const id = page.first()?.id ?? 0;
    expect(await page.inspectUpload(id, new AbortController().signal)).toMatchObject({ identity: { patient_id: '4711' } });
    // Nothing was decided yet: it is sent for the same patient, and refused again.
    page.sendFor(id, { patientId: 'p1' });
    await vi.waitFor(() => {
      expect(fields).toHaveLength(3);
      expect(page.first()).toMatchObject({ phase: 'refused' });
    });
    page.sendFor(id, { patientId: 'p1', confirmed: true });
    await vi.waitFor(() => {
      expect(page.first()).toMatchObject({ phase: 'analyzing', scan: { identity: { patient_id: '4711' } }, error: null });
    });
    expect(fields).toEqual([
      { url: '/api/scans', patient_id: 'p1' },
      { url: '/api/scans/inspect', patient_id: 'p1' },
      { url: '/api/scans', patient_id: 'p1' },
      { url: '/api/scans', patient_id: 'p1', confirm_patient_mismatch: 'true' },
    ]);
    expect(page.patientFields('of the files')).toEqual({ patient_from_dicom: 'true' });
  });
});
