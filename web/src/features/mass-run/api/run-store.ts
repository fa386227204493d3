import { useSyncExternalStore } from 'react';

import { bodyOf, client, RESPOND_ASYNC } from '@/api/client';
import { asApiError, problemOf, type ApiError } from '@/api/errors';
import type { Prediction } from '@/api/types';
import { isLeaving } from '@/session/session';
import { currentSettings } from '@/settings/settings';
import { sizeOf, type UploadSource } from '@/transfer/collect';
import { Cancelled, packFiles } from '@/transfer/pack';
import { sendForm } from '@/transfer/send';

import { forgetInRun, noteInRun, noteUnsent, recallRun } from './run-memory';

export type ArchivePhase = 'waiting' | 'packing' | 'sending' | 'running' | 'done' | 'refused' | 'cancelled';

/** One archive of the run. */
export interface RunArchive {
  id: number;
  /** Empty for what another page has sent: the studies carry its name. */
  name: string;
  phase: ArchivePhase;
  movedBytes: number;
  totalBytes: number;
  prediction: Prediction | null;
  /** Images that have other content than those of the same identifiers in earlier studies: the answer to the upload alone tells. */
  otherContent: number;
  error: ApiError | null;
  startedAt: number | null;
}

interface Job {
  source: UploadSource | null;
  abort: AbortController;
}

const POLL_MS = 1_500;
/** The archive's answer is not waited for: rows are asked for as they come. */
const PREFER = 'wait=1';
const PARALLEL = 2;

let archives: readonly RunArchive[] = [];
let nextId = 1;
/** Whose run it is; nobody's before the page is opened. */
let userId: string | null = null;
/** Archives that an earlier page had not sent when it ended. */
let leftBehind = 0;
/** What the memory held when the page was opened. */
let recalled: readonly string[] = [];
const jobs = new Map<number, Job>();
const listeners = new Set<() => void>();

const moving = ({ phase }: RunArchive): boolean => phase === 'packing' || phase === 'sending';
const unsent = (archive: RunArchive): boolean => moving(archive) || archive.phase === 'waiting';

function publish(next: readonly RunArchive[]): void {
  archives = next;
  if (userId !== null) {
    noteUnsent(userId, archives.filter(unsent).length);
  }
  listeners.forEach((listener) => listener());
}

function change(id: number, part: Partial<RunArchive>): void {
  publish(archives.map((archive) => (archive.id === id ? { ...archive, ...part } : archive)));
}

const find = (id: number): RunArchive | undefined => archives.find((archive) => archive.id === id);

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, POLL_MS));

async function fetchPrediction(predictionId: string): Promise<Prediction> {
  const response = await fetch(`/inference/predictions/${predictionId}`, { headers: { Accept: 'application/json' } });
  if (!response.ok) {
    throw await problemOf(response);
  }
  return (await response.json()) as Prediction;
}

function drop(id: number, predictionId: string): void {
  if (userId !== null) {
    forgetInRun(userId, [predictionId]);
  }
  publish(archives.filter((archive) => archive.id !== id));
}

/** Asks until every study has ended. A lost connection is waited out: the run goes on without the page. */
async function follow(id: number, predictionId: string, again = false): Promise<void> {
  for (;;) {
    if (!find(id)) {
      return;
    }
    try {
      const prediction = await fetchPrediction(predictionId);
      change(id, { prediction, phase: prediction.finished ? 'done' : 'running', error: null });
      if (prediction.finished) {
        return;
      }
    } catch (reason) {
      const error = asApiError(reason);
      if (again && error.status === 404) {
        // Its studies have been deleted since.
        drop(id, predictionId);
        return;
      }
      const passing = error.status === 0 || error.status >= 500;
      change(id, passing ? { error } : { error, phase: 'refused' });
      if (!passing) {
        return;
      }
    }
    await pause();
  }
}

async function contentOf(id: number, source: UploadSource, signal: AbortSignal): Promise<{ file: Blob; fileName: string }> {
  const [first] = source.files;
  if (source.single && first) {
    return { file: first.file, fileName: first.file.name };
  }
  change(id, { phase: 'packing', movedBytes: 0 });
  const file = await packFiles(source.files, (movedBytes) => change(id, { movedBytes }), signal);
  return { file, fileName: `${source.name.replace(/[^\p{L}\p{N}._-]+/gu, '_')}.zip` };
}

