import { Stack, Text, Title } from '@mantine/core';
import type { Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';

interface NoticeProps {
  NoticeIcon: Icon;
  title: string;
  detail?: string | undefined;
  tone?: 'calm' | 'error';
  children?: ReactNode;
}

/** Says that there is nothing, or why there is nothing, and what to do. */
export function Notice({ NoticeIcon, title, detail, tone = 'calm', children }: NoticeProps) {
  return (
    <Stack align="center" gap="xs" py={56} px="md" role={tone === 'error' ? 'alert' : undefined} m="auto" maw={560}>
      <NoticeIcon size={44} stroke={1.4} color={tone === 'error' ? 'var(--pathology)' : 'var(--text-dim)'} aria-hidden />
      <Title order={2} size="h3" ta="center">
        {title}
      </Title>
      {detail && (
        <Text c="var(--text-dim)" ta="center">
          {detail}
        </Text>
      )}
      {children}
    </Stack>
  );
}
