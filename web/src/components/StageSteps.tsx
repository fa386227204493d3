import { IconCircle, IconCircleCheck, IconCircleDashed, IconCircleX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import type { StageProgress } from '@/api/types';
import { formatDuration } from '@/format/dates';

import classes from './steps.module.css';

const ICONS = {
  pending: IconCircleDashed,
  completed: IconCircleCheck,
  failed: IconCircleX,
  skipped: IconCircle,
} as const;

/** How far each stage of an analysis is. Done is grey on purpose: it is no verdict. */
export function StageSteps({ stages }: { stages: StageProgress[] }) {
  const { t, i18n } = useTranslation();
  return (
    <ol className={classes.steps}>
      {stages.map(({ stage, state, duration_ms }) => {
        const StateIcon = ICONS[state];
        return (
          <li key={stage} data-state={state}>
            <StateIcon size={16} aria-hidden />
            <span>{t(`stage.${stage}`)}</span>
            <small>{typeof duration_ms === 'number' ? formatDuration(duration_ms, i18n.language) : t(`stageState.${state}`)}</small>
          </li>
        );
      })}
    </ol>
  );
}
