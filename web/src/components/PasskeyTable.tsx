import { Badge, Button, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import type { Passkey } from '@/api/types';
import { formatDateTime } from '@/format/dates';

import { ActionsHeading, ScrollTable } from './ScrollTable';

/** An account's passkeys, each with the way to take it away. */
export function PasskeyTable({ passkeys, onRemove }: { passkeys: readonly Passkey[]; onRemove: (passkey: Passkey) => void }) {
  const { t, i18n } = useTranslation();
  return (
    <ScrollTable label={t('passkeys.title')}>
      <thead>
        <tr>
          <th scope="col">{t('passkeys.name')}</th>
          <th scope="col">{t('passkeys.added')}</th>
          <th scope="col">{t('passkeys.lastUsed')}</th>
          <ActionsHeading />
        </tr>
      </thead>
      <tbody>
        {passkeys.map((passkey) => (
          <tr key={passkey.id} data-passkey={passkey.name}>
            <td>
              <Group gap={6}>
                <Text size="sm" fw={600}>
                  {passkey.name}
                </Text>
                {passkey.is_synced && (
                  <Badge variant="default" tt="none" fw={500}>
                    {t('passkeys.synced')}
                  </Badge>
                )}
              </Group>
            </td>
            <td>{formatDateTime(passkey.created_at, i18n.language)}</td>
            <td>{passkey.last_used_at ? formatDateTime(passkey.last_used_at, i18n.language) : '–'}</td>
            <td>
              <Button
                size="compact-sm"
                variant="subtle"
                c="var(--pathology)"
                aria-label={t('passkeys.removeOne', { name: passkey.name })}
                onClick={() => onRemove(passkey)}
              >
                {t('passkeys.remove')}
              </Button>
            </td>
          </tr>
        ))}
      </tbody>
    </ScrollTable>
  );
}
