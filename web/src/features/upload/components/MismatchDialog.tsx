import { Button, Checkbox, Group, Loader, Modal, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { conflictsOf, isPatientUnread } from '@/api/errors';
import { usePatient } from '@/api/patients';
import { ErrorAlert } from '@/components/ErrorAlert';
import { IdentityComparison } from '@/identity/IdentityComparison';
import { PatientPicker } from '@/identity/PatientPicker';
import { registeredName, shownIdentity } from '@/identity/shown-identity';
import { useIdentityTexts } from '@/identity/use-identity-texts';

import { inspectUpload, sendFor, type Upload, type WantedPatient } from '../api/upload-store';

/** The files name another patient than the one who was chosen, or could not be read: shows both, and lets a person decide. */
export function MismatchDialog({ upload, onClose }: { upload: Upload; onClose: () => void }) {
  const { t } = useTranslation();
  const texts = useIdentityTexts();
  const chosenId = upload.patient && upload.patient !== 'of the files' ? upload.patient.patientId : null;
  const chosen = usePatient(chosenId);
  const [checked, check] = useState(false);
  const [other, choose] = useState<string | null>(null);
  const unread = isPatientUnread(upload.error);
  const inspected = useQuery({
    queryKey: ['inspected-upload', upload.id, chosenId],
    queryFn: ({ signal }) => inspectUpload(upload.id, signal),
    // It would take as long again.
    enabled: !unread,
    staleTime: Infinity,
    // It names a patient: it goes with the dialog.
    gcTime: 0,
    retry: false,
  });
  const send = (patient: WantedPatient): void => {
    onClose();
    sendFor(upload.id, patient);
  };
  const known = (inspected.data?.patients ?? []).filter(({ id }) => id !== chosenId);
  const files = inspected.data?.identity;
  return (
    <Modal opened onClose={onClose} size="lg" title={<b>{t(unread ? 'problem.patient_unread.title' : 'identity.mismatchTitle')}</b>} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <Stack data-testid="mismatch-dialog">
        <Text size="sm">{t(unread ? 'identity.unreadDetail' : 'identity.mismatchDetail')}</Text>
        {inspected.isLoading && (
          <Group gap="xs">
            <Loader size="xs" />
            <Text size="sm">{t('identity.reading')}</Text>
          </Group>
        )}
        <ErrorAlert error={inspected.error} />
        <IdentityComparison
          heads={[t('identity.chosenPatient'), t('identity.filesSay')]}
          one={chosen.data}
          other={files}
          conflicts={inspected.data?.patient_mismatch ?? conflictsOf(upload.error)}
        />
        <Text size="sm" fw={650}>
          {t('identity.otherPatient')}
        </Text>
        <Group gap="xs">
          {known.map((patient) => (
            <Button key={patient.id} variant="default" onClick={() => send({ patientId: patient.id })}>
              <span data-identity>{[registeredName(patient), ...texts.person(shownIdentity(patient, null, null))].join(' · ')}</span>
            </Button>
          ))}
          {files && !files.persons?.length && (
            <Button variant="default" onClick={() => send('of the files')} data-testid="take-from-files">
              {t('identity.takeFromFiles')}
            </Button>
          )}
        </Group>
        <Group align="flex-end" gap="xs">
          <PatientPicker label={t('identity.another')} placeholder={t('identity.search')} w={420} value={other} onChange={choose} without={chosenId} />
          <Button variant="default" disabled={!other} onClick={() => other && send({ patientId: other })}>
            {t('identity.sendForThis')}
          </Button>
        </Group>
        <Checkbox label={t(unread ? 'identity.confirmUnread' : 'identity.confirmBox')} checked={checked} onChange={(event) => check(event.currentTarget.checked)} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {t('common.cancel')}
          </Button>
          <Button color="red.9" disabled={!checked || !chosenId} onClick={() => chosenId && send({ patientId: chosenId, confirmed: true })}>
            {t('identity.confirm')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
