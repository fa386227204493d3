import type { VolumeGeometry } from '@/api/types';

/** A prepared volume: the analysis that prepared it makes its pixels immutable, so they are kept in memory while the page is open. */
export interface ViewedVolume {
  scanId: string;
  analysisId: string;
  geometry: VolumeGeometry;
}

export const volumeKey = ({ scanId, analysisId }: ViewedVolume): string => `${scanId}@${analysisId}`;
