import { VisuallyHidden } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';

import type { KeySlice } from '@/api/types';
import { formatScore } from '@/format/numbers';
import { useSliceNames } from '@/slices/slice-names';

import type { MapCache } from '../api/map-cache';
import { loadImage } from '../cornerstone/source';
import { paintMap } from '../imaging/map-pictures';
import type { ViewedVolume } from '../imaging/viewed-volume';
import { greyLevel, WINDOW_PRESETS } from '../imaging/windows';
import type { OverlayState } from './viewer-state';
import classes from './viewer.module.css';

const SIDE = 96;

function paintSlice(pixels: ArrayLike<number>, columns: number, rows: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = canvas.getContext('2d');
  const picture = new ImageData(SIDE, SIDE);
  for (let row = 0; row < SIDE; row += 1) {
    for (let column = 0; column < SIDE; column += 1) {
      const from = Math.floor(((row + 0.5) * rows) / SIDE) * columns + Math.floor(((column + 0.5) * columns) / SIDE);
      const grey = greyLevel(WINDOW_PRESETS.lung, pixels[from] ?? -1024);
      picture.data.set([grey, grey, grey, 255], (row * SIDE + column) * 4);
    }
  }
  context?.putImageData(picture, 0, 0);
  return canvas;
}

interface ThumbnailProps {
  volume: ViewedVolume;
  maps: MapCache;
  keySlice: KeySlice;
  overlay: OverlayState;
  current: boolean;
  onSlice: (slice: number) => void;
  /** The big picture goes first. */
  waiting: boolean;
}

function Thumbnail({ volume, maps, keySlice, overlay, current, onSlice, waiting }: ThumbnailProps) {
  const { t, i18n } = useTranslation();
  const canvas = useRef<HTMLCanvasElement>(null);
  const { slice, stage } = keySlice;
  const names = useSliceNames(volume.geometry.shape[0]);
  const { shown, scale, opacity } = overlay;

  useEffect(() => {
    if (waiting) {
      return undefined;
    }
    let stale = false;
    const [, rows, columns] = volume.geometry.shape;
    const paint = async (): Promise<void> => {
      const image = await loadImage(volume, slice);
      const map = shown && (stage === 'anomaly' || stage === 'classifier') ? await maps.get(stage, slice).catch(() => null) : null;
      const context = canvas.current?.getContext('2d');
      if (stale || !context) {
        return;
      }
      context.globalAlpha = 1;
      context.drawImage(paintSlice(image.getPixelData(), columns, rows), 0, 0);
      if (map) {
        context.globalAlpha = opacity;
        context.drawImage(paintMap(map, columns, rows, scale), 0, 0, SIDE, SIDE);
      }
    };
    // Left black: the pane says what is wrong with the pictures.
    paint().catch(() => undefined);
    return () => {
      stale = true;
    };
  }, [volume, maps, slice, stage, shown, scale, opacity, waiting]);

  return (
    <button
      type="button"
      className={classes.thumbnail}
      aria-current={current ? 'true' : undefined}
      onClick={() => onSlice(slice)}
    >
      <canvas ref={canvas} width={SIDE} height={SIDE} aria-hidden />
      <VisuallyHidden>{t('viewer.goToKeySlice', { slice: names.inText(slice), stage: t(`stage.${stage}`) })}</VisuallyHidden>
      <span>
        <b>{names.short(slice)}</b>
        <span data-stage={stage}>{stage !== 'preprocess' && formatScore(keySlice.score, i18n.language)}</span>
      </span>
    </button>
  );
}

interface KeySliceThumbnailsProps {
  volume: ViewedVolume;
  maps: MapCache;
  keySlices: KeySlice[];
  overlay: OverlayState;
  slice: number;
  onSlice: (slice: number) => void;
  waiting: boolean;
}

/** The slices worth looking at first, as pictures. */
export function KeySliceThumbnails({ volume, maps, keySlices, overlay, slice, onSlice, waiting }: KeySliceThumbnailsProps) {
  const { t } = useTranslation();
  if (keySlices.length === 0) {
    return null;
  }
  return (
    <nav className={classes.thumbnails} aria-label={t('viewer.keySlices')}>
      {keySlices.map((keySlice) => (
        <Thumbnail
          key={`${keySlice.stage}-${keySlice.slice}`}
          volume={volume}
          maps={maps}
          keySlice={keySlice}
          overlay={overlay}
          current={keySlice.slice === slice}
          onSlice={onSlice}
          waiting={waiting}
        />
      ))}
    </nav>
  );
}
