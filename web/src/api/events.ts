import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';

import { scanKey } from './scans';
import { checkSession } from './session';
import { studiesKey } from './studies';
import type { AnalysisEvent } from './types';

export type Connection = 'connecting' | 'live' | 'lost';

const URL = '/api/events';
/** Bursts of events refresh the lists once. */
const LISTS_EVERY_MS = 700;
/** After an error the browser connects again by itself; when it gives up, this is the pause before the next try. */
const RECONNECT_MS = 3_000;
/** A line can hang without breaking, and an event source does not tell the heartbeats that it hears: so it is looked after. */
const LOOK_EVERY_MS = 15_000;
const ANSWER_WITHIN_MS = 8_000;
/** A computer that has slept for so long has a line that nobody answers on. */
const ASLEEP_MS = 150_000;

type Listener = (event: AnalysisEvent) => void;

const analysisListeners = new Set<Listener>();
const connectionListeners = new Set<() => void>();
let connection: Connection = 'connecting';

function setConnection(next: Connection): void {
  if (connection !== next) {
    connection = next;
    connectionListeners.forEach((listener) => listener());
  }
}

/** Hears where analyses stand; returns what ends it. */
export function onAnalysis(listener: Listener): () => void {
  analysisListeners.add(listener);
  return () => analysisListeners.delete(listener);
}

const backListeners = new Set<() => void>();

/** Hears that the line is back after it was lost: what happened meanwhile may never have been told. */
export function onReconnected(listener: () => void): () => void {
  backListeners.add(listener);
  return () => backListeners.delete(listener);
}

function parse(data: string): AnalysisEvent | undefined {
  try {
    return JSON.parse(data) as AnalysisEvent;
  } catch {
    return undefined;
  }
}

async function gatewayAnswers(): Promise<boolean> {
  try {
    return (await fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })).ok;
  } catch {
    return false;
  }
}

function connect(onBack: () => void): () => void {
  let source: EventSource | null = null;
  let retry: number | undefined;
  let ended = false;
  const open = (): void => {
    source = new EventSource(URL);
    source.onopen = () => {
      if (connection === 'lost') {
        onBack();
      }
      setConnection('live');
    };
    source.onerror = () => {
      setConnection('lost');
      if (source?.readyState === EventSource.CLOSED && !ended) {
        // Refused, not cut: it may be for want of a session, which an event source does not tell.
        void checkSession();
        retry = window.setTimeout(open, RECONNECT_MS);
      }
    };
    source.addEventListener('analysis', (message: MessageEvent<string>) => {
      const event = parse(message.data);
      if (event) {
        analysisListeners.forEach((listener) => listener(event));
      }
    });
  };
  let looked = Date.now();
  const look = async (): Promise<void> => {
    const asleep = Date.now() - looked > ASLEEP_MS;
    looked = Date.now();
    const hangs = connection === 'live' && (asleep || !(await gatewayAnswers()));
    if (hangs && !ended && connection === 'live') {
      setConnection('lost');
      source?.close();
      retry = window.setTimeout(open, RECONNECT_MS);
    }
  };
  const timer = window.setInterval(() => void look(), LOOK_EVERY_MS);
  open();
  return () => {
    ended = true;
    window.clearInterval(timer);
    window.clearTimeout(retry);
    source?.close();
  };
}

/** Keeps what is on screen fresh by server-sent events; once in the page. */
export function useLiveUpdates(): void {
  const queries = useQueryClient();
  useEffect(() => {
    let pending: number | undefined;
    const refreshLists = (): void => {
      pending ??= window.setTimeout(() => {
        pending = undefined;
        void queries.invalidateQueries({ queryKey: studiesKey });
      }, LISTS_EVERY_MS);
    };
    const stopListening = onAnalysis((event) => {
      void queries.invalidateQueries({ queryKey: scanKey(event.scan_id) });
      refreshLists();
    });
    // What happened while the line was down is fetched anew.
    const disconnect = connect(() => {
      void queries.invalidateQueries();
      backListeners.forEach((listener) => listener());
    });
    return () => {
      window.clearTimeout(pending);
      stopListening();
      disconnect();
    };
  }, [queries]);
}

export const useConnection = (): Connection =>
  useSyncExternalStore(
    (listener) => {
      connectionListeners.add(listener);
      return () => connectionListeners.delete(listener);
    },
    () => connection,
  );
