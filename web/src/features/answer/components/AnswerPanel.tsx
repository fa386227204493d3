import { memo } from 'react';
import { useTranslation } from 'react-i18next';

import type { Report } from '@/api/types';

import { sliceCount } from '../reading';
import { Basis } from './Basis';
import { Grounds, Measures } from './Evidence';
import { Findings } from './Findings';
import { ProbabilityScale } from './ProbabilityScale';
import { Quality } from './Quality';
import { Scores } from './Scores';
import { Sentence } from './Sentence';
import { WhyNorm } from './WhyNorm';
import { Reasons } from './WhyUndetermined';
import classes from './answer.module.css';

interface AnswerPanelProps {
  report: Report;
  /** Null on paper, where nothing can be clicked. */
  onSlice: ((slice: number) => void) | null;
}

/** The answer and why. */
export const AnswerPanel = memo(function AnswerPanel({ report, onSlice }: AnswerPanelProps) {
  const { t } = useTranslation();
  const limitations = report.limitations ?? [];
  return (
    <div className={classes.answer} data-verdict={report.verdict} data-scan={report.scan_id} data-testid="answer">
      <Sentence report={report} />
      <ProbabilityScale report={report} />
      {report.verdict === 'undetermined' && <Reasons title={t('answer.whyUndetermined')} reasons={report.reasons} />}
      {report.verdict === 'pathology' && limitations.length > 0 && (
        <Reasons title={t('answer.limitations')} reasons={limitations} />
      )}
      {report.verdict === 'norm' && <WhyNorm report={report} />}
      <Grounds report={report} onSlice={onSlice} />
      <Measures report={report} onSlice={onSlice} />
      <Scores report={report} />
      <Findings findings={report.findings} count={sliceCount(report)} onSlice={onSlice} />
      <Quality checks={report.quality} />
      <Basis report={report} />
    </div>
  );
});
