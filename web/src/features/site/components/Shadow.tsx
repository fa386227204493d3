import { Skeleton, Text, Title } from '@mantine/core';
import { IconCopyCheck } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { useShadow } from '@/api/site';
import type { ShadowReport } from '@/api/types';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import pageClasses from '@/components/page.module.css';
import { useNow } from '@/components/use-now';
import { formatMoment } from '@/format/dates';
import { formatNumber, formatProbability, formatShare } from '@/format/numbers';

import { useCodeTexts } from '@/i18n/problem-text';

import { DifferingStudies } from './DifferingStudies';
import { ShadowTable } from './ShadowTable';
import classes from './site.module.css';

type Comparison = ShadowReport['comparisons'][number];

/** The process says every 20 seconds that it is there. */
const SILENT_AFTER_MS = 5 * 60_000;

const named = ({ name, version, sha256 }: Comparison['shown']): string => `${name} ${version} (${sha256.slice(0, 12)})`;

function Pair({ comparison }: { comparison: Comparison }) {
  const { t, i18n } = useTranslation();
  const { agree, agree_interval: interval, median_probability_change: change } = comparison;
  return (
    <section className={pageClasses.padded} data-testid="shadow-pair">
      <Title order={3} size="h5">
        {t('site.shadow.pair', { shown: named(comparison.shown), shadow: named(comparison.shadow) })}
      </Title>
      <Text size="sm" className={classes.headline}>
        {t('site.shadow.agree', {
          share: formatShare(agree, i18n.language),
          successes: agree.successes,
          trials: agree.trials,
          low: formatProbability(interval[0], i18n.language),
          high: formatProbability(interval[1], i18n.language),
        })}{' '}
        {typeof change === 'number' &&
          t('site.shadow.change', { change: `${change > 0 ? '+' : ''}${formatNumber(change, i18n.language, 3)}` })}{' '}
        {t('site.shadow.period', {
          from: formatMoment(comparison.from, i18n.language),
          to: formatMoment(comparison.to, i18n.language),
        })}
      </Text>
      <ShadowTable comparison={comparison} />
      {comparison.differing.length > 0 && <DifferingStudies studies={comparison.differing} />}
    </section>
  );
}

function State({ report }: { report: ShadowReport }) {
  const { t, i18n } = useTranslation();
  const now = useNow();
  const { ofCode } = useCodeTexts();
  const { bundle, since, seen_at: seenAt, problem } = report;
  if (!bundle || !since) {
    return <Notice NoticeIcon={IconCopyCheck} title={t('site.shadow.none')} detail={t('site.shadow.noneDetail')} />;
  }
  const isSilent = !seenAt || now - Date.parse(seenAt) > SILENT_AFTER_MS;
  const at = seenAt ? formatMoment(seenAt, i18n.language) : '–';
  return (
    <>
      <Text size="sm" c="var(--text-dim)">
        {t('site.shadow.bundle', { name: bundle.name, version: bundle.version, since: formatMoment(since, i18n.language) })}{' '}
        {!isSilent && t('site.shadow.seen', { at })}
      </Text>
      {isSilent && !problem && (
        <Text size="sm" className={classes.headline} data-alarm data-testid="shadow-silent">
          {t('site.shadow.silent', { at })}
        </Text>
      )}
      <Text size="sm" data-testid="shadow-counts">
        {t('site.shadow.counts', {
          answered: report.answered,
          failed: report.failed,
          missed: report.missed,
          waiting: report.waiting,
        })}{' '}
        {report.missed > 0 && t('site.shadow.missedDetail')}
      </Text>
      {(report.failures ?? []).map(({ reason, studies }) => (
        <Text key={reason} size="sm" c="var(--text-dim)" data-testid="shadow-failure">
          {t('site.shadow.failure', { count: studies, ...ofCode(reason) })}
        </Text>
      ))}
      {(['unreadable', 'repeated', 'older'] as const)
        .filter((why) => (report[why] ?? 0) > 0)
        .map((why) => (
          <Text key={why} size="sm" c="var(--text-dim)" data-testid={`shadow-${why}`}>
            {t(`site.shadow.${why}`, { count: report[why] ?? 0 })}
          </Text>
        ))}
      {report.comparisons.length === 0 && (
        <Text size="sm" c="var(--text-dim)">
          {t('site.shadow.nothingCompared')}
        </Text>
      )}
    </>
  );
}

/** What a second bundle says beside the one in use, and where both differ. No patient data. */
export function Shadow() {
  const { t } = useTranslation();
  const { data, error, isPending, refetch } = useShadow();
  return (
    <section aria-labelledby="site-shadow" className={classes.part}>
      <Title order={2} size="h4" id="site-shadow">
        {t('site.shadow.title')}
      </Title>
      <Text size="sm" c="var(--text-dim)">
        {t('site.shadow.subtitle')}
      </Text>
      {isPending && <Skeleton h={120} />}
      {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data?.problem && (
        <Text size="sm" className={classes.headline} data-alarm data-testid="shadow-problem">
          {t('site.shadow.problem')}: {data.problem}
        </Text>
      )}
      {data && <State report={data} />}
      {data?.comparisons.map((comparison) => (
        <Pair key={`${comparison.shown.sha256} ${comparison.shadow.sha256}`} comparison={comparison} />
      ))}
    </section>
  );
}
