import { keepPreviousData, useQuery } from '@tanstack/react-query';

import { bodyOf, client } from './client';

export interface AuditFilter {
  from?: string | undefined;
  to?: string | undefined;
  user?: string | undefined;
  action?: string | undefined;
  patient_id?: string | undefined;
}

/** Events of the audit trail, newest first. */
export const useAudit = (filter: AuditFilter, limit: number, offset: number) =>
  useQuery({
    queryKey: ['audit', filter, { limit, offset }],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/audit', { params: { query: { ...filter, limit, offset } }, signal })),
    placeholderData: keepPreviousData,
  });

/** The address of the filtered trail as a file. */
export function auditExport(filter: AuditFilter, format: 'json' | 'xml'): string {
  const query = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(filter) as [string, string | undefined][]) {
    if (value) {
      query.set(name, value);
    }
  }
  return `/api/audit/export?${query.toString()}`;
}
