import { Badge, Button, Group, Skeleton, Text } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useConfirmKey, useCreateKey, useKeys, useRevokeKey } from '@/api/keys';
import type { ApiKey } from '@/api/types';
import { ConfirmDialog } from '@/components/ConfirmDialog';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import pageClasses from '@/components/page.module.css';
import { ActionsHeading, ScrollTable } from '@/components/ScrollTable';
import { Pager } from '@/components/Pager';
import { useNow } from '@/components/use-now';
import { formatDateTime } from '@/format/dates';
import { useSession } from '@/session/session-context';
import { useSettings } from '@/settings/settings';

import { KeyForm } from './KeyForm';

type KeyState = 'valid' | 'waiting' | 'expired' | 'revoked';

function stateOf({ revoked_at, expires_at, awaits_confirmation }: ApiKey, now: number): KeyState {
  if (revoked_at) {
    return 'revoked';
  }
  if (expires_at && new Date(expires_at).getTime() <= now) {
    return 'expired';
  }
  return awaits_confirmation ? 'waiting' : 'valid';
}

/** The keys with which machines come in. */
export function Keys() {
  const { t, i18n } = useTranslation();
  const now = useNow();
  const [{ pageSize: limit }] = useSettings();
  const [offset, setOffset] = useState(0);
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const { data, error, isPending, refetch } = useKeys(limit, offset);
  const create = useCreateKey();
  const revoke = useRevokeKey();
  const [confirming, setConfirming] = useState<ApiKey | null>(null);
  const confirm = useConfirmKey();
  const session = useSession();
  const date = (at: string | null | undefined, none: string): string => (at ? formatDateTime(at, i18n.language) : none);

  return (
    <>
      <Group justify="space-between" mb="sm">
        <Text size="sm" c="var(--text-dim)" maw={720}>
          {t('keys.subtitle')}
        </Text>
        <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
          {t('keys.create')}
        </Button>
      </Group>
      <div className={pageClasses.card}>
        {isPending && <Skeleton h={240} radius={0} />}
        {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {data && data.items.length === 0 && <Notice NoticeIcon={IconKey} title={t('keys.empty')} detail={t('keys.emptyDetail')} />}
        {data && data.items.length > 0 && (
          <ScrollTable label={t('keys.table')}>
            <thead>
              <tr>
                <th scope="col">{t('keys.name')}</th>
                <th scope="col">{t('role.label')}</th>
                <th scope="col">{t('keys.state')}</th>
                <th scope="col">{t('keys.lastUsed')}</th>
                <th scope="col">{t('keys.expires')}</th>
                <th scope="col">{t('keys.created')}</th>
                <ActionsHeading />
              </tr>
            </thead>
            <tbody>
              {data.items.map((key) => {
                const state = stateOf(key, now);
                return (
                  <tr key={key.id} data-key={key.name} data-state={state}>
                    <td>
                      <Text size="sm" fw={600}>
                        {key.name}
                      </Text>
                      <Text size="xs" c="var(--text-dim)">
                        <code>{key.prefix}…</code> · {t('keys.scopeIs', { scope: key.scope })}
                        {key.allowed_addresses.length > 0 && ` · ${t('keys.fromIs', { networks: key.allowed_addresses.join(', ') })}`}
                      </Text>
                    </td>
                    <td>
                      <Group gap={4}>
                        {key.roles.map((role) => (
                          <Badge key={role} variant="default" tt="none" fw={500}>
                            {t(`role.${role}`)}
                          </Badge>
                        ))}
                      </Group>
                    </td>
                    <td>
                      {state === 'valid' ? t('keys.stateOf.valid') : <b>{t(`keys.stateOf.${state}`)}</b>}
                      {key.confirmed_by && (
                        <Text size="xs" c="var(--text-dim)">
                          {t('keys.confirmedBy', { name: key.confirmed_by })}
                        </Text>
                      )}
                    </td>
                    <td>{date(key.last_used_at, t('keys.unused'))}</td>
                    <td>{date(key.expires_at, t('keys.never'))}</td>
                    <td>
                      {date(key.created_at, '–')}
                      <Text size="xs" c="var(--text-dim)">
                        {key.created_by}
                      </Text>
                    </td>
                    <td>
                      {state === 'waiting' && (
                        <Button
                          size="compact-sm"
                          variant="light"
                          disabled={key.made_by_user !== null && key.made_by_user === session.user.id}
                          title={key.made_by_user === session.user.id ? t('keys.confirmOwn') : undefined}
                          aria-label={t('keys.confirmName', { name: key.name })}
                          onClick={() => setConfirming(key)}
                        >
                          {t('keys.confirm')}
                        </Button>
                      )}
                      {state !== 'revoked' && (
                        <Button
                          size="compact-sm"
                          variant="subtle"
                          c="var(--pathology)"
                          aria-label={t('keys.revokeName', { name: key.name })}
                          onClick={() => setRevoking(key)}
                        >
                          {t('keys.revoke')}
                        </Button>
                      )}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </ScrollTable>
        )}
        {data && <Pager total={data.total} limit={limit} offset={offset} onOffset={setOffset} />}
      </div>
      {creating && (
        <KeyForm
          secret={create.data?.secret ?? null}
          waits={create.data?.key.awaits_confirmation ?? false}
          busy={create.isPending}
          error={create.error}
          onSubmit={(input) => create.mutate(input)}
          onClose={() => {
            setCreating(false);
            create.reset();
          }}
        />
      )}
      <ConfirmDialog
        opened={confirming !== null}
        title={t('keys.confirmTitle', { name: confirming?.name ?? '' })}
        detail={t('keys.confirmDetail', {
          maker: confirming?.created_by ?? '',
          roles: (confirming?.roles ?? []).map((role) => t(`role.${role}`)).join(', '),
        })}
        confirm={t('keys.confirm')}
        busy={confirm.isPending}
        error={confirm.error}
        onConfirm={() => confirming && confirm.mutate(confirming.id, { onSuccess: () => setConfirming(null) })}
        onClose={() => {
          confirm.reset();
          setConfirming(null);
        }}
      />
      <ConfirmDialog
        opened={revoking !== null}
        title={t('keys.revokeTitle', { name: revoking?.name ?? '' })}
        detail={t('keys.revokeDetail')}
        confirm={t('keys.revoke')}
        busy={revoke.isPending}
        error={revoke.error}
        onConfirm={() => revoking && revoke.mutate(revoking.id, { onSuccess: () => setRevoking(null) })}
        onClose={() => {
          revoke.reset();
          setRevoking(null);
        }}
      />
    </>
  );
}
