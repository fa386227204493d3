import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { useProblemText } from '@/i18n/problem-text';

import { Notice } from './Notice';

/** A failed request: its reason, what to do, and a way to try again. */
export function ErrorNotice({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  const { t } = useTranslation();
  const { title, advice } = useProblemText(error);
  return (
    <Notice NoticeIcon={IconAlertTriangle} title={title} detail={advice} tone="error">
      {onRetry && (
        <Button variant="default" onClick={onRetry}>
          {t('common.retry')}
        </Button>
      )}
    </Notice>
  );
}
