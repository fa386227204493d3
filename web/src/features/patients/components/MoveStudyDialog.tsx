import { Button, Checkbox, Group, Modal, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { conflictsOf, isPatientUnread } from '@/api/errors';
import { usePatient } from '@/api/patients';
import { useMoveScan, type WantedPatient } from '@/api/scans';
import type { Scan } from '@/api/types';
import { ErrorAlert } from '@/components/ErrorAlert';
import { IdentityComparison } from '@/identity/IdentityComparison';
import { PatientPicker } from '@/identity/PatientPicker';
import { dicomName } from '@/identity/shown-identity';

/** Puts a study into the record that it belongs to. */
export function MoveStudyDialog({ scan, onClose }: { scan: Scan; onClose: () => void }) {
  const { t } = useTranslation();
  const move = useMoveScan(scan.id);
  const [patientId, choose] = useState<string | null>(null);
  const [checked, check] = useState(false);
  const patient = usePatient(patientId);
  const conflicts = conflictsOf(move.error);
  const unread = isPatientUnread(move.error);
  const asks = unread || conflicts.length > 0;
  const files = scan.identity;
  const ofFiles = dicomName(files?.patient_name) ?? files?.patient_id;
  const start = (wanted: WantedPatient): void => move.mutate({ wanted, confirmed: checked && asks }, { onSuccess: onClose });
  return (
    <Modal opened onClose={onClose} size="lg" title={<b>{t('identity.moveTitle')}</b>} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <Stack data-testid="move-dialog">
        <Text size="sm">{t('identity.moveDetail')}</Text>
        {ofFiles && (
          <Group>
            <Button variant="default" loading={move.isPending} onClick={() => start('of the files')}>
              <span>
                {t('identity.moveToFiles')} <span data-identity>{ofFiles}</span>
              </span>
            </Button>
          </Group>
        )}
        <PatientPicker
          label={t('upload.patient')}
          placeholder={t('identity.search')}
          value={patientId}
          without={scan.patient_id}
          onChange={(id) => {
            choose(id);
            check(false);
            move.reset();
          }}
        />
        {asks ? (
          <>
            <Text size="sm" fw={650} c="var(--pathology)" role="alert">
              {t(unread ? 'identity.unreadDetail' : 'identity.mismatchDetail')}
            </Text>
            <IdentityComparison heads={[t('identity.chosenPatient'), t('identity.filesSay')]} one={patient.data} other={files} conflicts={conflicts} />
            <Checkbox label={t(unread ? 'identity.confirmUnread' : 'identity.confirmBox')} checked={checked} onChange={(event) => check(event.currentTarget.checked)} />
          </>
        ) : (
          <ErrorAlert error={move.error} />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {t('common.cancel')}
          </Button>
          <Button
            {...(asks ? { color: 'red.9' } : {})}
            loading={move.isPending}
            disabled={!patientId || (asks && !checked)}
            onClick={() => patientId && start({ patientId })}
          >
            {t(asks ? 'identity.moveConfirm' : 'identity.move')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
