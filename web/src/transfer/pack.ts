import { Zip, ZipPassThrough } from 'fflate';

import type { PlacedFile } from './collect';

export class Cancelled extends Error {
  constructor() {
    super('cancelled');
    this.name = 'Cancelled';
  }
}

/**
 * Packs files into a zip without compressing them (DICOM is mostly compressed already, and the network is rarely
 * the narrow place). Streams each file: memory does not grow with the study, the parts lie in blobs.
 */
export async function packFiles(
  files: PlacedFile[],
  onProgress: (packedBytes: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const parts: Blob[] = [];
  let pending: Uint8Array<ArrayBuffer>[] = [];
  let pendingBytes = 0;
  const flush = (): void => {
    parts.push(new Blob(pending));
    pending = [];
    pendingBytes = 0;
  };
  let failure: Error | null = null;
  const zip = new Zip((error, chunk) => {
    if (error) {
      failure = error;
      return;
    }
    pending.push(chunk.slice());
    pendingBytes += chunk.length;
    if (pendingBytes > 16_000_000) {
      flush();
    }
  });
  let packed = 0;
  for (const { path, file } of files) {
    const entry = new ZipPassThrough(path);
    zip.add(entry);
    const reader = file.stream().getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      if (signal.aborted) {
        await reader.cancel();
        zip.terminate();
        throw new Cancelled();
      }
      entry.push(read.value);
      packed += read.value.length;
      onProgress(packed);
    }
    entry.push(new Uint8Array(0), true);
  }
  zip.end();
  if (failure) {
    throw failure as Error;
  }
  flush();
  return new Blob(parts, { type: 'application/zip' });
}
