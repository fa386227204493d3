import { Alert, Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useTranslation } from 'react-i18next';

import type { ApiKeyInput, Role } from '@/api/types';
import { FormEnd } from '@/components/FormEnd';
import { RoleChoice } from '@/components/RoleChoice';
import { SecretText } from '@/components/SecretText';

interface KeyFormProps {
  /** The new key's secret, once there is one. */
  secret: string | null;
  /** Whether it acts only once a second administrator has confirmed it. */
  waits: boolean;
  busy: boolean;
  error: unknown;
  onSubmit: (input: ApiKeyInput) => void;
  onClose: () => void;
}

const ROLES: Role[] = ['integrator', 'clinician', 'operator', 'administrator'];
const DAYS = [30, 90, 365] as const;

/** Makes a key; its secret is shown once, here. */
export function KeyForm({ secret, waits, busy, error, onSubmit, onClose }: KeyFormProps) {
  const { t } = useTranslation();
  const form = useForm({
    initialValues: { name: '', roles: ['integrator'] as Role[], scope: '', days: '365', from: '' },
    validate: {
      name: (text) => (text.trim() ? null : t('patients.required')),
      roles: (roles) => (roles.length > 0 ? null : t('role.none')),
    },
  });
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={<b>{t(secret ? 'keys.secretTitle' : 'keys.createTitle')}</b>}
      closeOnClickOutside={!secret}
      closeOnEscape={!secret}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      {secret ? (
        <Stack>
          <Text size="sm">{t('keys.secretDetail')}</Text>
          <SecretText label={t('keys.secret')} value={secret} testId="key-secret" />
          {waits && (
            <Alert color="gray" data-testid="key-waits">
              {t('keys.waits')}
            </Alert>
          )}
          <Text size="xs" c="var(--text-dim)" ff="monospace">
            Authorization: Bearer …
          </Text>
          <Group justify="flex-end">
            <Button onClick={onClose}>{t('keys.secretKept')}</Button>
          </Group>
        </Stack>
      ) : (
        <form
          noValidate
          onSubmit={form.onSubmit(({ name, roles, scope, days, from }) =>
            onSubmit({
              name: name.trim(),
              roles,
              ...(scope.trim() ? { scope: scope.trim() } : {}),
              expires_in_days: Number(days),
              allowed_addresses: from.split(/[\s,;]+/).filter(Boolean),
            }),
          )}
        >
          <Stack>
            <TextInput label={t('keys.name')} description={t('keys.nameHint')} required data-autofocus autoComplete="off" {...form.getInputProps('name')} />
            <RoleChoice
              roles={ROLES}
              value={form.values.roles}
              error={typeof form.errors['roles'] === 'string' ? form.errors['roles'] : undefined}
              onChange={(roles) => form.setFieldValue('roles', roles)}
            />
            {form.values.roles.includes('integrator') && (
              <TextInput label={t('keys.scope')} description={t('keys.scopeHint')} autoComplete="off" {...form.getInputProps('scope')} />
            )}
            <Select
              label={t('keys.expires')}
              allowDeselect={false}
              data={DAYS.map((days) => ({ value: String(days), label: t('keys.days', { count: days }) }))}
              {...form.getInputProps('days')}
            />
            <TextInput label={t('keys.from')} description={t('keys.fromHint')} autoComplete="off" spellCheck={false} {...form.getInputProps('from')} />
            <FormEnd error={error} submit={t('keys.make')} busy={busy} onClose={onClose} />
          </Stack>
        </form>
      )}
    </Modal>
  );
}
