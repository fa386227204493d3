import { noteStatus } from '@/session/session';

import type { IdentityAttribute } from './types';

/** What a refusal says of patients' records. */
export interface PatientProblem {
  /** In what a study, or another record, contradicts the patient. */
  conflicts?: IdentityAttribute[];
  /** The record that the wanted one became part of. */
  mergedInto?: string;
}

const ATTRIBUTES: readonly IdentityAttribute[] = ['patient_id', 'patient_name', 'birth_date', 'sex'];

function allowedIn(body: unknown): string[] {
  const { allowed } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  return Array.isArray(allowed) ? allowed.filter((word) => typeof word === 'string') : [];
}

function patientProblem(body: unknown): PatientProblem {
  const { conflicts, merged_into } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  return {
    ...(Array.isArray(conflicts) ? { conflicts: ATTRIBUTES.filter((attribute) => conflicts.includes(attribute)) } : {}),
    ...(typeof merged_into === 'string' ? { mergedInto: merged_into } : {}),
  };
}

/** What the gateway refused, after RFC 9457: a stable code and a sentence. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** When it may be tried again, where the gateway says so. */
    readonly retryAfterSeconds: number | null = null,
    readonly patient: PatientProblem = {},
    /** What would be accepted, where the gateway says so. */
    readonly allowed: readonly string[] = [],
  ) {
    super(`${code}: ${detail}`);
    this.name = 'ApiError';
  }
}

/** The gateway could not be reached at all. */
export const NETWORK_ERROR = 'network_error';

function fieldOf(body: unknown, name: string): string | undefined {
  if (typeof body === 'object' && body !== null && name in body) {
    const value = (body as Record<string, unknown>)[name];
    return typeof value === 'string' ? value : undefined;
  }
  return undefined;
}

/** Makes an error of a problem document, whatever the body really is. */
export function problemFrom(status: number, body: unknown, retryAfterSeconds: number | null = null): ApiError {
  return new ApiError(
    status,
    fieldOf(body, 'code') ?? `http_${status}`,
    fieldOf(body, 'detail') ?? fieldOf(body, 'title') ?? '',
    retryAfterSeconds,
    patientProblem(body),
    allowedIn(body),
  );
}

/** In what the refusal says that two patients differ; none where it was refused for another reason. */
export const conflictsOf = (error: unknown): IdentityAttribute[] =>
  error instanceof ApiError && error.code === 'patient_mismatch' ? (error.patient.conflicts ?? []) : [];

/** Whether it was refused because nobody could read whom the files name. */
export const isPatientUnread = (error: unknown): boolean => error instanceof ApiError && error.code === 'patient_unread';

/** `Retry-After` in seconds. */
export function retryAfterOf(response: Response): number | null {
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

export async function problemOf(response: Response): Promise<ApiError> {
  noteStatus(response.status);
  const body: unknown = await response.json().catch(() => null);
  return problemFrom(response.status, body, retryAfterOf(response));
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) {
    return error;
  }
  return new ApiError(0, NETWORK_ERROR, error instanceof Error ? error.message : String(error));
}
