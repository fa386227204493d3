import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import type { Delivery } from '@/api/types';
import type texts from '@/i18n/en-deliveries.json';
import i18next from '@/i18n/i18n';

type Kind = Exclude<keyof (typeof texts)['deliveries']['object'], 'key-slice'>;

const isKind = (name: string): name is Kind => i18next.exists(`deliveries.object.${name}`);

interface DeliveredObjectsProps {
  objects: Delivery['objects'];
}

/** What the destination has of a result that it did not take whole, and what it refused. */
export function DeliveredObjects({ objects }: DeliveredObjectsProps) {
  const { t } = useTranslation();
  const nameOf = (name: string): string => {
    const number = /^key-slice-(\d+)$/.exec(name)?.[1];
    if (number !== undefined) {
      return t('deliveries.object.key-slice', { number });
    }
    return isKind(name) ? t(`deliveries.object.${name}`) : name;
  };
  const refused = objects.filter(({ is_taken: isTaken }) => !isTaken);
  const count = objects.length - refused.length;
  const taken = count === 0 ? t('deliveries.takenNone') : t('deliveries.taken', { count });
  const names = refused.map(({ name, peer_status: status, reason_code: code }) => `${nameOf(name)} (${status ?? code ?? ''})`);
  return (
    <Text size="xs" data-testid="delivered-objects">
      {names.length === 0 ? taken : `${taken}; ${t('deliveries.refused', { objects: names.join(', ') })}`}
    </Text>
  );
}
