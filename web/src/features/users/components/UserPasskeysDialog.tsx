import { Modal, Skeleton, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { Passkey } from '@/api/types';
import { useRemoveUserPasskey, useUserPasskeys } from '@/api/users';
import { ConfirmDialog } from '@/components/ConfirmDialog';
import { ErrorNotice } from '@/components/ErrorNotice';
import { PasskeyTable } from '@/components/PasskeyTable';

/** Another's passkeys: the one of a lost device is taken away, the others stay. */
export function UserPasskeysDialog({ userId, name, onClose }: { userId: string; name: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useUserPasskeys(userId);
  const remove = useRemoveUserPasskey(userId);
  const [removing, setRemoving] = useState<Passkey | null>(null);
  const keep = (): void => {
    setRemoving(null);
    remove.reset();
  };
  return (
    <Modal opened onClose={onClose} size="xl" title={<b>{t('passkeys.titleOf', { name })}</b>} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <Stack data-testid="user-passkeys">
        {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {!data && !error && <Skeleton h={90} />}
        {data?.items.length === 0 && <Text size="sm">{t('passkeys.none')}</Text>}
        {data && data.items.length > 0 && <PasskeyTable passkeys={data.items} onRemove={setRemoving} />}
      </Stack>
      <ConfirmDialog
        opened={removing !== null}
        title={t('passkeys.removeTitle', { name: removing?.name ?? '' })}
        detail={t('passkeys.removeOfDetail')}
        confirm={t('passkeys.remove')}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => removing && remove.mutate(removing.id, { onSuccess: keep })}
        onClose={keep}
      />
    </Modal>
  );
}
