import { Checkbox, Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import type { Role } from '@/api/types';

interface RoleChoiceProps {
  roles: readonly Role[];
  value: Role[];
  error?: string | undefined;
  onChange: (roles: Role[]) => void;
}

/** Which roles somebody holds, each with what it opens. */
export function RoleChoice({ roles, value, error, onChange }: RoleChoiceProps) {
  const { t } = useTranslation();
  return (
    <Checkbox.Group label={t('role.label')} value={value} error={error} onChange={(chosen) => onChange(roles.filter((role) => chosen.includes(role)))}>
      <Stack gap={8} mt={6} mb={error ? 6 : 0}>
        {roles.map((role) => (
          <Checkbox key={role} value={role} label={t(`role.${role}`)} description={t(`role.detail.${role}`)} />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}
