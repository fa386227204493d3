import { Button, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import type { Pull } from '@/api/types';
import pageClasses from '@/components/page.module.css';
import { formatClock, formatMoment } from '@/format/dates';

import classes from './pulls.module.css';
import { useReasonText } from './use-reason-text';

interface PullRowProps {
  pull: Pull;
  stale: boolean;
  busy: boolean;
  onPullAgain: () => void;
}

/** One wish to have studies of an archive. Whose they are is not told. */
export function PullRow({ pull, stale, busy, onPullAgain }: PullRowProps) {
  const { t, i18n } = useTranslation();
  const reasonText = useReasonText();
  const { state, reason_code: code, peer_status: status, studies } = pull;
  const reason = code && state !== 'done' ? reasonText(code) : null;
  const here = studies.filter((study) => study.is_here).length;
  const instances = studies.reduce((sum, study) => sum + study.instances, 0);
  const expected = studies.reduce((sum, study) => sum + (study.expected ?? study.instances), 0);
  const came = expected > instances ? t('pulls.instancesOf', { count: instances, expected }) : t('pulls.instances', { count: instances });
  return (
    <tr data-pull={pull.id} data-state={state} data-stale={stale}>
      <td>
        {pull.source}
        <Text size="xs" c="var(--text-dim)">
          {pull.priors_of ? t('pulls.priorsOf', { id: pull.priors_of.slice(-12) }) : t('pulls.asked')}
        </Text>
      </td>
      <td>
        <span className={classes.state} data-state={state}>
          {t(`pulls.stateOf.${state}`)}
        </span>
      </td>
      <td className={pageClasses.number}>{pull.attempts}</td>
      <td className={classes.what}>
        {studies.length > 0 && (
          <Text size="sm">
            {t('pulls.studiesHere', { count: studies.length, here })}, {came}
          </Text>
        )}
        {reason && (
          <>
            <Text size="sm">{reason.title}</Text>
            <Text size="xs" c="var(--text-dim)">
              {reason.advice}
            </Text>
            <code className={classes.code}>{[code, status].filter(Boolean).join(' · ')}</code>
          </>
        )}
      </td>
      <td className={classes.when}>
        {formatMoment(pull.ended_at ?? pull.updated_at, i18n.language)}
        {pull.next_attempt_at && (
          <Text size="xs" c="var(--text-dim)">
            {t('pulls.nextAttempt', { at: formatClock(pull.next_attempt_at, i18n.language) })}
          </Text>
        )}
      </td>
      <td className={pageClasses.number}>
        {pull.ended_at && (
          <Button size="xs" variant="default" loading={busy} onClick={onPullAgain} aria-label={t('pulls.pullAgainOf', { id: pull.id.slice(-12) })}>
            {t('pulls.pullAgain')}
          </Button>
        )}
      </td>
    </tr>
  );
}
