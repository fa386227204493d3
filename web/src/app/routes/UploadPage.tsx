import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconUserPlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';

import { useCreatePatient } from '@/api/patients';
import { Page } from '@/components/Page';
import { PatientForm } from '@/features/patients';
import { UploadForm, UploadQueue } from '@/features/upload';

export function UploadPage() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const [opened, form] = useDisclosure(false);
  const create = useCreatePatient();
  const choose = (patient: string | null): void => setParams(patient ? { patient } : {}, { replace: true });
  return (
    <Page
      title={t('upload.title')}
      subtitle={t('upload.subtitle')}
      actions={
        <Button variant="default" leftSection={<IconUserPlus size={16} />} onClick={form.open}>
          {t('upload.newPatient')}
        </Button>
      }
    >
      <UploadForm patientId={params.get('patient')} onPatient={choose} />
      <UploadQueue />
      <PatientForm
        opened={opened}
        title={t('patients.createTitle')}
        busy={create.isPending}
        error={create.error}
        onSubmit={(input) =>
          create.mutate(input, {
            onSuccess: (patient) => {
              choose(patient.id);
              form.close();
            },
          })
        }
        onClose={() => {
          create.reset();
          form.close();
        }}
      />
    </Page>
  );
}
