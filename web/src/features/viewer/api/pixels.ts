import { ApiError, problemOf } from '@/api/errors';
import type { Stage } from '@/api/types';

import type { ViewedVolume } from '../imaging/viewed-volume';

async function fetchBytes(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) {
    throw await problemOf(response);
  }
  return response.arrayBuffer();
}

function requireLength(url: string, found: number, expected: number): void {
  if (found !== expected) {
    // A short answer must never be shown as a picture.
    throw new ApiError(502, 'malformed_pixels', `${url}: ${found} bytes instead of ${expected}`);
  }
}

/** Hounsfield units of one slice, row-major. */
export async function fetchSlice(volume: ViewedVolume, slice: number): Promise<Int16Array> {
  const [, rows, columns] = volume.geometry.shape;
  const url = `/api/scans/${volume.scanId}/slices/${slice}?analysis_id=${volume.analysisId}`;
  const bytes = await fetchBytes(url);
  requireLength(url, bytes.byteLength, columns * rows * 2);
  return new Int16Array(bytes);
}

/** A stage's map over one slice, 0..=255, row-major in the slice's own geometry; null where the stage has none. */
export async function fetchMap(volume: ViewedVolume, stage: Stage, slice: number): Promise<Uint8Array | null> {
  const [, rows, columns] = volume.geometry.shape;
  const url = `/api/scans/${volume.scanId}/heatmaps/${stage}/${slice}?analysis_id=${volume.analysisId}`;
  try {
    const bytes = await fetchBytes(url);
    requireLength(url, bytes.byteLength, columns * rows);
    return new Uint8Array(bytes);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      return null;
    }
    throw error;
  }
}
