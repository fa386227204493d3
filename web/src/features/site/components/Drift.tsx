import { Skeleton, Text, Title } from '@mantine/core';
import { IconActivity } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { useDrift } from '@/api/site';
import type { DriftReport } from '@/api/types';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import pageClasses from '@/components/page.module.css';
import { formatMoment } from '@/format/dates';
import { formatNumber } from '@/format/numbers';

import { DriftTable } from './DriftTable';
import classes from './site.module.css';
import { useScannerText } from '@/components/use-scanner-text';

type Profile = DriftReport['profiles'][number];

const drifted = (profile: Profile): number => profile.quantities.filter((of) => of.outcome !== 'too_few' && of.drifted).length;
const compared = (profile: Profile): number => profile.quantities.filter(({ outcome }) => outcome !== 'too_few').length;

function ProfileSection({ profile, report }: { profile: Profile; report: DriftReport }) {
  const { t } = useTranslation();
  const scannerText = useScannerText();
  const alarms = drifted(profile);
  const tooFew = compared(profile) === 0;
  const lacking = profile.quantities.find((of) => of.outcome === 'too_few');
  return (
    <section className={pageClasses.padded} data-testid="drift-profile" data-drifted={alarms > 0}>
      <Title order={3} size="h5">
        {scannerText(profile.scanner)}
      </Title>
      <Text size="sm" className={classes.headline} data-alarm={alarms > 0}>
        {t('site.studies', { count: profile.studies })}
        {' · '}
        {tooFew ? t('site.nothingCompared') : alarms > 0 ? t('site.alarms', { count: alarms }) : t('site.noAlarm')}
      </Text>
      {!tooFew && <DriftTable quantities={profile.quantities} limit={report.cumulative_sum_limit} />}
      {tooFew && lacking && (
        <Text size="sm" c="var(--text-dim)">
          {t('site.tooFewDetail', { last: report.windows.last, needed: lacking.needed })}
        </Text>
      )}
    </section>
  );
}

/** Whether what comes in is still distributed as it was, for each scanner. No patient data. */
export function Drift() {
  const { t, i18n } = useTranslation();
  const { data, error, isPending, refetch } = useDrift();
  const report = data?.report;
  return (
    <section aria-labelledby="site-drift" className={classes.part}>
      <Title order={2} size="h4" id="site-drift">
        {t('site.drift')}
      </Title>
      {isPending && <Skeleton h={200} />}
      {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data && !report && !data.looked_at && <Notice NoticeIcon={IconActivity} title={t('site.noLook')} detail={t('site.noLookDetail')} />}
      {data?.looked_at && !report && (
        <Notice
          NoticeIcon={IconActivity}
          title={t('site.otherLook')}
          detail={t('site.otherLookDetail', { at: formatMoment(data.looked_at, i18n.language) })}
        />
      )}
      {data?.looked_at && report && (
        <>
          <Text size="sm" c="var(--text-dim)">
            {t('site.windows', { last: report.windows.last, reference: report.windows.reference })}{' '}
            {t('site.lookedAt', { at: formatMoment(data.looked_at, i18n.language) })}{' '}
            {t('site.significance', { chance: formatNumber(report.significance * 100, i18n.language, 4) })}
          </Text>
          {report.profiles.some((profile) => compared(profile) > 0) && (
            <Text size="sm" c="var(--text-dim)">
              {t('site.plot.legend')}
            </Text>
          )}
          {(
            [
              ['withoutScanner', report.without_scanner],
              ['driftRepeated', report.repeated ?? 0],
              ['driftUnreadable', report.unreadable ?? 0],
            ] as const
          )
            .filter(([, count]) => count > 0)
            .map(([why, count]) => (
              <Text key={why} size="sm" c="var(--text-dim)" data-testid={`drift-${why}`}>
                {t(`site.${why}`, { count })}
              </Text>
            ))}
          {report.bundle && (report.other_bundle ?? 0) > 0 && (
            <Text size="sm" c="var(--text-dim)" data-testid="drift-otherBundle">
              {t('site.otherBundle', {
                bundle: `${report.bundle.name} ${report.bundle.version}`,
                count: report.other_bundle ?? 0,
                models: report.other_models ?? 0,
              })}
            </Text>
          )}
          {report.profiles.length === 0 && <Notice NoticeIcon={IconActivity} title={t('site.noProfile')} detail={t('site.noProfileDetail')} />}
          {[...report.profiles]
            .sort((one, other) => drifted(other) - drifted(one) || compared(other) - compared(one))
            .map((profile) => (
              <ProfileSection key={JSON.stringify(profile.scanner)} profile={profile} report={report} />
            ))}
        </>
      )}
    </section>
  );
}
