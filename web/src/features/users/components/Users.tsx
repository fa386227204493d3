import { ActionIcon, Badge, Button, Group, Menu, Modal, Skeleton, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconDevices, IconDotsVertical, IconKey, IconLink, IconPencil, IconShieldOff, IconTrash, IconUserPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { User } from '@/api/types';
import { useChangeUser, useCreateUser, useDeleteUser, useMakeSignInLink, useResetSecondFactor, useUsers } from '@/api/users';
import { ConfirmDialog } from '@/components/ConfirmDialog';
import { ErrorNotice } from '@/components/ErrorNotice';
import pageClasses from '@/components/page.module.css';
import { ActionsHeading, ScrollTable } from '@/components/ScrollTable';
import { Pager } from '@/components/Pager';
import { SessionList } from '@/components/SessionList';
import { formatDateTime } from '@/format/dates';
import { useCodeTexts } from '@/i18n/problem-text';
import { useSession } from '@/session/session-context';
import { useSettings } from '@/settings/settings';

import { SignInLinkDialog } from './SignInLinkDialog';
import { UserForm, type UserValues } from './UserForm';
import { UserPasskeysDialog } from './UserPasskeysDialog';

type Dialog = { kind: 'create' } | { kind: 'edit' | 'delete' | 'sessions' | 'passkeys' | 'reset'; user: User } | { kind: 'link'; user: User; link: string; expiresAt: string };

const nameOf = (user: User): string => user.display_name || user.login;

/** Who may sign in, and as what. */
export function Users() {
  const { t, i18n } = useTranslation();
  const { ofError } = useCodeTexts();
  const session = useSession();
  const [{ pageSize: limit }] = useSettings();
  const [offset, setOffset] = useState(0);
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const { data, error, isPending, refetch } = useUsers(limit, offset);
  const create = useCreateUser();
  const change = useChangeUser();
  const remove = useDeleteUser();
  const makeLink = useMakeSignInLink();
  const reset = useResetSecondFactor();

  const close = (): void => {
    setDialog(null);
    [create, change, remove, reset].forEach((mutation) => mutation.reset());
  };
  const offerLink = (user: User): void =>
    makeLink.mutate(user.id, {
      onSuccess: ({ link, expires_at }) => setDialog({ kind: 'link', user, link, expiresAt: expires_at }),
      onError: (reason) => {
        const { title, advice } = ofError(reason);
        notifications.show({ color: 'red', title, message: advice, closeButtonProps: { 'aria-label': t('common.close') } });
      },
    });
  const onSubmit = (values: UserValues): void => {
    if (dialog?.kind === 'edit') {
      const { display_name, roles, disabled } = values;
      change.mutate({ userId: dialog.user.id, body: { display_name, roles, disabled } }, { onSuccess: close });
    } else {
      const { login, display_name, roles } = values;
      // A new person has no password: the link is the way in.
      create.mutate({ login, display_name, roles }, { onSuccess: (user) => offerLink(user) });
    }
  };

  return (
    <>
      <Group justify="space-between" mb="sm">
        <Text size="sm" c="var(--text-dim)" maw={720}>
          {t('users.subtitle')}
        </Text>
        <Button leftSection={<IconUserPlus size={16} />} onClick={() => setDialog({ kind: 'create' })}>
          {t('users.create')}
        </Button>
      </Group>
      <div className={pageClasses.card}>
        {isPending && <Skeleton h={240} radius={0} />}
        {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {data && (
          <ScrollTable label={t('users.table')}>
            <thead>
              <tr>
                <th scope="col">{t('users.name')}</th>
                <th scope="col">{t('role.label')}</th>
                <th scope="col">{t('users.signIn')}</th>
                <th scope="col">{t('users.lastSignIn')}</th>
                <th scope="col">{t('users.created')}</th>
                <ActionsHeading />
              </tr>
            </thead>
            <tbody>
              {data.items.map((user) => {
                const own = user.id === session.user.id;
                return (
                  <tr key={user.id} data-user={user.login}>
                    <td>
                      <Text size="sm" fw={600}>
                        {nameOf(user)} {own && <Text span size="xs" c="var(--text-dim)">{t('users.you')}</Text>}
                      </Text>
                      <Text size="xs" c="var(--text-dim)">
                        {user.login}
                      </Text>
                    </td>
                    <td>
                      <Group gap={4}>
                        {user.roles.map((role) => (
                          <Badge key={role} variant="default" tt="none" fw={500}>
                            {t(`role.${role}`)}
                          </Badge>
                        ))}
                      </Group>
                    </td>
                    <td>
                      {user.disabled ? <b>{t('users.isDisabled')}</b> : t(`users.signInBy.${user.sign_in}`)}
                      {user.has_second_factor && (
                        <Text size="xs" c="var(--text-dim)">
                          {t('secondFactor.has')}
                        </Text>
                      )}
                    </td>
                    <td>{user.last_sign_in_at ? formatDateTime(user.last_sign_in_at, i18n.language) : t('users.never')}</td>
                    <td>{formatDateTime(user.created_at, i18n.language)}</td>
                    <td>
                      <Menu position="bottom-end" shadow="md">
                        <Menu.Target>
                          <ActionIcon variant="subtle" color="gray" aria-label={t('users.actionsFor', { name: nameOf(user) })}>
                            <IconDotsVertical size={18} />
                          </ActionIcon>
                        </Menu.Target>
                        <Menu.Dropdown>
                          <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setDialog({ kind: 'edit', user })}>
                            {t('users.edit')}
                          </Menu.Item>
                          <Menu.Item leftSection={<IconLink size={16} />} disabled={user.disabled} onClick={() => offerLink(user)}>
                            {t('users.makeLink')}
                          </Menu.Item>
                          <Menu.Item leftSection={<IconDevices size={16} />} onClick={() => setDialog({ kind: 'sessions', user })}>
                            {t('sessions.ofPerson')}
                          </Menu.Item>
                          {user.has_second_factor && !own && (
                            <>
                              <Menu.Item leftSection={<IconKey size={16} />} onClick={() => setDialog({ kind: 'passkeys', user })}>
                                {t('passkeys.title')}
                              </Menu.Item>
                              <Menu.Item leftSection={<IconShieldOff size={16} />} onClick={() => setDialog({ kind: 'reset', user })}>
                                {t('secondFactor.reset')}
                              </Menu.Item>
                            </>
                          )}
                          <Menu.Item
                            c="var(--pathology)"
                            leftSection={<IconTrash size={16} />}
                            disabled={own}
                            onClick={() => setDialog({ kind: 'delete', user })}
                          >
                            {t('users.delete')}
                          </Menu.Item>
                        </Menu.Dropdown>
                      </Menu>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </ScrollTable>
        )}
        {data && <Pager total={data.total} limit={limit} offset={offset} onOffset={setOffset} />}
      </div>
      {(dialog?.kind === 'create' || dialog?.kind === 'edit') && (
        <UserForm
          user={dialog.kind === 'edit' ? dialog.user : null}
          own={dialog.kind === 'edit' && dialog.user.id === session.user.id}
          busy={create.isPending || change.isPending}
          error={create.error ?? change.error}
          onSubmit={onSubmit}
          onClose={close}
        />
      )}
      {dialog?.kind === 'link' && (
        <SignInLinkDialog name={nameOf(dialog.user)} link={dialog.link} expiresAt={dialog.expiresAt} onClose={close} />
      )}
      {dialog?.kind === 'sessions' && (
        <Modal
          opened
          onClose={close}
          size="xl"
          title={<b>{t('sessions.titleOf', { name: nameOf(dialog.user) })}</b>}
          closeButtonProps={{ 'aria-label': t('common.close') }}
        >
          <SessionList userId={dialog.user.id} />
        </Modal>
      )}
      {dialog?.kind === 'passkeys' && <UserPasskeysDialog userId={dialog.user.id} name={nameOf(dialog.user)} onClose={close} />}
      <ConfirmDialog
        opened={dialog?.kind === 'reset'}
        title={dialog?.kind === 'reset' ? t('secondFactor.resetTitle', { name: nameOf(dialog.user) }) : ''}
        detail={t('secondFactor.resetDetail')}
        confirm={t('secondFactor.reset')}
        busy={reset.isPending}
        error={reset.error}
        onConfirm={() => dialog?.kind === 'reset' && reset.mutate(dialog.user.id, { onSuccess: close })}
        onClose={close}
      />
      <ConfirmDialog
        opened={dialog?.kind === 'delete'}
        title={dialog?.kind === 'delete' ? t('users.deleteTitle', { name: nameOf(dialog.user) }) : ''}
        detail={t('users.deleteDetail')}
        confirm={t('users.delete')}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => dialog?.kind === 'delete' && remove.mutate(dialog.user.id, { onSuccess: close })}
        onClose={close}
      />
    </>
  );
}
