import { Group, Modal, Select, Stack, Textarea, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';

import display from '@/api/display.json';
import type { Patient, PatientInput } from '@/api/types';
import { FormEnd } from '@/components/FormEnd';

interface PatientFormProps {
  opened: boolean;
  title: string;
  patient?: Patient | undefined;
  busy: boolean;
  error: unknown;
  onSubmit: (input: PatientInput) => void;
  onClose: () => void;
}

const LONGEST_NAME = display.limits.name_characters;
const LONGEST_TEXT = display.limits.text_characters;
/** Of an LO value (PS3.5 table 6.2-1). */
const LONGEST_IDENTIFIER = 64;

/** A day as a date field has it, `YYYY-MM-DD`. */
const dayOf = (date: string | null | undefined): string => (date ?? '').replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');

/** Creates or changes a patient. */
export function PatientForm({ opened, title, patient, busy, error, onSubmit, onClose }: PatientFormProps) {
  const { t } = useTranslation();
  const name = (text: string): string | null => {
    if (!text.trim()) {
      return t('patients.required');
    }
    return text.length > LONGEST_NAME ? t('patients.tooLong', { max: LONGEST_NAME }) : null;
  };
  const identifier = (text: string): string | null => (text.length > LONGEST_IDENTIFIER ? t('patients.tooLong', { max: LONGEST_IDENTIFIER }) : null);
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { first_name: '', last_name: '', description: '', dicom_patient_id: '', issuer_of_patient_id: '', birth_date: '', sex: '' },
    validate: {
      first_name: name,
      last_name: name,
      dicom_patient_id: identifier,
      issuer_of_patient_id: identifier,
      description: (text) => (text.length > LONGEST_TEXT ? t('patients.tooLong', { max: LONGEST_TEXT }) : null),
    },
  });
  useEffect(() => {
    if (opened) {
      form.setValues({
        first_name: patient?.first_name ?? '',
        last_name: patient?.last_name ?? '',
        description: patient?.description ?? '',
        dicom_patient_id: patient?.dicom_patient_id ?? '',
        issuer_of_patient_id: patient?.issuer_of_patient_id ?? '',
        birth_date: dayOf(patient?.birth_date),
        sex: patient?.sex ?? '',
      });
      form.clearErrors();
    }
    // The form is filled when it opens; what is typed then stays.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [opened]);

  return (
    <Modal opened={opened} onClose={onClose} title={<b>{title}</b>} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <form onSubmit={form.onSubmit((values) => onSubmit({ ...values, birth_date: values.birth_date.replaceAll('-', '') }))} noValidate>
        <Stack>
          <TextInput
            label={t('patients.lastName')}
            required
            data-autofocus
            autoComplete="off"
            key={form.key('last_name')}
            {...form.getInputProps('last_name')}
          />
          <TextInput
            label={t('patients.firstName')}
            required
            autoComplete="off"
            key={form.key('first_name')}
            {...form.getInputProps('first_name')}
          />
          <Group grow align="flex-start">
            <TextInput
              label={t('identity.attribute.patient_id')}
              autoComplete="off"
              key={form.key('dicom_patient_id')}
              {...form.getInputProps('dicom_patient_id')}
            />
            <TextInput
              label={t('identity.issuer')}
              autoComplete="off"
              key={form.key('issuer_of_patient_id')}
              {...form.getInputProps('issuer_of_patient_id')}
            />
          </Group>
          <Group grow align="flex-start">
            <TextInput type="date" label={t('identity.attribute.birth_date')} key={form.key('birth_date')} {...form.getInputProps('birth_date')} />
            <Select
              label={t('identity.attribute.sex')}
              allowDeselect={false}
              data={[
                { value: '', label: t('common.unknown') },
                ...(['F', 'M', 'O'] as const).map((value) => ({ value, label: t(`identity.sexOf.${value}`) })),
              ]}
              key={form.key('sex')}
              {...form.getInputProps('sex')}
            />
          </Group>
          <Textarea
            label={t('patients.description')}
            placeholder={t('patients.descriptionHint')}
            autosize
            minRows={3}
            maxRows={8}
            key={form.key('description')}
            {...form.getInputProps('description')}
          />
          <FormEnd error={error} submit={t('common.save')} busy={busy} onClose={onClose} />
        </Stack>
      </form>
    </Modal>
  );
}
