import { useTranslation } from 'react-i18next';

import type { Report } from '@/api/types';
import { formatProbability } from '@/format/numbers';
import { useOperatingPointName } from '@/components/use-operating-point-name';

import classes from './answer.module.css';

/** The probability on a scale from 0 to 100 % with the operating point. */
export function ProbabilityScale({ report }: { report: Report }) {
  const { t, i18n } = useTranslation();
  const nameOf = useOperatingPointName();
  const { probability_of_pathology: probability, operating_point: point, verdict } = report;
  const threshold = formatProbability(point.threshold, i18n.language);
  if (typeof probability !== 'number') {
    return <p className={classes.dim}>{t('answer.noProbability')}</p>;
  }
  const text = formatProbability(probability, i18n.language);
  return (
    <figure className={classes.scale} data-verdict={verdict}>
      <figcaption>
        <span>{t('answer.probability')}</span>
        <b>{text}</b>
      </figcaption>
      <div
        className={classes.scaleTrack}
        role="img"
        aria-label={`${t('answer.probability')}: ${text}; ${t('answer.thresholdText', { name: nameOf(point.name), threshold })}`}
      >
        <div className={classes.scaleBelow} style={{ width: `${point.threshold * 100}%` }} />
        <div className={classes.scaleThreshold} style={{ left: `${point.threshold * 100}%` }} />
        <div className={classes.scaleNeedle} style={{ left: `${probability * 100}%` }} />
      </div>
      <div className={classes.scaleEnds}>
        <span>0 %</span>
        <span>{t('answer.thresholdText', { name: nameOf(point.name), threshold })}</span>
        <span>100 %</span>
      </div>
    </figure>
  );
}
