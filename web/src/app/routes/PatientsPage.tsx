import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconUserPlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';

import { useCreatePatient } from '@/api/patients';
import { Page } from '@/components/Page';
import { PatientForm, PatientList } from '@/features/patients';
import { ErasuresLink } from '@/features/personal-data';

export function PatientsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [opened, form] = useDisclosure(false);
  const create = useCreatePatient();
  return (
    <Page
      title={t('patients.title')}
      actions={
        <>
          <ErasuresLink />
          <Button leftSection={<IconUserPlus size={16} />} onClick={form.open}>
            {t('patients.create')}
          </Button>
        </>
      }
    >
      <PatientList />
      <PatientForm
        opened={opened}
        title={t('patients.createTitle')}
        busy={create.isPending}
        error={create.error}
        onSubmit={(input) => create.mutate(input, { onSuccess: (patient) => void navigate(`/patients/${patient.id}`) })}
        onClose={() => {
          create.reset();
          form.close();
        }}
      />
    </Page>
  );
}
