import { queryOptions, useMutation, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';

import { bodyOf, client, done, RESPOND_ASYNC } from './client';
import { asApiError, problemFrom } from './errors';
import { studiesKey } from './studies';
import type { Analysis, Priority, Problem, Reason, Report } from './types';

export const scanKey = (scanId: string) => ['scan', scanId] as const;

export const scanQuery = (scanId: string) =>
  queryOptions({
    queryKey: [...scanKey(scanId), 'scan'],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/scans/{scan_id}', { params: { path: { scan_id: scanId } }, signal })),
  });

export const useScan = (scanId: string) => useQuery(scanQuery(scanId));

/** What is known of a study's latest analysis. */
export type Answer =
  | { state: 'completed'; report: Report }
  | { state: 'running'; analysis: Analysis }
  | { state: 'failed'; analysis: Analysis | null; reason: Reason }
  | { state: 'not_analyzed' };

function answerOfProblem(problem: Problem | undefined): Answer | undefined {
  if (problem?.code === 'not_analyzed') {
    return { state: 'not_analyzed' };
  }
  if (problem?.code === 'analysis_running' && problem.analysis) {
    return { state: 'running', analysis: problem.analysis };
  }
  if (problem?.code === 'analysis_failed' && problem.reason) {
    return { state: 'failed', analysis: problem.analysis ?? null, reason: problem.reason };
  }
  return undefined;
}

async function fetchAnswer(scanId: string, signal: AbortSignal): Promise<Answer> {
  const { data, error, response } = await client
    .GET('/api/scans/{scan_id}/report', { params: { path: { scan_id: scanId } }, headers: { Accept: 'application/json' }, signal })
    .catch((reason: unknown) => {
      throw asApiError(reason);
    });
  if (response.ok && data) {
    const report = data as Report;
    if (report.scan_id !== scanId) {
      throw problemFrom(502, { code: 'wrong_study', detail: 'the report is another study’s' });
    }
    return { state: 'completed', report };
  }
  const answer = answerOfProblem(error);
  if (answer) {
    return answer;
  }
  throw problemFrom(response.status, error);
}

export const answerKey = (scanId: string) => [...scanKey(scanId), 'answer'] as const;

export const answerQuery = (scanId: string) =>
  queryOptions({
    queryKey: answerKey(scanId),
    queryFn: ({ signal }) => fetchAnswer(scanId, signal),
    // Events say when it changes; this is for the time in which none arrive.
    refetchInterval: (query) => (query.state.data?.state === 'running' ? 5_000 : false),
  });

export const useAnswer = (scanId: string) => useQuery(answerQuery(scanId));

export const volumeKey = (scanId: string) => [...scanKey(scanId), 'volume'] as const;

export const volumeQuery = (scanId: string) =>
  queryOptions({
    queryKey: volumeKey(scanId),
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/scans/{scan_id}/volume', { params: { path: { scan_id: scanId } }, signal })),
  });

export const useVolume = (scanId: string) => useQuery(volumeQuery(scanId));

export interface WantedAnalysis {
  scanId: string;
  operatingPoint?: string | undefined;
  /** An analysis that waits already becomes urgent. */
  priority?: Priority | undefined;
}

export function useAnalyze() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ scanId, operatingPoint, priority }: WantedAnalysis) =>
      bodyOf(
        client.POST('/api/scans/{scan_id}/analyze', {
          params: { path: { scan_id: scanId }, query: { operating_point: operatingPoint, priority } },
          headers: RESPOND_ASYNC,
        }),
      ),
    onSettled: (_analysis, _error, { scanId }) => {
      void queries.invalidateQueries({ queryKey: scanKey(scanId) });
      void queries.invalidateQueries({ queryKey: studiesKey });
    },
  });
}

/** Whose study one is to be: a registered patient's, or the one's that its files name. */
export type WantedPatient = { patientId: string } | 'of the files';

/** Puts a study into a patient's record. */
export function useMoveScan(scanId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ wanted, confirmed }: { wanted: WantedPatient; confirmed: boolean }) =>
      bodyOf(
        client.PUT('/api/scans/{scan_id}/patient', {
          params: { path: { scan_id: scanId } },
          body: {
            patient_id: wanted === 'of the files' ? null : wanted.patientId,
            patient_from_dicom: wanted === 'of the files',
            confirm_patient_mismatch: confirmed,
          },
        }),
      ),
    onSuccess: (scan) => {
      queries.setQueryData(scanQuery(scanId).queryKey, scan);
      void queries.invalidateQueries({ queryKey: studiesKey });
      void queries.invalidateQueries({ queryKey: ['patients'] });
    },
  });
}

export function useDeleteScan() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (scanId: string) =>
      done(client.DELETE('/api/scans/{scan_id}', { params: { path: { scan_id: scanId } } })),
    onSuccess: (_none, scanId) => {
      queries.removeQueries({ queryKey: scanKey(scanId) });
      void queries.invalidateQueries({ queryKey: studiesKey });
    },
  });
}

/** Fetches what a study's page needs before it is opened. */
export async function prefetchStudy(queries: QueryClient, scanId: string): Promise<void> {
  await Promise.all([
    queries.query(scanQuery(scanId)).catch(() => undefined),
    queries.query(answerQuery(scanId)).catch(() => undefined),
    queries.query(volumeQuery(scanId)).catch(() => undefined),
  ]);
}
