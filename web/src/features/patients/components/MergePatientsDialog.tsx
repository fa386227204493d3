import { Button, Checkbox, Group, Modal, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { conflictsOf } from '@/api/errors';
import { useMergePatients, usePatient } from '@/api/patients';
import type { Patient } from '@/api/types';
import { ErrorAlert } from '@/components/ErrorAlert';
import { IdentityComparison } from '@/identity/IdentityComparison';
import { PatientPicker } from '@/identity/PatientPicker';

/** Makes two records of one patient one. */
export function MergePatientsDialog({ patient, onClose }: { patient: Patient; onClose: () => void }) {
  const { t } = useTranslation();
  const merge = useMergePatients(patient.id);
  const [mergedId, choose] = useState<string | null>(null);
  const [checked, check] = useState(false);
  const other = usePatient(mergedId);
  const conflicts = conflictsOf(merge.error);
  return (
    <Modal opened onClose={onClose} size="lg" title={<b>{t('identity.mergeTitle')}</b>} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <Stack data-testid="merge-dialog">
        <Text size="sm">{t('identity.mergeDetail')}</Text>
        <PatientPicker
          label={t('identity.mergeOther')}
          placeholder={t('identity.search')}
          value={mergedId}
          without={patient.id}
          onChange={(id) => {
            choose(id);
            check(false);
            merge.reset();
          }}
        />
        {other.data && (
          <IdentityComparison heads={[t('identity.recordStays'), t('identity.recordEnds')]} one={patient} other={other.data} conflicts={conflicts} />
        )}
        {conflicts.length > 0 ? (
          <Text size="sm" fw={650} c="var(--pathology)" role="alert">
            {t('identity.mergeMismatch')}
          </Text>
        ) : (
          <ErrorAlert error={merge.error} />
        )}
        {mergedId && (
          <Checkbox
            label={t(conflicts.length > 0 ? 'identity.mergeConfirmMismatch' : 'identity.mergeConfirmBox')}
            checked={checked}
            onChange={(event) => check(event.currentTarget.checked)}
          />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {t('common.cancel')}
          </Button>
          <Button
            color="red.9"
            loading={merge.isPending}
            disabled={!mergedId || !checked}
            onClick={() =>
              mergedId &&
              merge.mutate(
                { mergedId, confirmed: conflicts.length > 0 },
                // What differs has to be confirmed anew.
                { onSuccess: onClose, onError: () => check(false) },
              )
            }
          >
            {t('identity.merge')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
