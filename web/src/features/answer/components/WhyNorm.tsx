import { useTranslation } from 'react-i18next';

import { useBundle } from '@/api/bundle';
import type { Report } from '@/api/types';
import { formatNumber, formatProbability, formatScore } from '@/format/numbers';

import { scoreOf } from '../reading';
import { Section } from './Section';
import classes from './answer.module.css';

/** Why the answer is norm and how sure it is. */
export function WhyNorm({ report }: { report: Report }) {
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  const bundle = useBundle();
  const { probability_of_pathology: probability, operating_point: point, quality } = report;
  const passed = quality.filter((check) => check.passed).length;
  // Only figures of the very bundle that answered.
  const measured =
    bundle.data?.sha256 === report.bundle.sha256
      ? bundle.data.operating_points.find(({ name }) => name === point.name)?.sensitivity
      : undefined;
  return (
    <Section title={t('answer.why')}>
      <ul className={classes.reasons}>
        {typeof probability === 'number' && (
          <li>
            {t('answer.whyBelow', {
              probability: formatProbability(probability, language),
              threshold: formatProbability(point.threshold, language),
              distance: formatNumber((point.threshold - probability) * 100, language, 0),
            })}
          </li>
        )}
        <li>
          {t('answer.whyBoth', {
            anomaly: formatScore(scoreOf(report, 'anomaly'), language),
            classifier: formatScore(scoreOf(report, 'classifier'), language),
            slices: report.selected_slices.length,
          })}
        </li>
        {quality.length > 0 && (
          <li>
            {passed === quality.length
              ? t('answer.whyChecks', { count: passed })
              : t('answer.whyChecksSome', { passed, count: quality.length })}
          </li>
        )}
        {measured?.ci95 && (
          <li>
            {t('answer.whySensitivity', {
              sensitivity: formatProbability(measured.value, language),
              low: formatProbability(measured.ci95[0], language),
              high: formatProbability(measured.ci95[1], language),
            })}
          </li>
        )}
        <li>{t('answer.whyLimits')}</li>
      </ul>
    </Section>
  );
}
