import { Alert, Badge, Button, Loader, Stack, Text, Title } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { onAnalysis } from '@/api/events';
import { useAnalyze, type Answer } from '@/api/scans';
import type { Analysis, StageProgress } from '@/api/types';
import { ErrorAlert } from '@/components/ErrorAlert';
import { StageSteps } from '@/components/StageSteps';
import { VerdictBadge } from '@/components/VerdictBadge';
import { Reasons } from '@/features/answer';
import { formatClock, formatDuration } from '@/format/dates';
import { useSettings } from '@/settings/settings';

function StartButton({ scanId, again }: { scanId: string; again: boolean }) {
  const { t } = useTranslation();
  const [settings] = useSettings();
  const analyze = useAnalyze();
  return (
    <>
      <Button
        loading={analyze.isPending}
        onClick={() => analyze.mutate({ scanId, operatingPoint: settings.operatingPoint ?? undefined })}
      >
        {t(again ? 'study.again' : 'study.start')}
      </Button>
      <ErrorAlert error={analyze.error} />
    </>
  );
}

/** Where it stands among those that wait for their turn, and the way to the front for what is urgent. */
export function PlaceInQueue({ analysis }: { analysis: Analysis }) {
  const { t, i18n } = useTranslation();
  const analyze = useAnalyze();
  const { place, priority, scan_id: scanId, operating_point: operatingPoint } = analysis;
  if (!place) {
    return null;
  }
  const wait = place.estimated_wait_seconds;
  return (
    <>
      <Text size="sm" data-testid="place-in-queue">
        {place.ahead === 0 ? t('study.aheadNone') : t('study.ahead', { count: place.ahead })}{' '}
        {wait != null && t('study.estimatedWait', { wait: formatDuration(wait * 1000, i18n.language) })}
      </Text>
      {priority === 'routine' && (
        <div>
          <Button
            variant="default"
            loading={analyze.isPending}
            onClick={() => analyze.mutate({ scanId, operatingPoint, priority: 'urgent' })}
          >
            {t('study.makeUrgent')}
          </Button>
        </div>
      )}
      <ErrorAlert error={analyze.error} />
    </>
  );
}

/** Waiting for a worker is no failure: since when, and that nothing is lost. */
export function RunningState({ analysis, isAtWork }: { analysis: Analysis; isAtWork: boolean }) {
  const { t, i18n } = useTranslation();
  const since = isAtWork ? null : analysis.waiting_since;
  return (
    <>
      <Title order={2} size="h4">
        {since ? t('study.waiting', { since: formatClock(since, i18n.language) }) : t('study.analyzing')}
      </Title>
      <Text size="sm" c="var(--text-dim)">
        {t(since ? 'study.waitingDetail' : 'study.analyzingDetail')}
      </Text>
      {analysis.priority === 'urgent' && (
        <Badge color="orange" variant="outline">
          {t('study.urgent')}
        </Badge>
      )}
      {analysis.repeat_of && <Text size="sm">{t('study.repeats')}</Text>}
    </>
  );
}

/** What stands where the answer will be: progress, a failure with what to do, or the way to start. */
export function StudyPending({ scanId, answer }: { scanId: string; answer: Exclude<Answer, { state: 'completed' }> }) {
  const { t } = useTranslation();
  const [stages, setStages] = useState<StageProgress[] | null>(null);
  // An event is told when a stage begins or ends; the answer that is asked for next tells whether it waits again.
  const [isAtWork, setAtWork] = useState(false);
  useEffect(
    () =>
      onAnalysis((event) => {
        if (event.scan_id === scanId) {
          setStages(event.stages);
          setAtWork(true);
        }
      }),
    [scanId],
  );

  const waitingSince = answer.state === 'running' ? answer.analysis.waiting_since : null;
  useEffect(() => setAtWork(false), [waitingSince]);

  if (answer.state === 'running') {
    return (
      <Stack gap="sm" data-testid="analysis-running">
        <Loader size="sm" />
        <RunningState analysis={answer.analysis} isAtWork={isAtWork} />
        {!isAtWork && <PlaceInQueue analysis={answer.analysis} />}
        <StageSteps stages={stages ?? answer.analysis.stages} />
      </Stack>
    );
  }
  if (answer.state === 'failed') {
    return (
      <Stack gap="md" data-testid="analysis-failed">
        <div>
          <VerdictBadge outcome="failed" size="lg" />
        </div>
        <Title order={2} size="h4">
          {t('study.failedTitle')}
        </Title>
        <Alert color="gray" icon={<IconAlertTriangle size={18} />}>
          {t('study.failedHint')}
        </Alert>
        <Reasons title={t('massRun.reason')} reasons={[answer.reason]} />
        <StartButton scanId={scanId} again />
      </Stack>
    );
  }
  return (
    <Stack gap="sm">
      <Title order={2} size="h4">
        {t('study.notAnalyzed')}
      </Title>
      <Text size="sm" c="var(--text-dim)">
        {t('study.notAnalyzedDetail')}
      </Text>
      <StartButton scanId={scanId} again={false} />
    </Stack>
  );
}
