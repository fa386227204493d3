import { IconAlertTriangleFilled, IconCheck, IconHelpCircleFilled, IconHourglass, IconX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import type { AnalysisStatus, Verdict } from '@/api/types';

import classes from './verdict.module.css';

export type Outcome = Verdict | 'failed' | 'none';

const ICONS = {
  // The only green mark of the page: nothing but norm may look like it.
  norm: IconCheck,
  pathology: IconAlertTriangleFilled,
  undetermined: IconHelpCircleFilled,
  failed: IconX,
  none: IconHourglass,
} as const;

/** What an analysis has come to. A verdict counts only once the analysis is completed. */
export function outcomeOf(status: AnalysisStatus | null | undefined, verdict: Verdict | null | undefined): Outcome {
  if (status === 'failed') {
    return 'failed';
  }
  return status === 'completed' && verdict ? verdict : 'none';
}

export function VerdictBadge({ outcome, size = 'md' }: { outcome: Outcome; size?: 'md' | 'lg' }) {
  const { t } = useTranslation();
  const OutcomeIcon = ICONS[outcome];
  return (
    <span className={classes.badge} data-outcome={outcome} data-size={size}>
      <OutcomeIcon size={size === 'lg' ? 20 : 15} aria-hidden />
      {t(`verdict.${outcome}`)}
    </span>
  );
}
