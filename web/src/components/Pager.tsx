import { ActionIcon, Group, Select, Text } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { changeSettings } from '@/settings/settings';

interface PagerProps {
  total: number;
  limit: number;
  offset: number;
  onOffset: (offset: number) => void;
}

/** Below a list: how many rows a page holds, which is a setting for all lists, and the way to the next page. */
export function Pager({ total, limit, offset, onOffset }: PagerProps) {
  const { t } = useTranslation();
  if (total === 0) {
    return null;
  }
  return (
    <Group justify="flex-end" gap="sm" px="sm" py={8}>
      <Group gap={6}>
        <Text size="sm" c="var(--text-dim)" id="pager-rows">
          {t('common.rowsPerPage')}
        </Text>
        <Select
          aria-labelledby="pager-rows"
          size="xs"
          w={72}
          allowDeselect={false}
          data={['10', '25', '50', '100']}
          value={String(limit)}
          onChange={(value) => {
            changeSettings({ pageSize: Number(value) });
            onOffset(0);
          }}
        />
      </Group>
      <Text size="sm" c="var(--text-dim)">
        {t('common.of', { from: offset + 1, to: Math.min(total, offset + limit), total })}
      </Text>
      <ActionIcon
        variant="default"
        aria-label={t('common.previousPage')}
        disabled={offset === 0}
        onClick={() => onOffset(Math.max(0, offset - limit))}
      >
        <IconChevronLeft size={16} />
      </ActionIcon>
      <ActionIcon
        variant="default"
        aria-label={t('common.nextPage')}
        disabled={offset + limit >= total}
        onClick={() => onOffset(offset + limit)}
      >
        <IconChevronRight size={16} />
      </ActionIcon>
    </Group>
  );
}