async function run(id: number, source: UploadSource, signal: AbortSignal): Promise<void> {
  try {
    const { file, fileName } = await contentOf(id, source, signal);
    change(id, { phase: 'sending', movedBytes: 0, totalBytes: file.size });
    const { operatingPoint } = currentSettings();
    const prediction = await sendForm<Prediction>({
      url: `/inference/predict${operatingPoint ? `?operating_point=${encodeURIComponent(operatingPoint)}` : ''}`,
      fields: {},
      file,
      fileName,
      headers: { Prefer: PREFER },
      onProgress: (movedBytes, totalBytes) => change(id, { movedBytes, totalBytes }),
      signal,
    });
    if (userId !== null) {
      noteInRun(userId, prediction.id);
    }
    const otherContent = prediction.studies.reduce((sum, study) => sum + (study.other_content ?? 0), 0);
    change(id, { prediction, otherContent, phase: prediction.finished ? 'done' : 'running' });
    startWaiting();
    if (!prediction.finished) {
      await follow(id, prediction.id);
    }
  } catch (error) {
    change(id, error instanceof Cancelled ? { phase: 'cancelled' } : { phase: 'refused', error: asApiError(error) });
  } finally {
    startWaiting();
  }
}

function startWaiting(): void {
  const free = Math.max(0, PARALLEL - archives.filter(moving).length);
  for (const { id } of archives.filter(({ phase }) => phase === 'waiting').slice(0, free)) {
    const job = jobs.get(id);
    if (job?.source) {
      change(id, { phase: job.source.single ? 'sending' : 'packing', startedAt: Date.now() });
      void run(id, job.source, job.abort.signal);
    }
  }
}

export function addArchives(sources: UploadSource[]): void {
  const added = sources.map((source): RunArchive => {
    const id = nextId;
    nextId += 1;
    jobs.set(id, { source, abort: new AbortController() });
    return {
      id,
      name: source.name,
      phase: 'waiting',
      movedBytes: 0,
      totalBytes: sizeOf(source),
      prediction: null,
      otherContent: 0,
      error: null,
      startedAt: null,
    };
  });
  leftBehind = 0;
  publish([...archives, ...added]);
  startWaiting();
}

export function cancelArchive(id: number): void {
  jobs.get(id)?.abort.abort();
  if (find(id)?.phase === 'waiting') {
    change(id, { phase: 'cancelled' });
  }
}

/** Analyses the failed studies again, and sends again what did not arrive. */
export async function retryFailed(): Promise<void> {
  for (const archive of archives) {
    const job = jobs.get(archive.id);
    if ((archive.phase === 'refused' || archive.phase === 'cancelled') && job?.source && !archive.prediction) {
      jobs.set(archive.id, { ...job, abort: new AbortController() });
      change(archive.id, { phase: 'waiting', error: null, movedBytes: 0 });
    }
  }
  startWaiting();
  for (const { id, prediction, phase } of archives) {
    const failed = prediction?.studies.filter(({ status }) => status === 'failed') ?? [];
    if (!prediction || phase !== 'done' || failed.length === 0) {
      continue;
    }
    try {
      for (const { scan_id } of failed) {
        await bodyOf(client.POST('/api/scans/{scan_id}/analyze', { params: { path: { scan_id } }, headers: RESPOND_ASYNC }));
      }
      change(id, { phase: 'running', startedAt: Date.now() });
      void follow(id, prediction.id);
    } catch (error) {
      change(id, { error: asApiError(error) });
    }
  }
}

export function clearRun(): void {
  jobs.forEach(({ abort }) => abort.abort());
  jobs.clear();
  if (userId !== null) {
    forgetInRun(userId, [...recalled, ...archives.flatMap(({ prediction }) => (prediction ? [prediction.id] : []))]);
  }
  leftBehind = 0;
  publish([]);
}

/** Brings back the rows of this user's run: of another page, or of an earlier session. Once for the page. */
export function openRun(user: string): void {
  if (userId !== null) {
    return;
  }
  const memory = recallRun(user);
  userId = user;
  leftBehind = memory.unsent;
  recalled = memory.predictions;
  publish([
    ...memory.predictions.map((predictionId): RunArchive => {
      const id = nextId;
      nextId += 1;
      jobs.set(id, { source: null, abort: new AbortController() });
      void Promise.resolve().then(() => follow(id, predictionId, true));
      return { id, name: '', phase: 'running', movedBytes: 0, totalBytes: 0, prediction: null, otherContent: 0, error: null, startedAt: null };
    }),
    ...archives,
  ]);
}

window.addEventListener('beforeunload', (event) => {
  if (!isLeaving() && archives.some(unsent)) {
    event.preventDefault();
  }
});

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const useRun = (): readonly RunArchive[] => useSyncExternalStore(subscribe, () => archives);

/** How many archives an earlier page had not sent when it ended; they have to be chosen again. */
export const useLeftBehind = (): number => useSyncExternalStore(subscribe, () => leftBehind);
