import { Group, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';

import { useHiddenIdentity } from '@/privacy/hidden-identity';

import classes from './page.module.css';

interface PageProps {
  title: string;
  /** The title names a patient. */
  identifying?: boolean;
  subtitle?: string;
  actions?: ReactNode;
  children: ReactNode;
}

/** A page with a heading: everything but the viewer. */
export function Page({ title, identifying = false, subtitle, actions, children }: PageProps) {
  const hidden = useHiddenIdentity() && identifying;
  useDocumentTitle(hidden ? 'Norma' : `${title} · Norma`);
  return (
    <div className={classes.page}>
      <Group justify="space-between" align="flex-start" gap="md">
        <div className={classes.heading}>
          <Title order={1} size="h2" data-identity={identifying || undefined}>
            {title}
          </Title>
          {subtitle && (
            <Text c="var(--text-dim)" size="sm" mt={2}>
              {subtitle}
            </Text>
          )}
        </div>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </div>
  );
}
