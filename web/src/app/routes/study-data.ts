import type { QueryClient } from '@tanstack/react-query';

import { answerKey, prefetchStudy, volumeKey, type Answer } from '@/api/scans';
import { parseGeometry, type Report, type VolumeDescription } from '@/api/types';
import { openingSlice } from '@/features/answer';
import { preloadSlice, type ViewedVolume } from '@/features/viewer';
import type { NamedSlice } from '@/slices/slice-names';

export function viewedVolume(volume: VolumeDescription | undefined): ViewedVolume | undefined {
  const geometry = volume && parseGeometry(volume.study.geometry);
  return geometry && { scanId: volume.scan_id, analysisId: volume.analysis_id, geometry };
}

/** The slices' names of the volume that the answer is about; without it those that the report itself names. */
export const namedSlices = (volume: VolumeDescription | undefined, report: Report | undefined): NamedSlice[] =>
  volume && (!report || volume.analysis_id === report.analysis_id) ? volume.slices : (report?.key_slices ?? []);

/** The slice to open at; without an answer the volume's middle. */
export const firstSlice = (viewed: ViewedVolume, report: Report | undefined): number =>
  report ? openingSlice(report) : Math.round(viewed.geometry.shape[0] / 2);

/** Fetches what a study's page shows first: its answer, its volume, the slice it opens at. */
export async function fetchStudy(queries: QueryClient, scanId: string): Promise<void> {
  await prefetchStudy(queries, scanId);
  const answer = queries.getQueryData<Answer>(answerKey(scanId));
  const viewed = viewedVolume(queries.getQueryData<VolumeDescription>(volumeKey(scanId)));
  if (viewed && answer?.state === 'completed') {
    preloadSlice(viewed, firstSlice(viewed, answer.report));
  }
}
