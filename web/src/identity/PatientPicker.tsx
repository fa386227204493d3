import { Select, type SelectProps } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { usePatient, usePatients } from '@/api/patients';
import type { Patient } from '@/api/types';

import { registeredName, shownIdentity } from './shown-identity';
import { useIdentityTexts } from './use-identity-texts';

interface PatientPickerProps extends Pick<SelectProps, 'label' | 'placeholder' | 'w' | 'disabled'> {
  value: string | null;
  onChange: (patientId: string | null) => void;
  /** Not to be chosen: the record that one is in. */
  without?: string | null | undefined;
}

/** Finds a registered patient by name or Patient ID. */
export function PatientPicker({ value, onChange, without, ...rest }: PatientPickerProps) {
  const { t } = useTranslation();
  const texts = useIdentityTexts();
  const [search, setSearch] = useState('');
  const [settled] = useDebouncedValue(search, 250);
  // A chosen patient's own label would find nobody else.
  const chosen = usePatient(value);
  const labelOf = (patient: Patient): string => [registeredName(patient), ...texts.person(shownIdentity(patient, null, null))].join(' · ');
  const wanted = chosen.data && settled === labelOf(chosen.data) ? '' : settled;
  const found = usePatients({ search: wanted, limit: 20, offset: 0 });
  const options = new Map((found.data?.items ?? []).map((patient) => [patient.id, patient]));
  if (chosen.data) {
    options.set(chosen.data.id, chosen.data);
  }
  return (
    <Select
      searchable
      clearable
      nothingFoundMessage={t('upload.noPatientFound')}
      // The gateway has searched already.
      filter={({ options: all }) => all}
      data={[...options.values()].filter(({ id }) => id !== without).map((patient) => ({ value: patient.id, label: labelOf(patient) }))}
      value={value}
      onChange={onChange}
      onSearchChange={setSearch}
      renderOption={({ option }) => <span data-identity>{option.label}</span>}
      clearButtonProps={{ 'aria-label': t('common.clear') }}
      data-identity={value ? true : undefined}
      {...rest}
    />
  );
}
