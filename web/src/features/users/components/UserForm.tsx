import { Modal, Stack, Switch, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useTranslation } from 'react-i18next';

import display from '@/api/display.json';
import type { Role, User } from '@/api/types';
import { FormEnd } from '@/components/FormEnd';
import { RoleChoice } from '@/components/RoleChoice';

export interface UserValues {
  login: string;
  display_name: string;
  roles: Role[];
  disabled: boolean;
}

interface UserFormProps {
  /** None for a new person. */
  user: User | null;
  /** The administrator's own account: it cannot be switched off from within. */
  own: boolean;
  busy: boolean;
  error: unknown;
  onSubmit: (values: UserValues) => void;
  onClose: () => void;
}

const ROLES: Role[] = ['clinician', 'operator', 'administrator', 'integrator'];
const LONGEST = display.limits.name_characters;

/** Makes an account or changes it. */
export function UserForm({ user, own, busy, error, onSubmit, onClose }: UserFormProps) {
  const { t } = useTranslation();
  const form = useForm<UserValues>({
    initialValues: {
      login: user?.login ?? '',
      display_name: user?.display_name ?? '',
      roles: user?.roles ?? ['clinician'],
      disabled: user?.disabled ?? false,
    },
    validate: {
      login: (text) => (/^\S+$/.test(text.trim()) ? null : t('users.loginHint')),
      display_name: (text) => (!text.trim() ? t('patients.required') : text.length > LONGEST ? t('patients.tooLong', { max: LONGEST }) : null),
      roles: (roles) => (roles.length > 0 ? null : t('role.none')),
    },
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={<b>{t(user ? 'users.editTitle' : 'users.createTitle')}</b>}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <form noValidate onSubmit={form.onSubmit((values) => onSubmit({ ...values, login: values.login.trim() }))}>
        <Stack>
          <TextInput
            label={t('signIn.login')}
            description={user ? t('users.loginFixed') : undefined}
            required
            disabled={Boolean(user)}
            autoComplete="off"
            spellCheck={false}
            {...(user ? {} : { 'data-autofocus': true })}
            {...form.getInputProps('login')}
          />
          <TextInput label={t('users.displayName')} required autoComplete="off" {...form.getInputProps('display_name')} />
          <RoleChoice
            roles={ROLES}
            value={form.values.roles}
            error={typeof form.errors['roles'] === 'string' ? form.errors['roles'] : undefined}
            onChange={(roles) => form.setFieldValue('roles', roles)}
          />
          {user && !own && (
            <Switch label={t('users.disabled')} description={t('users.disabledDetail')} {...form.getInputProps('disabled', { type: 'checkbox' })} />
          )}
          <FormEnd error={error} submit={t('common.save')} busy={busy} onClose={onClose} />
        </Stack>
      </form>
    </Modal>
  );
}
