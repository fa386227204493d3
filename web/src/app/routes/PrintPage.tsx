import { Button, Group, Skeleton } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { IconArrowLeft, IconHourglass, IconPrinter } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';

import { useAnswer, useScan, useVolume } from '@/api/scans';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import { AnswerPanel, keyPictures } from '@/features/answer';
import { PrintedFeedback } from '@/features/feedback';
import { PrintedReport } from '@/features/report';
import { SliceNames } from '@/slices/slice-names';

import { namedSlices } from './study-data';
import classes from './print.module.css';

const PICTURES = 4;

export function PrintPage() {
  const { t } = useTranslation();
  const { scanId = '' } = useParams();
  const scan = useScan(scanId);
  const answer = useAnswer(scanId);
  const volume = useVolume(scanId);
  useDocumentTitle(`${t('report.title')} · Norma`);
  const error = scan.error ?? answer.error;
  const retry = (): void => {
    void scan.refetch();
    void answer.refetch();
  };
  return (
    <main className={classes.page}>
      <Group className={classes.tools} justify="space-between">
        <Button component={Link} to={`/studies/${scanId}`} variant="default" leftSection={<IconArrowLeft size={16} />}>
          {t('report.back')}
        </Button>
        <Button leftSection={<IconPrinter size={16} />} onClick={() => window.print()}>
          {t('report.print')}
        </Button>
      </Group>
      {error && <ErrorNotice error={error} onRetry={retry} />}
      {!error && (!scan.data || !answer.data) && <Skeleton h={400} />}
      {!error && answer.data && answer.data.state !== 'completed' && (
        <Notice
          NoticeIcon={IconHourglass}
          title={t(`status.${answer.data.state === 'running' ? 'analyzing' : answer.data.state}`)}
          detail={answer.data.state === 'failed' ? t('study.failedHint') : undefined}
        />
      )}
      {!error && scan.data && answer.data?.state === 'completed' && (
        <SliceNames slices={namedSlices(volume.data, answer.data.report)}>
          <PrintedReport report={answer.data.report} scan={scan.data} pictures={keyPictures(answer.data.report).slice(0, PICTURES)}>
            <AnswerPanel report={answer.data.report} onSlice={null} />
            <PrintedFeedback report={answer.data.report} />
          </PrintedReport>
        </SliceNames>
      )}
    </main>
  );
}
