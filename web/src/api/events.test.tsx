import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { onReconnected, useConnection, useLiveUpdates } from './events';

/** Event sources as the page opens them; each can be told to have opened. */
class Source {
  static all: Source[] = [];
  static readonly CLOSED = 2;
  readyState = 0;
  onopen: () => void = () => undefined;
  onerror: () => void = () => undefined;
  closed = false;
  constructor() {
    Source.all.push(this);
  }
  addEventListener = (): void => undefined;
  close = (): void => {
    this.closed = true;
  };
}

beforeEach(() => {
  vi.useFakeTimers();
  Source.all = [];
  vi.stubGlobal('EventSource', Source);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('notices a line that hangs without breaking, and says when it is back', async () => {
  let answers = true;
  vi.stubGlobal('fetch', () => (answers ? Promise.resolve(new Response('{}')) : Promise.reject(new TypeError('no answer'))));
  const back = vi.fn();
  const stop = onReconnected(back);
  const queries = new QueryClient();
  const { result, unmount } = renderHook(
    () => {
      useLiveUpdates();
      return useConnection();
    },
    { wrapper: ({ children }) => <QueryClientProvider client={queries}>{children}</QueryClientProvider> },
  );
  const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
  act(() => Source.all[0]?.onopen());
  await pass(31_000);
  expect(result.current).toBe('live');
  expect(Source.all).toHaveLength(1);

  answers = false;
  await pass(15_000);
  expect(result.current).toBe('lost');
  expect(Source.all[0]?.closed).toBe(true);

  answers = true;
  await pass(3_000);
  expect(Source.all).toHaveLength(2);
  expect(back).not.toHaveBeenCalled();
  act(() => Source.all[1]?.onopen());
  expect(result.current).toBe('live');
  expect(back).toHaveBeenCalledTimes(1);
  stop();
  unmount();
});
