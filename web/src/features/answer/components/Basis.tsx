import { useTranslation } from 'react-i18next';

import type { Report, StudySummary } from '@/api/types';
import { useOperatingPointName } from '@/components/use-operating-point-name';
import { formatDateTime, formatDicomDate, formatDuration } from '@/format/dates';
import { formatMillimetres, formatNumber, formatScore } from '@/format/numbers';

import { completedStages } from '../reading';
import { seriesWhy } from '../series-choice';
import { Section } from './Section';
import classes from './answer.module.css';

/** Models, series and times: what makes the answer traceable. */
export function Basis({ report }: { report: Report }) {
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  const nameOf = useOperatingPointName();
  const { study, bundle, timings } = report;
  const compute = timings.stage_duration_ms.reduce((sum, [, duration]) => sum + duration, 0);
  const elapsed = new Date(timings.finished_at).getTime() - new Date(timings.requested_at).getTime();
  const seriesText = ({ reason, series_considered: count }: StudySummary['series_choice']): string => {
    const why = seriesWhy(reason);
    return why ? t('answer.seriesOf', { why: t(`answer.seriesWhy.${why}`), count }) : reason;
  };
  const { operating_point: point, threshold_verification: verification } = report;
  const thresholdText = verification
    ? [
        t(verification.own_threshold ? 'answer.ownThreshold' : 'answer.pointThreshold', {
          threshold: formatNumber(point.threshold, language, 4),
          point: nameOf(point.name),
        }),
        t(verification.verified ? 'answer.thresholdVerified' : 'answer.thresholdNotVerified'),
        verification.measured_on.length > 0 && t('answer.measuredOn', { sources: verification.measured_on.join(', ') }),
      ]
        .filter(Boolean)
        .join('; ')
    : null;
  const facts: [string, string | null | undefined][] = [
    [t('answer.bundle'), `${bundle.name} ${bundle.version} · ${bundle.sha256.slice(0, 12)}`],
    ...completedStages(report).flatMap(({ stage, models, execution_provider }) =>
      models.map(({ name, version, sha256 }): [string, string] => [
        t(`stage.${stage}`),
        `${name} ${version} · ${sha256.slice(0, 12)} · ${t('answer.ranOn', { provider: execution_provider })}`,
      ]),
    ),
    [t('answer.thresholdUsed'), thresholdText],
    [t('answer.scoreBefore'), typeof report.anomaly_score === 'number' ? formatScore(report.anomaly_score, language) : null],
    [t('answer.finished'), formatDateTime(timings.finished_at, language)],
    [t('answer.duration'), formatDuration(compute, language)],
    [t('answer.total'), formatDuration(elapsed, language)],
  ];
  if (study) {
    const [slices, rows, columns] = study.geometry.shape;
    facts.push(
      [t('answer.series'), seriesText(study.series_choice)],
      [t('answer.studyDate'), study.study_date ? formatDicomDate(study.study_date, language) : null],
      [t('answer.scanner'), [study.manufacturer, study.scanner_model].filter(Boolean).join(' ')],
      [t('answer.kernel'), study.convolution_kernel],
      [t('answer.slices'), `${formatNumber(slices, language, 0)} × ${rows ?? 0} × ${columns ?? 0}`],
      [t('answer.spacing'), study.geometry.spacing_mm.map((mm) => formatNumber(mm, language, 3)).join(' × ') + ` ${t('unit.mm')}`],
      [t('answer.thickness'), typeof study.slice_thickness_mm === 'number' ? formatMillimetres(study.slice_thickness_mm, language) : null],
      [t('answer.contrast'), t(study.contrast_agent ? 'common.yes' : 'common.no')],
      [t('answer.studyUid'), study.study_instance_uid],
      [t('answer.seriesUid'), study.series_instance_uid],
    );
  }
  return (
    <Section title={t('answer.basis')}>
      <dl className={classes.facts}>
        {facts
          .filter(([, value]) => value)
          .map(([name, value], place) => (
            <div key={`${name}-${place}`}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </Section>
  );
}
