import { Tooltip } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { formatProbability } from '@/format/numbers';

import type { Outcome } from './VerdictBadge';
import classes from './verdict.module.css';

interface ProbabilityBarProps {
  probability: number | null | undefined;
  threshold: number | null | undefined;
  outcome: Outcome;
}

/** A probability as a number and a bar with the operating point marked. */
export function ProbabilityBar({ probability, threshold, outcome }: ProbabilityBarProps) {
  const { t, i18n } = useTranslation();
  if (probability === null || probability === undefined) {
    return <span className={classes.number}>–</span>;
  }
  const text = formatProbability(probability, i18n.language);
  const thresholdText =
    threshold === null || threshold === undefined
      ? ''
      : t('worklist.thresholdAt', { threshold: formatProbability(threshold, i18n.language) });
  return (
    <Tooltip label={thresholdText} disabled={!thresholdText}>
      <div className={classes.probability}>
        <span className={classes.number}>{text}</span>
        <div className={classes.bar} role="img" aria-label={thresholdText ? `${text}, ${thresholdText}` : text}>
          <div className={classes.fill} data-outcome={outcome} style={{ width: `${probability * 100}%` }} />
          {typeof threshold === 'number' && <div className={classes.mark} style={{ left: `${threshold * 100}%` }} />}
        </div>
      </div>
    </Tooltip>
  );
}
