import { Button, Group, Skeleton, Stack, Text, TextInput, Title } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useState, type SyntheticEvent } from 'react';
import { useTranslation } from 'react-i18next';

import { useAddPasskey, usePasskeys, useRefreshPasskeys, useRemovePasskey } from '@/api/passkeys';
import type { Passkey } from '@/api/types';
import { knowsPasskeys } from '@/session/passkey';

import { ConfirmDialog } from './ConfirmDialog';
import { ErrorAlert } from './ErrorAlert';
import { ErrorNotice } from './ErrorNotice';
import { PasskeyTable } from './PasskeyTable';
import { RecoveryCodes } from './RecoveryCodes';

/** The own account's passkeys, and a new one. */
export function Passkeys() {
  const { t } = useTranslation();
  const { data, error, refetch } = usePasskeys();
  const refresh = useRefreshPasskeys();
  const add = useAddPasskey();
  const remove = useRemovePasskey();
  const [name, setName] = useState('');
  const [removing, setRemoving] = useState<Passkey | null>(null);

  const onSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    add.mutate(name.trim(), {
      onSuccess: ({ recovery_codes }) => {
        setName('');
        // Codes are shown first: what the session says is asked anew once they were kept.
        if (!recovery_codes) {
          void refresh();
        }
      },
    });
  };
  const content = (): React.ReactNode => {
    if (add.data?.recovery_codes) {
      return (
        <RecoveryCodes
          codes={add.data.recovery_codes}
          onKept={() => {
            add.reset();
            void refresh();
          }}
        />
      );
    }
    if (error && !data) {
      return <ErrorNotice error={error} onRetry={() => void refetch()} />;
    }
    if (!data) {
      return <Skeleton h={90} />;
    }
    const can = data.is_offered && knowsPasskeys();
    return (
      <>
        <Text size="sm" maw={620}>
          {t(can ? 'passkeys.detail' : data.is_offered ? 'passkeys.notHere' : 'passkeys.off')}
        </Text>
        {data.items.length > 0 && <PasskeyTable passkeys={data.items} onRemove={setRemoving} />}
        <ErrorAlert error={add.error} />
        {can && (
          <form onSubmit={onSubmit}>
            <Group align="flex-end" gap="sm">
              <TextInput
                label={t('passkeys.newName')}
                placeholder={t('passkeys.example')}
                required
                maxLength={200}
                value={name}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <Button type="submit" variant="default" leftSection={<IconKey size={16} />} loading={add.isPending} data-testid="add-passkey">
                {t('passkeys.add')}
              </Button>
            </Group>
          </form>
        )}
      </>
    );
  };
  return (
    <section data-testid="passkeys">
      <Stack gap="sm">
        <Title order={2} size="h4">
          {t('passkeys.title')}
        </Title>
        {content()}
      </Stack>
      <ConfirmDialog
        opened={removing !== null}
        title={t('passkeys.removeTitle', { name: removing?.name ?? '' })}
        detail={t('passkeys.removeDetail')}
        confirm={t('passkeys.remove')}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => {
          if (removing) {
            remove.mutate(removing.id, {
              onSuccess: () => {
                setRemoving(null);
                void refresh();
              },
            });
          }
        }}
        onClose={() => {
          remove.reset();
          setRemoving(null);
        }}
      />
    </section>
  );
}
