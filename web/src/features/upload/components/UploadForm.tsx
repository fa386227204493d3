import { Group, Switch } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { DropArea } from '@/components/DropArea';
import { PatientPicker } from '@/identity/PatientPicker';
import { useSettings } from '@/settings/settings';

import { addUploads } from '../api/upload-store';

/** Chooses whose studies are uploaded, and takes them. */
export function UploadForm({ patientId, onPatient }: { patientId: string | null; onPatient: (id: string | null) => void }) {
  const { t } = useTranslation();
  const [settings, changeSettings] = useSettings();
  const [ofFiles, takeOfFiles] = useState(false);
  const patient = ofFiles ? 'of the files' : patientId ? { patientId } : null;
  return (
    <>
      <Group align="flex-end" gap="lg">
        <PatientPicker
          label={t('upload.patient')}
          placeholder={t(ofFiles ? 'identity.fromFilesHint' : 'upload.patientHint')}
          w={420}
          disabled={ofFiles}
          value={ofFiles ? null : patientId}
          onChange={onPatient}
        />
        <Switch
          pb={8}
          label={t('identity.fromFiles')}
          checked={ofFiles}
          onChange={(event) => takeOfFiles(event.currentTarget.checked)}
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
            patient,
            analyze: settings.analyzeOnUpload,
            operatingPoint: settings.operatingPoint,
          })
        }
      />
    </>
  );
}
