import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { SecretText } from '@/components/SecretText';
import { formatDateTime } from '@/format/dates';

interface SignInLinkDialogProps {
  name: string;
  link: string;
  expiresAt: string;
  onClose: () => void;
}

/** The link with which a person signs in the first time, or after a forgotten password. */
export function SignInLinkDialog({ name, link, expiresAt, onClose }: SignInLinkDialogProps) {
  const { t, i18n } = useTranslation();
  // The gateway may answer with a path alone: it does not always know under which name it is reached.
  const whole = new URL(link, window.location.origin).href;
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={<b>{t('users.linkTitle', { name })}</b>}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <Stack>
        <Text size="sm">{t('users.linkDetail', { date: formatDateTime(expiresAt, i18n.language) })}</Text>
        <SecretText label={t('users.link')} value={whole} testId="sign-in-link" />
        <Group justify="flex-end">
          <Button onClick={onClose}>{t('common.close')}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
