import { Button, Loader, Skeleton } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconFileUnknown, IconPhotoOff } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useParams } from 'react-router';

import { ApiError } from '@/api/errors';
import { usePatient } from '@/api/patients';
import { useAnswer, useScan, useVolume, type Answer } from '@/api/scans';
import type { Patient, Report, Scan, VolumeDescription } from '@/api/types';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import { AnswerPanel, completedStages, mapStages } from '@/features/answer';
import { FeedbackBar } from '@/features/feedback';
import { Viewer, type ViewerAnswer, type ViewerBanner } from '@/features/viewer';
import { useCodeTexts } from '@/i18n/problem-text';
import { shownIdentity } from '@/identity/shown-identity';
import { useIdentityTexts } from '@/identity/use-identity-texts';
import { listAddress } from '@/reading-list/reading-list';
import { useNeighbours } from '@/reading-list/use-neighbours';
import { SliceNames } from '@/slices/slice-names';
import { useShortcuts } from '@/shortcuts/use-shortcuts';

import { fetchStudy, firstSlice, namedSlices, viewedVolume } from './study-data';
import { StudyHeader } from './StudyHeader';
import { StudyPending } from './StudyPending';
import classes from './study.module.css';

export function StudyPage() {
  const { scanId = '' } = useParams();
  // The key: nothing of one study, not even an error's leftovers, is shown for another.
  return <Study key={scanId} scanId={scanId} />;
}

function useBanner(scan: Scan | undefined, patient: Patient | undefined, age: number | null): ViewerBanner {
  const { t } = useTranslation();
  const texts = useIdentityTexts();
  const shown = shownIdentity(patient, scan?.identity, scan?.study_date, scan?.patient_mismatch);
  const loading = !scan || (scan.patient_id !== null && scan.patient_id !== undefined && !patient);
  return {
    name: loading ? t('common.patientLoading') : (shown.name ?? t('common.noPatient')),
    lines: [...texts.person(shown), age !== null && t('common.age', { count: age }), texts.accession(shown), texts.moment(shown)].filter(
      (line): line is string => Boolean(line),
    ),
    conflicts: shown.conflicts,
  };
}

const pair = (list: number[] | null | undefined): [number, number] | null => {
  const [low, high] = list ?? [];
  return low !== undefined && high !== undefined ? [low, high] : null;
};

function viewerAnswer(report: Report | undefined, volume: VolumeDescription | undefined): ViewerAnswer {
  // Maps and scores are shown only over the volume that they were made from.
  const own = report && report.analysis_id === volume?.analysis_id ? report : undefined;
  return {
    curves: own
      ? completedStages(own)
          .filter(({ stage, slice_scores }) => stage !== 'preprocess' && slice_scores.length > 0)
          .map(({ stage, slice_scores }) => ({ stage, scores: slice_scores }))
      : [],
    keySlices: own?.key_slices ?? [],
    lungExtent: pair(own?.lung_extent ?? volume?.lung_extent),
    mapStages: own ? mapStages(own) : [],
    localization: own?.localization ?? null,
  };
}

const isGone = (error: unknown): boolean => error instanceof ApiError && error.code === 'scan_not_found';

/** How long the present study has the line to itself. */
const NEXT_AFTER_MS = 4_000;

/** Fetches the next study while the present one is read. */
function usePrefetchNext(scanId: string | undefined): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!scanId) {
      return undefined;
    }
    const timer = window.setTimeout(() => void fetchStudy(queries, scanId), NEXT_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [queries, scanId]);
}

interface PicturesProps {
  scanId: string;
  answer: Answer | undefined;
  banner: ViewerBanner;
  slice: number | null;
  onSlice: (slice: number) => void;
}

/** Says why there is nothing to see. */
function NoPictures({ answer }: { answer: Answer }) {
  const { t } = useTranslation();
  const { ofCode } = useCodeTexts();
  if (answer.state === 'running') {
    return <Notice NoticeIcon={IconPhotoOff} title={t('study.picturesComing')} detail={t('study.analyzingDetail')} />;
  }
  if (answer.state === 'not_analyzed') {
    return <Notice NoticeIcon={IconPhotoOff} title={t('study.noPictures')} detail={t('study.notAnalyzedDetail')} />;
  }
  const codes = answer.state === 'failed' ? [answer.reason.code] : answer.report.reasons.map(({ code }) => code);
  const why = codes.map((code) => ofCode(code).title).join('. ');
  return <Notice NoticeIcon={IconPhotoOff} title={t('study.noPictures')} detail={why ? t('study.noPicturesWhy', { why }) : undefined} />;
}

