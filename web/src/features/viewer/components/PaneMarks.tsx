import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import type { ApiError } from '@/api/errors';
import type { VolumeGeometry, VoxelBox } from '@/api/types';
import { useProblemText } from '@/i18n/problem-text';

import type { Corners } from '../cornerstone/stack-view';
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

interface RegionBoxProps {
  box: VoxelBox;
  slice: number;
  corners: Corners;
  geometry: VolumeGeometry;
}

/** The report's region on a slice that it reaches through. */
export function RegionBox({ box, slice, corners, geometry }: RegionBoxProps) {
  if (slice < box.z_min || slice > box.z_max) {
    return null;
  }
  const [, rows, columns] = geometry.shape;
  const [origin, right, down] = corners;
  const at = (row: number, column: number): string => {
    const [u, v] = [(column + 0.5) / columns, (row + 0.5) / rows];
    const place = (axis: 0 | 1): number => origin[axis] + u * (right[axis] - origin[axis]) + v * (down[axis] - origin[axis]);
    return `${place(0).toFixed(1)},${place(1).toFixed(1)}`;
  };
  const [top, bottom, left, end] = [box.y_min - 0.5, box.y_max + 0.5, box.x_min - 0.5, box.x_max + 0.5];
  return (
    <svg className={classes.overlay} aria-hidden data-testid="region-box">
      <polygon className={classes.regionBox} points={[at(top, left), at(top, end), at(bottom, end), at(bottom, left)].join(' ')} />
    </svg>
  );
}
