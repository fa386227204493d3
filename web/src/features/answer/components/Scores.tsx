import { useTranslation } from 'react-i18next';

import type { Report } from '@/api/types';
import { formatScore } from '@/format/numbers';
import { useCodeTexts } from '@/i18n/problem-text';

import { Section } from './Section';
import classes from './answer.module.css';

/** The score of each part, the deciding one marked; a part that failed says why. */
export function Scores({ report }: { report: Report }) {
  const { t, i18n } = useTranslation();
  const { ofCode } = useCodeTexts();
  const stages = report.stages.filter(({ stage }) => stage === 'anomaly' || stage === 'classifier' || stage === 'typing');
  return (
    <Section title={t('answer.scores')}>
      <ul className={classes.scores}>
        {stages.map((stage) => {
          const decided = report.decided_by === stage.stage;
          if (stage.outcome === 'failed') {
            return (
              <li key={stage.stage} data-failed>
                <span data-stage={stage.stage}>{t(`stage.${stage.stage}`)}</span>
                <span className={classes.scoreFailed}>
                  {t('answer.stageFailed')}: {ofCode(stage.reason.code).title}
                </span>
              </li>
            );
          }
          if (typeof stage.score !== 'number') {
            return null;
          }
          return (
            <li key={stage.stage} data-decided={decided}>
              <span data-stage={stage.stage}>{t(`stage.${stage.stage}`)}</span>
              <div className={classes.scoreBar} data-stage={stage.stage} aria-hidden>
                <div style={{ width: `${stage.score * 100}%` }} />
              </div>
              <b>{formatScore(stage.score, i18n.language)}</b>
              <small>{decided ? t('answer.decidedShort') : ''}</small>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
