import { ActionIcon, Menu, Modal, Text, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconDevices, IconLogout, IconPassword, IconShieldLock, IconUserCircle } from '@tabler/icons-react';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { useSignOut } from '@/api/session';
import { useCodeTexts } from '@/i18n/problem-text';
import { useSession } from '@/session/session-context';

import classes from './account.module.css';

/** Fetched when it is opened. */
const PasswordForm = lazy(async () => ({ default: (await import('./PasswordForm')).PasswordForm }));

/** Who is signed in, and the way out. */
export function AccountMenu() {
  const { t } = useTranslation();
  const { ofError } = useCodeTexts();
  const session = useSession();
  const signOut = useSignOut();
  const [changing, change] = useDisclosure(false);
  if (session.authentication === 'off') {
    return null;
  }
  const { login, display_name, roles } = session.user;
  const name = display_name || login;
  const leave = (): void =>
    signOut.mutate(undefined, {
      onError: (error) => {
        const { title, advice } = ofError(error);
        notifications.show({ color: 'red', title: t('signIn.notSignedOut'), message: `${title}. ${advice}`, closeButtonProps: { 'aria-label': t('common.close') } });
      },
    });
  return (
    <>
      <Menu position="bottom-end" shadow="md" width={260}>
        <Menu.Target>
          <Tooltip label={name}>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('signIn.account', { name })} data-testid="account">
              <IconUserCircle size={21} />
            </ActionIcon>
          </Tooltip>
        </Menu.Target>
        <Menu.Dropdown>
          {/* An item, because a menu may hold nothing else; it does nothing. */}
          <Menu.Item component="div" disabled className={classes.who}>
            <Text fw={600} truncate>
              {name}
            </Text>
            <Text size="xs" c="var(--text-dim)" truncate>
              {login}
            </Text>
            <Text size="xs" c="var(--text-dim)" mt={4}>
              {roles.map((role) => t(`role.${role}`)).join(' · ')}
            </Text>
          </Menu.Item>
          <Menu.Divider />
          {session.password_needs_current && (
            <Menu.Item leftSection={<IconPassword size={16} />} onClick={change.open}>
              {t('signIn.changePassword')}
            </Menu.Item>
          )}
          {session.second_factor && (
            <Menu.Item component={Link} to="/second-factor" leftSection={<IconShieldLock size={16} />} data-testid="own-second-factor">
              {t('secondFactor.title')}
            </Menu.Item>
          )}
          <Menu.Item component={Link} to="/sessions" leftSection={<IconDevices size={16} />} data-testid="own-sessions">
            {t('sessions.title')}
          </Menu.Item>
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={leave} data-testid="sign-out">
            {t('signIn.signOut')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={changing}
        onClose={change.close}
        title={<b>{t('signIn.changePassword')}</b>}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        <Suspense>
          <PasswordForm
            login={login}
            needsCurrent={session.password_needs_current}
            submit={t('common.save')}
            onDone={() => {
              change.close();
              notifications.show({ message: t('signIn.passwordChanged'), closeButtonProps: { 'aria-label': t('common.close') } });
            }}
          />
        </Suspense>
      </Modal>
    </>
  );
}
