import type { IdentityAttribute, Patient, StudyIdentity, StudyRow } from '@/api/types';

/** A patient as a worklist line or a record names him. */
export type NamedPatient = Pick<Patient, 'first_name' | 'last_name' | 'dicom_patient_id' | 'birth_date' | 'sex'>;

/** Whose study something is, as it is shown. What nobody said is null. */
export interface ShownIdentity {
  name: string | null;
  patientId: string | null;
  /** The files' own Patient ID where the record has another one. */
  filesPatientId: string | null;
  birthDate: string | null;
  sex: string | null;
  accessionNumber: string | null;
  studyDate: string | null;
  studyTime: string | null;
  /** In what the files contradict the patient that a person chose nonetheless. */
  conflicts: IdentityAttribute[];
}

/** Last name first: lists are read by it. */
export const registeredName = ({ first_name, last_name }: Pick<Patient, 'first_name' | 'last_name'>): string => `${last_name} ${first_name}`;

/**
 * A Patient's Name as it is read (PS3.5 6.2, PN): its first written form, `family^given^middle^prefix^suffix` without
 * the carets.
 */
export function dicomName(name: string | null | undefined): string | null {
  const form = (name ?? '').split('=').find((text) => text.replaceAll('^', '').trim() !== '');
  const words = (form ?? '').split('^').map((word) => word.trim()).filter(Boolean);
  return words.length > 0 ? words.join(' ') : null;
}

/** In what a record and the files surely name two people, also where nobody was asked about it. */
function contradictions(patient: NamedPatient, files: StudyIdentity): IdentityAttribute[] {
  const differs = (one: string | null | undefined, other: string | null | undefined): boolean => Boolean(one && other && one !== other);
  const said = (sex: string | null | undefined): string | null => (sex === 'M' || sex === 'F' ? sex : null);
  const found: IdentityAttribute[] = [];
  if (differs(patient.birth_date, files.birth_date)) {
    found.push('birth_date');
  }
  if (differs(said(patient.sex), said(files.sex))) {
    found.push('sex');
  }
  return found;
}

/** A record's own values, the files' where the record has none; the study's own from the files alone. */
export function shownIdentity(
  patient: NamedPatient | null | undefined,
  files: StudyIdentity | null | undefined,
  studyDate: string | null | undefined,
  conflicts: IdentityAttribute[] = [],
): ShownIdentity {
  // Pseudonyms contradict nothing.
  const own = patient && files && !files.is_deidentified ? files : null;
  const found = own && patient ? contradictions(patient, own) : [];
  const recordId = patient?.dicom_patient_id;
  return {
    name: patient ? registeredName(patient) : dicomName(files?.patient_name),
    patientId: recordId ?? files?.patient_id ?? null,
    filesPatientId: recordId && own?.patient_id && own.patient_id !== recordId ? own.patient_id : null,
    birthDate: patient?.birth_date ?? files?.birth_date ?? null,
    sex: patient?.sex ?? files?.sex ?? null,
    accessionNumber: files?.accession_number ?? null,
    studyDate: studyDate ?? files?.study_date ?? null,
    studyTime: files?.study_time ?? null,
    conflicts: [...conflicts, ...found.filter((attribute) => !conflicts.includes(attribute))],
  };
}

export const identityOfRow = ({ patient, identity, study_date, patient_mismatch }: StudyRow): ShownIdentity =>
  shownIdentity(patient, identity, study_date, patient_mismatch);
