import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import type { Proposal } from '@/api/types';
import { formatProbability } from '@/format/numbers';

import { ProfileReport } from './ProfileReport';
import classes from './site.module.css';

/** What a proposal rests on: the bound of each scanner's threshold, what is assumed, what was left out. */
export function ProposalReport({ report }: { report: Proposal }) {
  const { t, i18n } = useTranslation();
  const leftOut: (readonly [string, number])[] = [
    [t('site.leftOut.undetermined'), report.undetermined],
    [t('site.leftOut.without_scanner'), report.without_scanner],
    ...(['no_answer', 'other_bundle', 'unreadable', 'readers_disagree', 'no_label', 'same_patient'] as const).map(
      (why) => [t(`site.leftOut.${why}`), report.left_out[why] ?? 0] as const,
    ),
  ];
  return (
    <div data-testid="proposal-report">
      {report.profiles.length === 0 && <Text size="sm">{t('site.noScannerTold')}</Text>}
      {report.profiles.map((profile) => (
        <ProfileReport key={JSON.stringify(profile.scanner)} profile={profile} report={report} />
      ))}
      <Text size="sm" mt="xs">
        {t('site.assumed')}
      </Text>
      <ul>
        {report.assumptions.map((assumption) => (
          <li key={assumption}>
            <Text size="sm" span>
              {t(`site.assumption.${assumption}`, { share: formatProbability(report.maximal_prevalence, i18n.language) })}
            </Text>
          </li>
        ))}
      </ul>
      {leftOut
        .filter(([, count]) => count > 0)
        .map(([why, count]) => (
          <Text key={why} size="sm" className={classes.dim}>
            {why}: {count}
          </Text>
        ))}
    </div>
  );
}
