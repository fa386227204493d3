import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import type { ProfileProposal, Proposal } from '@/api/types';
import { formatNumber, formatProbability, formatShare } from '@/format/numbers';
import { mayAs } from '@/session/session';
import { useSession } from '@/session/session-context';

import classes from './site.module.css';
import { useScannerText } from '@/components/use-scanner-text';

interface ProfileReportProps {
  profile: ProfileProposal;
  report: Proposal;
}

/** What is proposed for one scanner, before and after. */
export function ProfileReport({ profile, report }: ProfileReportProps) {
  const { t, i18n } = useTranslation();
  const scannerText = useScannerText();
  const leads = mayAs(useSession(), ['clinician']);
  const percent = (value: number): string => formatProbability(value, i18n.language);
  const threshold = (value: number): string => formatNumber(value, i18n.language, 4);
  const share = (of: { successes: number; trials: number }): string => t('site.of', { share: formatShare(of, i18n.language), ...of });
  const { unlabelled, labelled, before } = profile;
  const asked = { sensitivity: percent(report.target_sensitivity), confidence: percent(report.confidence) };
  const lines: string[] = [
    t('site.report.now', { threshold: threshold(profile.threshold_in_use), released: share(profile.released_before) }),
  ];
  if (before) lines.push(t('site.report.boundNow', { bound: percent(before.sensitivity_lower_bound) }));
  if (labelled) {
    lines.push(t('site.report.labelledNow', { found: share(labelled.sensitivity_before), norms: share(labelled.specificity_before) }));
  }
  switch (unlabelled?.outcome) {
    case 'holds':
      lines.push(
        t('site.report.unlabelledHolds', {
          ...asked,
          threshold: threshold(unlabelled.threshold),
          released: share(unlabelled.released),
          norms: percent(unlabelled.norms_released_at_most),
        }),
      );
      break;
    case 'not_enough_studies':
      lines.push(t('site.report.notEnoughStudies', { needed: unlabelled.studies_needed, studies: unlabelled.studies }));
      break;
    case 'nothing_released':
      lines.push(t('site.report.nothingReleased'));
      break;
    case 'contradicted':
      lines.push(t('site.report.contradicted', { below: unlabelled.below_threshold, pathologies: unlabelled.pathologies }));
      break;
    case undefined:
      break;
  }
  if (labelled?.fit.outcome === 'holds') {
    const { fit } = labelled;
    lines.push(
      t('site.report.labelledHolds', {
        ...asked,
        threshold: threshold(fit.threshold),
        found: share(fit.sensitivity),
        norms: share(fit.specificity),
      }),
    );
  } else if (labelled?.fit.outcome === 'not_enough_cases') {
    lines.push(t('site.report.notEnoughCases', { needed: labelled.fit.positives_needed, positives: labelled.fit.positives }));
  }
  if (profile.already_in_use) lines.push(t('site.report.alreadyInUse'));
  if (profile.released_after) lines.push(t('site.report.after', { released: share(profile.released_after) }));
  return (
    <div className={classes.profile} data-proposed={typeof profile.threshold === 'number'} data-testid="profile-report">
      <Text fw={600} size="sm">
        {scannerText(profile.scanner)} · {t('site.studies', { count: profile.studies })}
      </Text>
      {lines.map((line) => (
        <Text key={line} size="sm">
          {line}
        </Text>
      ))}
      {profile.changes.length > 0 && (
        <details>
          <summary>{t('site.changes', { count: profile.changes.length })}</summary>
          <ul className={classes.changes}>
            {profile.changes.map(({ scan_id: scanId, before: was, after }) => (
              <li key={scanId}>
                {leads ? <Link to={`/studies/${scanId}`}>…{scanId.slice(-12)}</Link> : `…${scanId.slice(-12)}`}: {t(`verdict.${was}`)} →{' '}
                {t(`verdict.${after}`)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
