import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { bodyOf, client, done } from './client';
import { studiesKey } from './studies';
import type { PatientChange, PatientInput } from './types';

const patientsKey = ['patients'] as const;
const patientKey = (patientId: string) => ['patient', patientId] as const;

export interface PatientPage {
  search?: string | undefined;
  limit: number;
  offset: number;
}

export const usePatients = ({ search, limit, offset }: PatientPage) =>
  useQuery({
    queryKey: [...patientsKey, { search, limit, offset }],
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/patients', { params: { query: { search: search || undefined, limit, offset } }, signal })),
    placeholderData: keepPreviousData,
  });

export const usePatient = (patientId: string | null | undefined) =>
  useQuery({
    queryKey: patientKey(patientId ?? ''),
    enabled: Boolean(patientId),
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/patients/{patient_id}', { params: { path: { patient_id: patientId ?? '' } }, signal })),
  });

export function useCreatePatient() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: PatientInput) => bodyOf(client.POST('/api/patients', { body })),
    onSuccess: () => queries.invalidateQueries({ queryKey: patientsKey }),
  });
}

export function useUpdatePatient(patientId: string) {
  const queries = useQueryClient();
  return useMutation({
    // What is not sent stays as it is; the document's defaults make every field look required.
    mutationFn: (body: PatientInput) =>
      bodyOf(client.PUT('/api/patients/{patient_id}', { params: { path: { patient_id: patientId } }, body: body as PatientChange })),
    onSuccess: (patient) => {
      queries.setQueryData(patientKey(patientId), patient);
      void queries.invalidateQueries({ queryKey: patientsKey });
      void queries.invalidateQueries({ queryKey: studiesKey });
    },
  });
}

/** Makes two records one: `mergedId` becomes part of the record, and ends. */
export function useMergePatients(patientId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ mergedId, confirmed }: { mergedId: string; confirmed: boolean }) =>
      bodyOf(
        client.POST('/api/patients/{patient_id}/merge', {
          params: { path: { patient_id: patientId } },
          body: { merged_patient_id: mergedId, confirm_patient_mismatch: confirmed },
        }),
      ),
    onSuccess: (patient, { mergedId }) => {
      queries.removeQueries({ queryKey: patientKey(mergedId) });
      queries.setQueryData(patientKey(patientId), patient);
      void queries.invalidateQueries({ queryKey: patientsKey });
      void queries.invalidateQueries({ queryKey: studiesKey });
      void queries.invalidateQueries({ queryKey: ['scan'] });
    },
  });
}

export function useDeletePatient() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (patientId: string) =>
      done(client.DELETE('/api/patients/{patient_id}', { params: { path: { patient_id: patientId } } })),
    onSuccess: (_none, patientId) => {
      queries.removeQueries({ queryKey: patientKey(patientId) });
      void queries.invalidateQueries({ queryKey: patientsKey });
      void queries.invalidateQueries({ queryKey: studiesKey });
    },
  });
}