/** The viewer, or why there is none. */
function Pictures({ scanId, answer, banner, slice, onSlice }: PicturesProps) {
  const { t } = useTranslation();
  const volume = useVolume(scanId);
  const report = answer?.state === 'completed' ? answer.report : undefined;
  const viewed = useMemo(() => viewedVolume(volume.data), [volume.data]);
  const shown = useMemo(() => viewerAnswer(report, volume.data), [report, volume.data]);
  const opening = (
    <div className={classes.opening} role="status" aria-label={t('viewer.opening')}>
      <Loader color="gray" />
    </div>
  );
  // While the answer is on its way the place to open at is not known yet.
  if (!answer || volume.isPending) {
    return opening;
  }
  if (volume.error && !volume.data) {
    return volume.error instanceof ApiError && volume.error.code === 'volume_not_prepared' ? (
      <NoPictures answer={answer} />
    ) : (
      <ErrorNotice error={volume.error} onRetry={() => void volume.refetch()} />
    );
  }
  if (!viewed) {
    return <ErrorNotice error={new ApiError(502, 'malformed_pixels', 'geometry')} />;
  }
  return (
    <Suspense fallback={opening}>
      <Viewer
        key={`${viewed.scanId}@${viewed.analysisId}`}
        volume={viewed}
        answer={shown}
        banner={banner}
        slice={slice ?? firstSlice(viewed, report)}
        onSlice={onSlice}
      />
    </Suspense>
  );
}

function Study({ scanId }: { scanId: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const scan = useScan(scanId);
  const patient = usePatient(scan.data?.patient_id);
  const answer = useAnswer(scanId);
  const volume = useVolume(scanId);
  const neighbours = useNeighbours(scanId);
  const banner = useBanner(scan.data, patient.data, volume.data?.study.patient_age_years ?? null);
  const [slice, setSlice] = useState<number | null>(null);
  useDocumentTitle(`${t('study.title')} · Norma`);

  const goTo = useCallback((id: string) => void navigate(`/studies/${id}`), [navigate]);
  const { next, previous } = neighbours;
  usePrefetchNext(next);
  const goNext = next ? () => goTo(next) : null;
  const tellLast = (): void => {
    if (neighbours.last) {
      notifications.show({ message: t('study.openNone'), closeButtonProps: { 'aria-label': t('common.close') } });
    }
  };
  useShortcuts({
    'study.next': goNext ?? tellLast,
    'study.previous': () => previous && goTo(previous),
    'study.worklist': () => void navigate(listAddress()),
    'study.report': () => void navigate(`/print/${scanId}`),
  });

  useEffect(() => {
    if (answer.data?.state === 'completed') {
      document.title = `${t(`verdict.${answer.data.report.verdict}`)} · Norma`;
    }
  }, [answer.data, t]);

  if (isGone(scan.error) || isGone(answer.error)) {
    return (
      <Notice NoticeIcon={IconFileUnknown} title={t('study.gone')} detail={t('study.goneDetail')} tone="error">
        <Button component={Link} to={listAddress()} variant="default">
          {t('study.back')}
        </Button>
      </Notice>
    );
  }
  const report = answer.data?.state === 'completed' ? answer.data.report : undefined;
  return (
    <SliceNames slices={namedSlices(volume.data, report)}>
      <div className={classes.study} data-scan={scanId} data-answer={answer.data?.state ?? 'loading'}>
        <StudyHeader scan={scan.data} patient={patient.data} report={report} neighbours={neighbours} onGoTo={goTo} />
        <div className={classes.columns}>
          <div className={classes.pictures}>
            <Pictures scanId={scanId} answer={answer.data} banner={banner} slice={slice} onSlice={setSlice} />
          </div>
          <aside className={classes.aside} aria-label={t('study.answer')}>
            <div className={classes.asideScroll} tabIndex={0} role="region" aria-label={t('study.answer')}>
              {answer.isPending && <Skeleton h={180} />}
              {answer.error && <ErrorNotice error={answer.error} onRetry={() => void answer.refetch()} />}
              {!answer.error && report && <AnswerPanel report={report} onSlice={setSlice} />}
              {!answer.error && answer.data && answer.data.state !== 'completed' && (
                <StudyPending scanId={scanId} answer={answer.data} />
              )}
            </div>
            {!answer.error && report && (
              <FeedbackBar analysisId={report.analysis_id} verdict={report.verdict} findings={report.findings} onNext={goNext} />
            )}
          </aside>
        </div>
      </div>
    </SliceNames>
  );
}
