import { Button, Group, Skeleton } from '@mantine/core';
import { IconDownload, IconFileUnknown, IconPrinter, IconRefresh } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { ApiError } from '@/api/errors';
import { useErasure } from '@/api/personal-data';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import { download } from '@/transfer/download';

import classes from './erasure.module.css';
import { Statement } from './Statement';

/** The statement of a record that was deleted: looked at, printed, taken along. */
export function Erasure({ patientId }: { patientId: string }) {
  const { t } = useTranslation();
  const { data, error, isFetching, refetch } = useErasure(patientId);
  if (error instanceof ApiError && error.code === 'patient_not_found') {
    return <Notice NoticeIcon={IconFileUnknown} title={t('personalData.none')} detail={t('personalData.noneDetail')} />;
  }
  if (error) {
    return <ErrorNotice error={error} onRetry={() => void refetch()} />;
  }
  if (!data) {
    return <Skeleton h={320} />;
  }
  const save = (): void =>
    download(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }), `erasure-${data.patient_id}.json`);
  return (
    <>
      <Group gap="xs" className={classes.tools}>
        <Button variant="default" leftSection={<IconPrinter size={16} />} onClick={() => window.print()}>
          {t('personalData.print')}
        </Button>
        <Button variant="default" leftSection={<IconDownload size={16} />} onClick={save}>
          {t('personalData.save')}
        </Button>
        {data.scans_with_files > 0 && (
          <Button variant="default" leftSection={<IconRefresh size={16} />} loading={isFetching} onClick={() => void refetch()}>
            {t('personalData.lookAgain')}
          </Button>
        )}
      </Group>
      <Statement erasure={data} />
    </>
  );
}
