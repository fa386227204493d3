import { Anchor, Skeleton, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconFileSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { useAudit } from '@/api/audit';
import type { AuditEvent } from '@/api/types';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import pageClasses from '@/components/page.module.css';
import { ScrollTable } from '@/components/ScrollTable';
import { Pager } from '@/components/Pager';
import { formatMoment } from '@/format/dates';
import { useSettings } from '@/settings/settings';

import { AuditFilters, filterOf, NO_FIELDS, type AuditFields } from './AuditFilters';
import classes from './audit.module.css';

const ACTORS = ['user', 'key', 'anonymous', 'system', 'authentication_off'] as const;
const OUTCOMES = ['begun', 'success', 'refused', 'failed'] as const;
const KINDS = ['patient', 'scan', 'analysis', 'user', 'key', 'session', 'prediction', 'delivery'] as const;

/** What an event was about, as identifiers: the trail holds no names of patients. */
function objectOf({ object_kind, object_id, patient_id, scan_id }: AuditEvent): [string, string][] {
  const parts: [string, string | null | undefined][] = [
    [object_kind ?? '', object_id],
    ['patient', patient_id],
    ['scan', scan_id],
  ];
  const seen = new Set<string>();
  return parts.flatMap(([kind, id]) => {
    if (!id || seen.has(id)) {
      return [];
    }
    seen.add(id);
    return [[kind, id] as [string, string]];
  });
}

/** Who did what, when and from where; newest first. */
export function AuditTrail() {
  const { t, i18n } = useTranslation();
  const [{ pageSize: limit }] = useSettings();
  const [fields, setFields] = useState<AuditFields>(NO_FIELDS);
  const [settled] = useDebouncedValue(fields, 300);
  const [offset, setOffset] = useState(0);
  const filter = filterOf(settled);
  const { data, error, isPending, isPlaceholderData, refetch } = useAudit(filter, limit, offset);
  const actorKind = (kind: string): string => {
    const known = ACTORS.find((one) => one === kind);
    return known ? t(`audit.actor.${known}`) : kind;
  };
  const outcomeOf = (outcome: string): string => {
    const known = OUTCOMES.find((one) => one === outcome);
    return known ? t(`audit.outcomeOf.${known}`) : outcome;
  };

  const kindOf = (kind: string): string => {
    const known = KINDS.find((one) => one === kind);
    return known ? t(`audit.kind.${known}`) : kind;
  };

  return (
    <>
      <AuditFilters
        fields={fields}
        filter={filter}
        onChange={(change) => {
          setFields((known) => ({ ...known, ...change }));
          setOffset(0);
        }}
      />
      <div className={pageClasses.card}>
        {isPending && <Skeleton h={320} radius={0} />}
        {error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {!error && data && data.items.length === 0 && <Notice NoticeIcon={IconFileSearch} title={t('audit.empty')} detail={t('audit.emptyDetail')} />}
        {!error && data && data.items.length > 0 && (
          <ScrollTable label={t('audit.table')}>
            <thead>
              <tr>
                <th scope="col">{t('audit.at')}</th>
                <th scope="col">{t('audit.who')}</th>
                <th scope="col">{t('audit.action')}</th>
                <th scope="col">{t('audit.outcome')}</th>
                <th scope="col">{t('audit.object')}</th>
                <th scope="col">{t('audit.address')}</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((event) => (
                <tr key={event.sequence} data-stale={isPlaceholderData} data-action={event.action}>
                  <td className={classes.at}>{formatMoment(event.at, i18n.language)}</td>
                  <td>
                    {event.actor.name || actorKind(event.actor.kind)}
                    {event.actor.kind !== 'user' && event.actor.name && (
                      <Text size="xs" c="var(--text-dim)">
                        {actorKind(event.actor.kind)}
                      </Text>
                    )}
                  </td>
                  <td>
                    <code className={classes.code}>{event.action}</code>
                    {event.detail && (
                      <Text size="xs" c="var(--text-dim)">
                        {event.detail}
                      </Text>
                    )}
                  </td>
                  <td className={classes.outcome} data-outcome={event.outcome}>
                    {outcomeOf(event.outcome)}
                    {event.status ? ` · ${event.status}` : ''}
                  </td>
                  <td>
                    {objectOf(event).map(([kind, id]) => (
                      <div key={id} className={classes.object} title={id}>
                        {kindOf(kind)} <code className={classes.code}>{id}</code>
                      </div>
                    ))}
                    {event.action === 'patient.erase' && event.patient_id && (
                      <Anchor component={Link} to={`/erasures/${event.patient_id}`} size="sm" c="var(--accent)">
                        {t('audit.erasure')}
                      </Anchor>
                    )}
                  </td>
                  <td className={classes.code}>{event.source_address || '–'}</td>
                </tr>
              ))}
            </tbody>
          </ScrollTable>
        )}
        {data && <Pager total={data.total} limit={limit} offset={offset} onOffset={setOffset} />}
      </div>
    </>
  );
}
