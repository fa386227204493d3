import { Anchor, Button, Group, Skeleton, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconArrowLeft, IconArrowsJoin, IconDownload, IconPencil, IconPhotoOff, IconTrash, IconUpload, IconUserOff, IconUserShare } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useParams } from 'react-router';

import { ApiError } from '@/api/errors';
import { useDeletePatient, usePatient, useUpdatePatient } from '@/api/patients';
import { useStudies } from '@/api/studies';
import { ConfirmDialog } from '@/components/ConfirmDialog';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import { Page } from '@/components/Page';
import pageClasses from '@/components/page.module.css';
import { MergePatientsDialog, PatientForm } from '@/features/patients';
import { ExportDialog, WasDeletedLink } from '@/features/personal-data';
import { StudiesTable } from '@/features/worklist';
import { formatDateTime } from '@/format/dates';
import { useIdentityTexts } from '@/identity/use-identity-texts';
import { freezeReadingList } from '@/reading-list/reading-list';
import { useMay } from '@/session/session-context';

export function PatientPage() {
  const { patientId = '' } = useParams();
  return <PatientCard key={patientId} patientId={patientId} />;
}

function PatientCard({ patientId }: { patientId: string }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const patient = usePatient(patientId);
  const studies = useStudies({ patientId, order: 'newest', limit: 100, offset: 0 });
  const update = useUpdatePatient(patientId);
  const remove = useDeletePatient();
  const [editing, edit] = useDisclosure(false);
  const [deleting, ask] = useDisclosure(false);
  const [exporting, takeAlong] = useDisclosure(false);
  const [merging, merge] = useDisclosure(false);
  const mayMerge = useMay('clinician');
  const texts = useIdentityTexts();

  if (patient.error instanceof ApiError && patient.error.patient.mergedInto) {
    return (
      <Notice NoticeIcon={IconUserShare} title={t('problem.patient_merged.title')} detail={t('problem.patient_merged.advice')}>
        <Button component={Link} to={`/patients/${patient.error.patient.mergedInto}`} variant="default">
          {t('identity.openRecord')}
        </Button>
      </Notice>
    );
  }
  if (patient.error instanceof ApiError && patient.error.code === 'patient_not_found') {
    return (
      <Notice NoticeIcon={IconUserOff} title={t('problem.patient_not_found.title')} detail={t('problem.patient_not_found.advice')} tone="error">
        <WasDeletedLink patientId={patientId} />
      </Notice>
    );
  }
  if (patient.error) {
    return <ErrorNotice error={patient.error} onRetry={() => void patient.refetch()} />;
  }
  if (!patient.data) {
    return <Skeleton m="xl" h={200} />;
  }
  const { first_name, last_name, description, created_at, dicom_patient_id, issuer_of_patient_id, birth_date, sex } = patient.data;
  const facts: [string, string | null | undefined][] = [
    [t('identity.attribute.patient_id'), [dicom_patient_id, issuer_of_patient_id && `(${issuer_of_patient_id})`].filter(Boolean).join(' ')],
    [t('identity.attribute.birth_date'), texts.date(birth_date)],
    [t('identity.attribute.sex'), texts.sex(sex)],
  ];
  const name = `${last_name} ${first_name}`;
  const total = studies.data?.total ?? 0;
  return (
    <Page
      title={name}
      identifying
      actions={
        <>
          <Button component={Link} to={`/upload?patient=${patientId}`} leftSection={<IconUpload size={16} />}>
            {t('patients.uploadFor')}
          </Button>
          <Button variant="default" leftSection={<IconPencil size={16} />} onClick={edit.open}>
            {t('patients.edit')}
          </Button>
          {mayMerge && (
            <Button variant="default" leftSection={<IconArrowsJoin size={16} />} onClick={merge.open}>
              {t('identity.mergeMenu')}
            </Button>
          )}
          <Button variant="default" leftSection={<IconDownload size={16} />} onClick={takeAlong.open}>
            {t('patients.export')}
          </Button>
          <Button variant="default" c="var(--pathology)" leftSection={<IconTrash size={16} />} onClick={ask.open}>
            {t('common.delete')}
          </Button>
        </>
      }
    >
      <Anchor component={Link} to="/patients" size="sm" c="var(--accent)">
        <Group gap={4} component="span">
          <IconArrowLeft size={15} aria-hidden />
          {t('patients.back')}
        </Group>
      </Anchor>
      <div className={pageClasses.padded}>
        <Group gap="xl" align="flex-start">
          {facts.map(([fact, value]) => (
            <div key={fact}>
              <Text size="xs" c="var(--text-dim)">
                {fact}
              </Text>
              <Text size="sm" data-identity>
                {value || '–'}
              </Text>
            </div>
          ))}
          <div>
            <Text size="xs" c="var(--text-dim)">
              {t('patients.created')}
            </Text>
            <Text size="sm">{formatDateTime(created_at, i18n.language)}</Text>
          </div>
          <div>
            <Text size="xs" c="var(--text-dim)">
              {t('patients.description')}
            </Text>
            <Text size="sm" style={{ whiteSpace: 'pre-wrap' }} maw={720} data-identity>
              {description || '–'}
            </Text>
          </div>
          <div>
            <Text size="xs" c="var(--text-dim)">
              {t('patients.id')}
            </Text>
            <Text size="sm" ff="monospace" c="var(--text-dim)">
              {patientId}
            </Text>
          </div>
        </Group>
      </div>
      <Title order={2} size="h4">
        {t('patients.history')}
      </Title>
      <div className={pageClasses.card}>
        {studies.error && <ErrorNotice error={studies.error} onRetry={() => void studies.refetch()} />}
        {studies.data && total === 0 && <Notice NoticeIcon={IconPhotoOff} title={t('patients.noStudies')} />}
        {studies.data && total > 0 && (
          <StudiesTable
            studies={studies.data.items}
            withPatient={false}
            onOpen={(scanId) => {
              const scanIds = studies.data.items.map((study) => study.scan_id);
              freezeReadingList({ filter: { patientId, order: 'newest' }, scanIds, start: 0, end: scanIds.length, total: studies.data.total });
              void navigate(`/studies/${scanId}`);
            }}
          />
        )}
      </div>
      {exporting && <ExportDialog patientId={patientId} onClose={takeAlong.close} />}
      {merging && <MergePatientsDialog patient={patient.data} onClose={merge.close} />}
      <PatientForm
        opened={editing}
        title={t('patients.editTitle')}
        patient={patient.data}
        busy={update.isPending}
        error={update.error}
        onSubmit={(input) => update.mutate(input, { onSuccess: edit.close })}
        onClose={() => {
          update.reset();
          edit.close();
        }}
      />
      <ConfirmDialog
        opened={deleting}
        title={t('patients.deleteTitle', { name })}
        detail={studies.data ? t('patients.deleteDetail', { count: total }) : t('common.loading')}
        confirm={t('patients.deleteConfirm')}
        busy={remove.isPending || !studies.data}
        error={remove.error}
        onConfirm={() => remove.mutate(patientId, { onSuccess: () => void navigate(`/erasures/${patientId}`) })}
        onClose={() => {
          remove.reset();
          ask.close();
        }}
      />
    </Page>
  );
}
