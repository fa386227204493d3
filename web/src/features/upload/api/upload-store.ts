import { useSyncExternalStore } from 'react';

import { onAnalysis, onReconnected } from '@/api/events';
import { bodyOf, client, RESPOND_ASYNC } from '@/api/client';
import { asApiError, type ApiError } from '@/api/errors';
import type { Analysis, AnalysisStatus, InspectedUpload, Reason, Scan, StageProgress, Verdict } from '@/api/types';
import { isLeaving } from '@/session/session';
import { type UploadSource, sizeOf } from '@/transfer/collect';
import { Cancelled, packFiles } from '@/transfer/pack';
import { sendForm } from '@/transfer/send';

export type UploadPhase = 'waiting' | 'packing' | 'sending' | 'stored' | 'analyzing' | 'done' | 'refused' | 'cancelled';

/** Whose studies are uploaded: a registered patient's, the one's that the files name, or nobody's that is known. */
export type WantedPatient = { patientId: string; confirmed?: boolean } | 'of the files' | null;

export interface UploadOptions {
  patient: WantedPatient;
  analyze: boolean;
  operatingPoint: string | null;
}

/** One upload, from the drop to the answer. */
export interface Upload {
  id: number;
  name: string;
  fileCount: number;
  phase: UploadPhase;
  /** Bytes packed or sent, of `totalBytes`. */
  movedBytes: number;
  totalBytes: number;
  error: ApiError | null;
  patient: WantedPatient;
  /** What is stored, as the gateway answered it. */
  scan: Scan | null;
  scanId: string | null;
  analysisId: string | null;
  status: AnalysisStatus | null;
  stages: StageProgress[];
  verdict: Verdict | null;
  failure: Pick<Reason, 'code'> | null;
}

interface Job {
  source: UploadSource;
  options: UploadOptions;
  abort: AbortController;
  /** What was packed and refused: it may have to go once more. */
  packed?: Content;
}

interface Content {
  file: Blob;
  fileName: string;
}

/** How many go over the line at once. */
const PARALLEL = 2;

let uploads: readonly Upload[] = [];
let nextId = 1;
const jobs = new Map<number, Job>();
const listeners = new Set<() => void>();

function publish(next: readonly Upload[]): void {
  uploads = next;
  listeners.forEach((listener) => listener());
}

function change(id: number, part: Partial<Upload>): void {
  publish(uploads.map((upload) => (upload.id === id ? { ...upload, ...part } : upload)));
}

const find = (id: number): Upload | undefined => uploads.find((upload) => upload.id === id);

const moving = ({ phase }: Upload): boolean => phase === 'packing' || phase === 'sending';

type Standing = Pick<Analysis, 'scan_id' | 'status' | 'stages' | 'verdict'> & { failure_code?: Reason['code'] | null };

function noteStanding({ scan_id, status, stages, verdict, failure_code }: Standing): void {
  const upload = uploads.find(({ scanId }) => scanId === scan_id);
  if (!upload || upload.phase === 'refused' || upload.phase === 'cancelled') {
    return;
  }
  const final = status === 'completed' || status === 'failed';
  change(upload.id, {
    phase: final ? 'done' : 'analyzing',
    status,
    stages,
    verdict: verdict ?? null,
    failure: failure_code ? { code: failure_code } : null,
  });
}

onAnalysis(noteStanding);

onReconnected(() => {
  for (const { phase, analysisId } of uploads) {
    if (phase === 'analyzing' && analysisId) {
      bodyOf(client.GET('/api/analyses/{analysis_id}', { params: { path: { analysis_id: analysisId } } })).then(
        (analysis) => noteStanding({ ...analysis, failure_code: analysis.failure?.code ?? null }),
        // Still no line: the next time that it is back this is asked again.
        () => undefined,
      );
    }
  }
});

async function contentOf(id: number, { source, abort, packed }: Job): Promise<Content> {
  const [first] = source.files;
  if (packed) {
    return packed;
  }
  if (source.single && first) {
    return { file: first.file, fileName: first.file.name };
  }
  change(id, { phase: 'packing', movedBytes: 0 });
  const file = await packFiles(source.files, (movedBytes) => change(id, { movedBytes }), abort.signal);
  return { file, fileName: `${source.name.replace(/[^\p{L}\p{N}._-]+/gu, '_')}.zip` };
}

/** The form's fields that say whose study it is. */
export function patientFields(patient: WantedPatient): Record<string, string> {
  if (patient === 'of the files') {
    return { patient_from_dicom: 'true' };
  }
  return patient ? { patient_id: patient.patientId, ...(patient.confirmed ? { confirm_patient_mismatch: 'true' } : {}) } : {};
}

