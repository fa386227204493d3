import { Button, Group, Menu, TextInput } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { auditExport, type AuditFilter } from '@/api/audit';

/** What is typed; dates are days of the reader's own clock. */
export interface AuditFields {
  from: string;
  to: string;
  user: string;
  action: string;
  patient: string;
}

export const NO_FIELDS: AuditFields = { from: '', to: '', user: '', action: '', patient: '' };

/** A day's first moment; with `after` days added. */
function momentOf(day: string, after: number): string | undefined {
  const [year, month, date] = day.split('-').map(Number);
  if (!year || !month || !date) {
    return undefined;
  }
  return new Date(year, month - 1, date + after).toISOString();
}

/** The filter that the gateway understands: the last day is meant whole. */
export function filterOf({ from, to, user, action, patient }: AuditFields): AuditFilter {
  return {
    from: momentOf(from, 0),
    to: momentOf(to, 1),
    user: user.trim() || undefined,
    action: action.trim() || undefined,
    patient_id: patient.trim() || undefined,
  };
}

interface AuditFiltersProps {
  fields: AuditFields;
  filter: AuditFilter;
  onChange: (change: Partial<AuditFields>) => void;
}

export function AuditFilters({ fields, filter, onChange }: AuditFiltersProps) {
  const { t } = useTranslation();
  const text = (name: keyof AuditFields, width: number, type = 'text') => (
    <TextInput
      label={t(`audit.filter.${name}`)}
      type={type}
      w={width}
      autoComplete="off"
      value={fields[name]}
      onChange={(event) => onChange({ [name]: event.currentTarget.value })}
    />
  );
  return (
    <Group gap="sm" align="flex-end" mb="sm">
      {text('from', 142, 'date')}
      {text('to', 142, 'date')}
      {text('user', 140)}
      {text('action', 150)}
      {text('patient', 210)}
      <Menu position="bottom-start" shadow="md">
        <Menu.Target>
          <Button variant="default" leftSection={<IconDownload size={16} />} ml="auto">
            {t('audit.export')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component="a" href={auditExport(filter, 'json')} download="norma-audit.json">
            {t('audit.json')}
          </Menu.Item>
          <Menu.Item component="a" href={auditExport(filter, 'xml')} download="norma-audit.xml">
            {t('audit.xml')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
