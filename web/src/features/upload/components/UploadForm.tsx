import { Group, Select, Switch } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { usePatient, usePatients } from '@/api/patients';
import { DropArea } from '@/components/DropArea';
import { useSettings } from '@/settings/settings';

import { addUploads } from '../api/upload-store';

/** Chooses whose studies are uploaded, and takes them. */
export function UploadForm({ patientId, onPatient }: { patientId: string | null; onPatient: (id: string | null) => void }) {
  const { t } = useTranslation();
  const [settings, changeSettings] = useSettings();
  const [search, setSearch] = useState('');
  const [settled] = useDebouncedValue(search, 250);
  const found = usePatients({ search: settled, limit: 20, offset: 0 });
  const chosen = usePatient(patientId);

  const options = new Map((found.data?.items ?? []).map((patient) => [patient.id, patient]));
  if (chosen.data) {
    options.set(chosen.data.id, chosen.data);
  }
  return (
    <>
      <Group align="flex-end" gap="lg">
        <Select
          label={t('upload.patient')}
          placeholder={t('upload.patientHint')}
          w={420}
          searchable
          clearable
          nothingFoundMessage={t('upload.noPatientFound')}
          // The gateway has searched already.
          filter={({ options: all }) => all}
          data={[...options.values()].map(({ id, last_name, first_name }) => ({ value: id, label: `${last_name} ${first_name}` }))}
          value={patientId}
          onChange={onPatient}
          onSearchChange={setSearch}
          clearButtonProps={{ 'aria-label': t('common.clear') }}
        />
        <Switch
          pb={8}
          label={t('upload.analyze')}
          checked={settings.analyzeOnUpload}
          onChange={(event) => changeSettings({ analyzeOnUpload: event.currentTarget.checked })}
        />
      </Group>
      <DropArea
        label={t('upload.drop')}
        onSources={(sources) =>
          addUploads(sources, {
            patientId,
            analyze: settings.analyzeOnUpload,
            operatingPoint: settings.operatingPoint,
          })
        }
      />
    </>
  );
}