async function analyze(id: number, scanId: string, operatingPoint: string | null): Promise<void> {
  change(id, { phase: 'analyzing', status: 'queued' });
  const analysis = await bodyOf(
    client.POST('/api/scans/{scan_id}/analyze', {
      params: { path: { scan_id: scanId }, query: { operating_point: operatingPoint ?? undefined } },
      headers: RESPOND_ASYNC,
    }),
  );
  change(id, { analysisId: analysis.id });
  // An event may have been quicker than this answer.
  if (find(id)?.phase !== 'done') {
    change(id, { status: analysis.status, stages: analysis.stages });
  }
}

async function run(id: number, job: Job): Promise<void> {
  const stored = find(id)?.scanId;
  try {
    if (stored) {
      // It has arrived; only its analysis could not be requested.
      await analyze(id, stored, job.options.operatingPoint);
      return;
    }
    const content = await contentOf(id, job);
    const { file, fileName } = content;
    jobs.set(id, { ...job, packed: content });
    change(id, { phase: 'sending', movedBytes: 0, totalBytes: file.size });
    const { patient, analyze: analyzing, operatingPoint } = job.options;
    const scan = await sendForm<Scan>({
      url: '/api/scans',
      fields: patientFields(patient),
      file,
      fileName,
      onProgress: (movedBytes, totalBytes) => change(id, { movedBytes, totalBytes }),
      signal: job.abort.signal,
    });
    jobs.set(id, job);
    change(id, { phase: 'stored', scan, scanId: scan.id });
    if (analyzing) {
      await analyze(id, scan.id, operatingPoint);
    }
  } catch (error) {
    change(id, error instanceof Cancelled ? { phase: 'cancelled' } : { phase: 'refused', error: asApiError(error) });
  } finally {
    startWaiting();
  }
}

function startWaiting(): void {
  const free = PARALLEL - uploads.filter(moving).length;
  const waiting = uploads.filter(({ phase }) => phase === 'waiting').slice(0, Math.max(0, free));
  for (const { id, } of waiting) {
    const job = jobs.get(id);
    if (job) {
      if (!find(id)?.scanId) {
        change(id, { phase: job.source.single ? 'sending' : 'packing' });
      }
      void run(id, job);
    }
  }
}

export function addUploads(sources: UploadSource[], options: UploadOptions): void {
  const added = sources.map((source): Upload => {
    const id = nextId;
    nextId += 1;
    jobs.set(id, { source, options, abort: new AbortController() });
    return {
      id,
      name: source.name,
      fileCount: source.files.length,
      phase: 'waiting',
      movedBytes: 0,
      totalBytes: sizeOf(source),
      error: null,
      patient: options.patient,
      scan: null,
      scanId: null,
      analysisId: null,
      status: null,
      stages: [],
      verdict: null,
      failure: null,
    };
  });
  publish([...added, ...uploads]);
  startWaiting();
}

export function cancelUpload(id: number): void {
  jobs.get(id)?.abort.abort();
  if (find(id)?.phase === 'waiting') {
    change(id, { phase: 'cancelled' });
  }
}

export function retryUpload(id: number): void {
  const job = jobs.get(id);
  const upload = find(id);
  if (!job || !upload) {
    return;
  }
  jobs.set(id, { ...job, abort: new AbortController() });
  change(id, { phase: 'waiting', error: null, movedBytes: 0, analysisId: null, status: null, stages: [], failure: null });
  startWaiting();
}

/** Sends an upload for another patient, or for the same one once a person has confirmed it. */
export function sendFor(id: number, patient: WantedPatient): void {
  const job = jobs.get(id);
  if (job) {
    jobs.set(id, { ...job, options: { ...job.options, patient } });
    change(id, { patient });
    retryUpload(id);
  }
}

/** Asks whose study an upload says that it is; nothing of it is stored. */
export async function inspectUpload(id: number, signal: AbortSignal): Promise<InspectedUpload> {
  const job = jobs.get(id);
  if (!job) {
    throw new Cancelled();
  }
  const { patient } = job.options;
  return sendForm<InspectedUpload>({
    url: '/api/scans/inspect',
    fields: patient && patient !== 'of the files' ? { patient_id: patient.patientId } : {},
    ...(await contentOf(id, job)),
    onProgress: () => undefined,
    signal,
  });
}

const settled = ({ phase }: Upload): boolean => ['done', 'stored', 'refused', 'cancelled'].includes(phase);

export function removeUpload(id: number): void {
  jobs.delete(id);
  publish(uploads.filter((upload) => upload.id !== id));
}

export function removeSettled(): void {
  uploads.filter(settled).forEach(({ id }) => jobs.delete(id));
  publish(uploads.filter((upload) => !settled(upload)));
}

window.addEventListener('beforeunload', (event) => {
  // Closing the page would break off what is on the way.
  if (!isLeaving() && uploads.some((upload) => moving(upload) || upload.phase === 'waiting')) {
    event.preventDefault();
  }
});

/** All uploads of this page, newest first; they go on while other pages are looked at. */
export const useUploads = (): readonly Upload[] =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => uploads,
  );
