import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import type { ApiError } from '@/api/errors';
import { useProblemText } from '@/i18n/problem-text';

import type { EdgeLetters } from '../imaging/geometry';
import classes from './viewer.module.css';

/** Orientation letters at the four edges of a pane. */
export function PaneLetters({ letters }: { letters: EdgeLetters }) {
  return (
    <div className={classes.letters} aria-hidden>
      <span data-edge="top">{letters.top}</span>
      <span data-edge="right">{letters.right}</span>
      <span data-edge="bottom">{letters.bottom}</span>
      <span data-edge="left">{letters.left}</span>
    </div>
  );
}

/** Says over the picture that what is there is not what was asked for. */
export function PaneError({ error, onRetry }: { error: ApiError; onRetry: () => void }) {
  const { t } = useTranslation();
  const { title, advice } = useProblemText(error);
  return (
    <div className={classes.paneError} role="alert">
      <IconAlertTriangle size={28} aria-hidden />
      <strong>{title}</strong>
      <span>{advice}</span>
      <Button variant="default" size="xs" mt={8} onClick={onRetry}>
        {t('common.retry')}
      </Button>
    </div>
  );
}
