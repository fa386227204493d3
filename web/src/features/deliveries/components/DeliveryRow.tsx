import { Button, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import type { Delivery } from '@/api/types';
import pageClasses from '@/components/page.module.css';
import { formatClock, formatMoment } from '@/format/dates';
import { useDeliveryReason } from '@/i18n/delivery-reason';

import { DeliveredObjects } from './DeliveredObjects';
import classes from './deliveries.module.css';

interface DeliveryRowProps {
  delivery: Delivery;
  /** Leads to the study: for those who may see it. */
  leads: boolean;
  stale: boolean;
  busy: boolean;
  onSendAgain: () => void;
}

/** One result on its way to one destination. */
export function DeliveryRow({ delivery, leads, stale, busy, onSendAgain }: DeliveryRowProps) {
  const { t, i18n } = useTranslation();
  const reasonText = useDeliveryReason();
  const { state, reason_code: code, peer_status: status, scan_id: scanId, objects } = delivery;
  const reason = code && state !== 'delivered' ? reasonText(code) : null;
  const shortId = scanId.slice(-12);
  return (
    <tr data-delivery={delivery.id} data-state={state} data-stale={stale}>
      <td>{delivery.destination}</td>
      <td>
        <span className={classes.state} data-state={state}>
          {t(`deliveries.stateOf.${state}`)}
        </span>
      </td>
      <td className={pageClasses.number}>{delivery.attempts}</td>
      <td className={classes.why}>
        {reason && (
          <>
            <Text size="sm">{reason.title}</Text>
            <Text size="xs" c="var(--text-dim)">
              {reason.advice}
            </Text>
            <code className={classes.code}>{[code, status].filter(Boolean).join(' · ')}</code>
            {objects.length > 0 && <DeliveredObjects objects={objects} />}
          </>
        )}
      </td>
      <td className={classes.when}>
        {formatMoment(delivery.ended_at ?? delivery.updated_at, i18n.language)}
        {delivery.next_attempt_at && (
          <Text size="xs" c="var(--text-dim)">
            {t('deliveries.nextAttempt', { at: formatClock(delivery.next_attempt_at, i18n.language) })}
          </Text>
        )}
      </td>
      <td>
        {leads ? (
          <Link to={`/studies/${scanId}`} className={classes.study} title={scanId}>
            …{shortId}
          </Link>
        ) : (
          <code className={classes.study} title={scanId}>
            …{shortId}
          </code>
        )}
      </td>
      <td className={pageClasses.number}>
        {delivery.ended_at && (
          <Button size="xs" variant="default" loading={busy} onClick={onSendAgain} aria-label={t('deliveries.sendAgainOf', { id: shortId })}>
            {t('deliveries.sendAgain')}
          </Button>
        )}
      </td>
    </tr>
  );
}
