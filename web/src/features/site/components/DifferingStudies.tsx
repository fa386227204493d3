import { Anchor } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import type { GivenAnswer, ShadowReport } from '@/api/types';
import { ScrollTable } from '@/components/ScrollTable';
import { useScannerText } from '@/components/use-scanner-text';
import { VerdictBadge } from '@/components/VerdictBadge';
import { formatMoment } from '@/format/dates';
import { formatProbability } from '@/format/numbers';
import { useCodeTexts } from '@/i18n/problem-text';
import { mayAs } from '@/session/session';
import { useSession } from '@/session/session-context';

import classes from './site.module.css';

type Study = ShadowReport['comparisons'][number]['differing'][number];

function Answer({ answer }: { answer: GivenAnswer }) {
  const { i18n } = useTranslation();
  const { ofCode } = useCodeTexts();
  return (
    <td>
      <VerdictBadge outcome={answer.verdict} /> {formatProbability(answer.probability ?? null, i18n.language)}
      {answer.verdict === 'undetermined' && <div className={classes.dim}>{answer.reasons.map((code) => ofCode(code).title).join('; ')}</div>}
    </td>
  );
}

/** The newest studies to which both bundles gave another verdict. Who may read studies can open them. */
export function DifferingStudies({ studies }: { studies: readonly Study[] }) {
  const { t, i18n } = useTranslation();
  const scannerText = useScannerText();
  const leads = mayAs(useSession(), ['clinician']);
  return (
    <details>
      <summary>{t('site.shadow.differing')}</summary>
      <ScrollTable label={t('site.shadow.differing')} testId="shadow-differing">
        <thead>
          <tr>
            <th scope="col">{t('site.shadow.study')}</th>
            <th scope="col">{t('site.shadow.shown')}</th>
            <th scope="col">{t('site.shadow.second')}</th>
            <th scope="col">{t('site.shadow.scanner')}</th>
            <th scope="col">{t('site.shadow.readAt')}</th>
          </tr>
        </thead>
        <tbody>
          {studies.map(({ scan_id: scanId, analysis_id: analysisId, scanner, shown, shadow, read_at: readAt }) => (
            <tr key={analysisId}>
              <th scope="row">
                {leads ? (
                  <Anchor component={Link} to={`/studies/${scanId}`} size="sm">
                    …{scanId.slice(-12)}
                  </Anchor>
                ) : (
                  `…${scanId.slice(-12)}`
                )}
              </th>
              <Answer answer={shown} />
              <Answer answer={shadow} />
              <td>{scanner ? scannerText(scanner) : t('site.shadow.scannerNotTold')}</td>
              <td>{formatMoment(readAt, i18n.language)}</td>
            </tr>
          ))}
        </tbody>
      </ScrollTable>
    </details>
  );
}
