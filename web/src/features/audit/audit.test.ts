import { expect, it } from 'vitest';

import { auditExport } from '@/api/audit';

import { filterOf, NO_FIELDS } from './components/AuditFilters';

it('means the last day whole, by the reader’s clock', () => {
  const filter = filterOf({ ...NO_FIELDS, from: '2026-11-01', to: '2026-11-30', user: ' anna ' });
  expect(filter.from).toBe(new Date(2026, 10, 1).toISOString());
  expect(filter.to).toBe(new Date(2026, 11, 1).toISOString());
  expect(filter.user).toBe('anna');
  expect(filter.action).toBeUndefined();
  expect(filterOf({ ...NO_FIELDS, from: '2026-1' }).from).toBeUndefined();
});

it('exports what is filtered and nothing else', () => {
  expect(auditExport({ user: 'a&b', action: undefined }, 'xml')).toBe('/api/audit/export?format=xml&user=a%26b');
});
