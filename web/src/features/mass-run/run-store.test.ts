import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Prediction } from '@/api/types';

const prediction = (id: string, finished: boolean): Prediction => ({
  id,
  finished,
  pending: finished ? 0 : 1,
  rows: [],
  summary: {},
  studies: [{ path_to_study: `${id}.zip`, scan_id: `scan-${id}`, status: finished ? 'completed' : 'analyzing' }],
  href: '',
  processing_status: 'Success',
});

const answer = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

/** The page's modules as a new page has them. */
async function newPage() {
  vi.resetModules();
  const store = await import('./api/run-store');
  const { renderHook } = await import('@testing-library/react');
  return {
    ...store,
    archives: () => renderHook(store.useRun).result.current,
    leftBehind: () => renderHook(store.useLeftBehind).result.current,
  };
}

const kept = (): string => JSON.stringify(Object.entries(window.localStorage));

beforeEach(() => window.localStorage.clear());
afterEach(() => vi.unstubAllGlobals());

describe('a mass run', () => {
  it('comes back to its user after the page or the session has ended, and to nobody else', async () => {
    window.localStorage.setItem('norma-mass-run:anna', JSON.stringify({ predictions: ['p1', 'gone'], unsent: 0 }));
    const asked = vi.fn((url: string) =>
      Promise.resolve(url.endsWith('/gone') ? answer({ code: 'prediction_not_found', status: 404 }, 404) : answer(prediction('p1', true))),
    );
    vi.stubGlobal('fetch', asked);
    const other = await newPage();
    other.openRun('boris');
    expect(other.archives()).toHaveLength(0);
    expect(asked).not.toHaveBeenCalled();

    const page = await newPage();
    page.openRun('anna');
    expect(page.archives()).toHaveLength(2);
    await vi.waitFor(() => {
      expect(page.archives().map(({ phase }) => phase)).toEqual(['done']);
    });
    expect(page.archives()[0]?.prediction?.studies[0]?.path_to_study).toBe('p1.zip');
    // What was deleted meanwhile is not asked for again.
    expect(kept()).toContain('p1');
    expect(kept()).not.toContain('gone');
    page.clearRun();
    expect(window.localStorage.length).toBe(0);
  });

  it('leaves no name of a file behind, and says what had not been sent', async () => {
    const sent = { count: 0 };
    class Line {
      upload = {};
      open = (): void => undefined;
      setRequestHeader = (): void => undefined;
      send = (): void => {
        sent.count += 1;
      };
    }
    vi.stubGlobal('XMLHttpRequest', Line);
    const page = await newPage();
    page.openRun('anna');
    page.addArchives(
      ['Petrova.zip', 'Ivanov.zip', 'Carter.zip'].map((name) => ({ name, single: true, files: [{ path: name, file: new File(['x'], name) }] })),
    );
    await vi.waitFor(() => {
      expect(sent.count).toBe(2);
    });
    expect(kept()).not.toMatch(/Petrova|Ivanov|Carter/);
    const later = await newPage();
    later.openRun('anna');
    expect(later.leftBehind()).toBe(3);
  });
});
