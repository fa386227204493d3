import { Modal, Stack, Textarea, TextInput } from '@mantine/core';
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

/** Creates or changes a patient. */
export function PatientForm({ opened, title, patient, busy, error, onSubmit, onClose }: PatientFormProps) {
  const { t } = useTranslation();
  const name = (text: string): string | null => {
    if (!text.trim()) {
      return t('patients.required');
    }
    return text.length > LONGEST_NAME ? t('patients.tooLong', { max: LONGEST_NAME }) : null;
  };
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { first_name: '', last_name: '', description: '' },
    validate: {
      first_name: name,
      last_name: name,
      description: (text) => (text.length > LONGEST_TEXT ? t('patients.tooLong', { max: LONGEST_TEXT }) : null),
    },
  });
  useEffect(() => {
    if (opened) {
      form.setValues({
        first_name: patient?.first_name ?? '',
        last_name: patient?.last_name ?? '',
        description: patient?.description ?? '',
      });
      form.clearErrors();
    }
    // The form is filled when it opens; what is typed then stays.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [opened]);

  return (
    <Modal opened={opened} onClose={onClose} title={<b>{title}</b>} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <form onSubmit={form.onSubmit((values) => onSubmit(values))} noValidate>
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
