import { useMutation, useQuery } from '@tanstack/react-query';

import { download } from '@/transfer/download';

import { bodyOf, client } from './client';
import { asApiError } from './errors';

/** A stream as one file, which the browser keeps on its disk where it is large. `onBytes` hears how many have come. */
async function fileOf(stream: ReadableStream<Uint8Array>, onBytes: (bytes: number) => void): Promise<Blob> {
  let bytes = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      bytes += piece.byteLength;
      onBytes(bytes);
      controller.enqueue(piece);
    },
  });
  return new Response(stream.pipeThrough(counted), { headers: { 'Content-Type': 'application/zip' } }).blob();
}

interface PatientExport {
  patientId: string;
  /** The reader lets it be. */
  signal: AbortSignal;
  onBytes: (bytes: number) => void;
}

/** All that is stored of a patient, as a zip, and how many bytes it has. An answer that breaks off is no archive, and an error here. */
export const useExportPatient = () =>
  useMutation({
    mutationFn: async ({ patientId, signal, onBytes }: PatientExport): Promise<number> => {
      const params = { path: { patient_id: patientId } };
      const stream: unknown = await bodyOf(client.POST('/api/patients/{patient_id}/export', { params, parseAs: 'stream', signal }));
      const archive = await fileOf(stream as ReadableStream<Uint8Array>, onBytes).catch((reason: unknown) => {
        throw asApiError(reason);
      });
      // Who let it be in the last moment gets no file.
      signal.throwIfAborted();
      download(archive, `patient-${patientId}.zip`);
      return archive.size;
    },
    gcTime: 0,
  });

/** What a deletion left of a patient. Each look is an event in the audit trail: none is taken that nobody asked for. */
export const useErasure = (patientId: string) =>
  useQuery({
    queryKey: ['erasure', patientId],
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/patients/{patient_id}/erasure', { params: { path: { patient_id: patientId } }, signal })),
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
