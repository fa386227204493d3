import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import type { ArrivingStudy } from '@/api/types';
import { formatClock, formatMoment } from '@/format/dates';
import { formatNumber } from '@/format/numbers';

import classes from './connections.module.css';

const COUNTERS = ['mpps', 'source', 'stated'] as const;

/** A study that comes, and what it waits for. Whose it is is not told. */
export function ArrivalRow({ study }: { study: ArrivingStudy }) {
  const { t, i18n } = useTranslation();
  const number = (value: number): string => formatNumber(value, i18n.language, 0);
  const counter = COUNTERS.find((one) => one === study.counted_by);
  const { came, expected } = study;
  return (
    <tr data-waits-for={study.waits_for}>
      <td className={classes.uid}>{study.study_instance_uid ?? '–'}</td>
      <td>{study.callers.join(', ') || '–'}</td>
      <td>
        {typeof came === 'number' && typeof expected === 'number'
          ? t('arrivals.cameOf', { came: number(came), expected: number(expected) })
          : number(study.instances)}
        {counter && (
          <Text size="xs" c="var(--text-dim)">
            {t(`arrivals.countedBy.${counter}`)}
          </Text>
        )}
      </td>
      <td>
        {t(`arrivals.waitsForOf.${study.waits_for}`)}
        {study.at_latest && (
          <Text size="xs" c="var(--text-dim)">
            {t('arrivals.atLatest', { at: formatClock(study.at_latest, i18n.language) })}
          </Text>
        )}
      </td>
      <td>{formatMoment(study.first_at, i18n.language)}</td>
      <td>{formatMoment(study.last_at, i18n.language)}</td>
    </tr>
  );
}
