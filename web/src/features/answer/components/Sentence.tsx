import { useTranslation } from 'react-i18next';

import type { Report } from '@/api/types';
import { VerdictBadge } from '@/components/VerdictBadge';
import { useSliceNames } from '@/slices/slice-names';

import { decidedByModels, isClose, openingSlice, sliceCount } from '../reading';
import classes from './answer.module.css';

/** The verdict in one plain sentence, and which part decided it. */
export function Sentence({ report }: { report: Report }) {
  const { t } = useTranslation();
  const names = useSliceNames(sliceCount(report));
  const { verdict, decided_by } = report;
  const sentence =
    verdict === 'pathology'
      ? report.study && (report.key_slices.length > 0 || report.localization)
        ? t('answer.sentence.pathology', { slice: names.inText(openingSlice(report)) })
        : t('answer.sentence.pathologyNoSlice')
      : t(`answer.sentence.${verdict}`);
  return (
    <div className={classes.sentence}>
      <VerdictBadge outcome={verdict} size="lg" />
      <p data-testid="verdict-sentence">{sentence}</p>
      {verdict === 'pathology' && decided_by && decidedByModels(report) && (
        <p className={classes.dim}>{t(`answer.decidedBy.${decided_by}`)}</p>
      )}
      {verdict === 'norm' && report.threshold_verification?.verified === false && (
        <p className={classes.close} data-testid="unverified">
          {t('answer.unverified')}
        </p>
      )}
      {verdict !== 'undetermined' && isClose(report) && <p className={classes.close}>{t('answer.close')}</p>}
    </div>
  );
}
