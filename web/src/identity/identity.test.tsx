import { MantineProvider } from '@mantine/core';
import { render, screen, within } from '@testing-library/react';
import { expect, it } from 'vitest';

import { conflictsOf, problemFrom } from '@/api/errors';
import type { StudyIdentity, StudyRow } from '@/api/types';
import i18next from '@/i18n/i18n';

import { IdentityComparison } from './IdentityComparison';
import { MismatchMark } from './MismatchMark';
import { dicomName, identityOfRow, shownIdentity } from './shown-identity';

const files: StudyIdentity = {
  patient_id: '4711',
  issuer_of_patient_id: null,
  patient_name: 'Petrova^Anna^Ivanovna',
  birth_date: '19600515',
  sex: 'F',
  accession_number: 'A-17',
  study_date: '20261103',
  study_time: '142530',
  study_description: null,
  referring_physician: null,
  institution: null,
  is_deidentified: false,
  persons: [],
};
const record = { first_name: 'John', last_name: 'Carter', dicom_patient_id: '12', birth_date: null, sex: 'M' };

it('reads a Patient’s Name without its carets, in the first form that is written', () => {
  expect(dicomName('Petrova^Anna^^Dr')).toBe('Petrova Anna Dr');
  expect(dicomName('^^=山田^太郎')).toBe('山田 太郎');
  expect(dicomName('^^')).toBeNull();
  expect(dicomName(null)).toBeNull();
});

it('names the patient of the files where no record was chosen, and the record’s otherwise', () => {
  const alone = identityOfRow({ patient: null, identity: files, study_date: null, patient_mismatch: [] } as unknown as StudyRow);
  expect(alone).toMatchObject({ name: 'Petrova Anna Ivanovna', patientId: '4711', studyDate: '20261103', accessionNumber: 'A-17' });
  const chosen = shownIdentity(record, files, '20261104', ['patient_id', 'patient_name']);
  expect(chosen).toMatchObject({ name: 'Carter John', patientId: '12', sex: 'M', birthDate: '19600515', studyDate: '20261104' });
  expect(chosen.conflicts).toEqual(['patient_id', 'patient_name', 'sex']);
  expect(chosen.filesPatientId).toBe('4711');
  expect(shownIdentity(null, null, null)).toMatchObject({ name: null, patientId: null, studyDate: null });
});

it('tells a study of another person also where nobody was asked, and takes a pseudonym for none', () => {
  const other = { ...record, birth_date: '19520101' };
  expect(shownIdentity(other, files, null).conflicts).toEqual(['birth_date', 'sex']);
  const same = { ...record, dicom_patient_id: '4711', sex: 'F', birth_date: '19600515' };
  expect(shownIdentity(same, files, null)).toMatchObject({ conflicts: [], filesPatientId: null });
  expect(shownIdentity({ ...same, sex: 'O' }, files, null).conflicts).toEqual([]);
  expect(shownIdentity(other, { ...files, is_deidentified: true }, null)).toMatchObject({ conflicts: [], filesPatientId: null });
});

it('takes of a refusal what differs, and of no other refusal', () => {
  const refused = problemFrom(409, { code: 'patient_mismatch', conflicts: ['sex', 'patient_id', 'something new'] });
  expect(conflictsOf(refused)).toEqual(['patient_id', 'sex']);
  expect(conflictsOf(problemFrom(409, { code: 'analysis_running', conflicts: ['sex'] }))).toEqual([]);
  expect(problemFrom(410, { code: 'patient_merged', merged_into: 'p2' }).patient.mergedInto).toBe('p2');
});

it('sets both sides beside each other, marks what differs, and hides with the patient', async () => {
  await i18next.changeLanguage('en');
  render(
    <MantineProvider>
      <IdentityComparison heads={['Chosen patient', 'The files say']} one={record} other={files} conflicts={['patient_id', 'sex']} />
      <MismatchMark conflicts={['patient_id', 'sex']} />
    </MantineProvider>,
  );
  const id = screen.getByRole('row', { name: /Patient ID.*12.*4711/ });
  expect(id.dataset['differs']).toBe('true');
  expect(screen.getByRole('row', { name: /Sex.*male.*female/ }).dataset['differs']).toBe('true');
  expect(screen.getByRole('row', { name: /Date of birth.*–.*15 May 1960/ }).dataset['differs']).toBe('false');
  for (const cell of within(id).getAllByRole('cell')) {
    expect(cell.hasAttribute('data-identity')).toBe(true);
  }
  const mark = screen.getByTestId('patient-mismatch');
  expect(mark.textContent).toBe('The files name another patient: Patient ID, Sex');
});

it('sets every person whom the files name beside the chosen patient', async () => {
  await i18next.changeLanguage('en');
  const mixed = {
    ...files,
    patient_id: null,
    patient_name: null,
    persons: [
      { patient_id: '4711', issuer_of_patient_id: null, patient_name: 'PETROVA^ANNA', birth_date: '19600515', sex: 'F', is_deidentified: false },
      { patient_id: '9', issuer_of_patient_id: null, patient_name: 'IVANOV^IVAN', birth_date: null, sex: null, is_deidentified: false },
    ],
  };
  render(
    <MantineProvider>
      <IdentityComparison heads={['Chosen patient', 'The files say']} one={record} other={mixed} conflicts={['patient_id']} />
    </MantineProvider>,
  );
  expect(screen.getByRole('row', { name: /Patient ID.*12.*4711.*9/ })).toBeDefined();
  expect(screen.getByText('PETROVA ANNA')).toBeDefined();
  expect(screen.getByText('IVANOV IVAN')).toBeDefined();
});
