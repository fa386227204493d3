import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useExportPatient } from '@/api/personal-data';
import { ErrorAlert } from '@/components/ErrorAlert';
import { formatBytes } from '@/format/numbers';

/** Says what an export holds, takes it, and says what became of it. Closed, it is let be. */
export function ExportDialog({ patientId, onClose }: { patientId: string; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const exporting = useExportPatient();
  const [bytes, setBytes] = useState(0);
  const running = useRef<AbortController>(null);
  useEffect(() => () => running.current?.abort(), []);

  const start = (): void => {
    setBytes(0);
    running.current = new AbortController();
    exporting.mutate({ patientId, signal: running.current.signal, onBytes: setBytes });
  };
  const size = (of: number): string => formatBytes(of, i18n.language);

  return (
    <Modal opened onClose={onClose} size="lg" title={<b>{t('personalData.exportTitle')}</b>} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <Stack data-testid="export-dialog">
        <Text size="sm">{t('personalData.exportHolds')}</Text>
        <Text size="sm">{t('personalData.exportOpen')}</Text>
        {exporting.isPending && (
          <Text size="sm" c="var(--text-dim)" data-testid="export-running">
            {t('personalData.exportRunning', { size: size(bytes) })}
          </Text>
        )}
        {exporting.isSuccess && (
          <Alert color="green" role="status" data-testid="export-done">
            {t('personalData.exportDone', { size: size(exporting.data) })}
          </Alert>
        )}
        <ErrorAlert error={exporting.error} failed={t('personalData.exportFailed')} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {t(exporting.isSuccess ? 'common.close' : 'common.cancel')}
          </Button>
          {!exporting.isSuccess && (
            <Button leftSection={<IconDownload size={16} />} loading={exporting.isPending} onClick={start}>
              {t('personalData.exportStart')}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}
