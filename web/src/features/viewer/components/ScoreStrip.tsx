import { useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { useTranslation } from 'react-i18next';

import type { KeySlice, Stage } from '@/api/types';
import { formatScore } from '@/format/numbers';
import { numberFromHead } from '@/format/slice-number';
import { useSliceNames } from '@/slices/slice-names';

import type { ScoreCurve } from './viewer-state';
import classes from './strip.module.css';

interface ScoreStripProps {
  /** Slices of the volume. */
  count: number;
  slice: number;
  onSlice: (slice: number) => void;
  curves: ScoreCurve[];
  keySlices: KeySlice[];
  lungExtent: [number, number] | null;
}

const WIDTH = 100;
const HEIGHT = 1000;
const LEFT = 12;
const RIGHT = 96;

const STAGE_CLASS: Partial<Record<Stage, string | undefined>> = {
  anomaly: classes.anomaly,
  classifier: classes.classifier,
  typing: classes.typing,
};

/** The score of each slice, head at the top as in the stack; a click or a drag goes there. */
export function ScoreStrip({ count, slice, onSlice, curves, keySlices, lungExtent }: ScoreStripProps) {
  const { t, i18n } = useTranslation();
  const names = useSliceNames(count);
  const svg = useRef<SVGSVGElement>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const last = Math.max(1, count - 1);
  const y = (index: number): number => ((last - index) / last) * HEIGHT;
  const x = (score: number): number => LEFT + Math.min(1, Math.max(0, score)) * (RIGHT - LEFT);

  const sliceAt = (event: PointerEvent): number => {
    const box = svg.current?.getBoundingClientRect();
    const fraction = box ? (event.clientY - box.top) / box.height : 0;
    return Math.min(last, Math.max(0, Math.round((1 - fraction) * last)));
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };
    const step = steps[event.key];
    const target = event.key === 'Home' ? last : event.key === 'End' ? 0 : step === undefined ? null : slice + step;
    if (target !== null) {
      event.preventDefault();
      onSlice(Math.min(last, Math.max(0, target)));
    }
  };

  const scoreOf = (curve: ScoreCurve, at: number): number | undefined =>
    curve.scores.reduce<{ distance: number; score: number } | undefined>((best, { slice: place, score }) => {
      const distance = Math.abs(place - at);
      return best === undefined || distance < best.distance ? { distance, score } : best;
    }, undefined)?.score;

  const told = pointed ?? slice;
  return (
    <div className={classes.strip}>
      <ul className={classes.legend} aria-label={t('viewer.strip.legend')}>
        {curves.map((curve) => (
          <li key={curve.stage} className={STAGE_CLASS[curve.stage]}>
            <span>{t(`stageShort.${curve.stage}`)}</span>
            <b>{formatScore(scoreOf(curve, told), i18n.language)}</b>
          </li>
        ))}
      </ul>
      <svg
        ref={svg}
        className={classes.plot}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="slider"
        tabIndex={0}
        aria-orientation="vertical"
        aria-label={t('viewer.strip.label')}
        aria-valuemin={1}
        aria-valuemax={count}
        aria-valuenow={numberFromHead(count, slice)}
        aria-valuetext={[names.image(slice), t('viewer.sliceOf', { slice: numberFromHead(count, slice), count })].filter(Boolean).join(', ')}
        data-testid="score-strip"
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          onSlice(sliceAt(event));
        }}
        onPointerMove={(event) => {
          const at = sliceAt(event);
          setPointed(at);
          if (event.buttons === 1) {
            onSlice(at);
          }
        }}
        onPointerLeave={() => setPointed(null)}
      >
        <rect x={0} y={0} width={WIDTH} height={HEIGHT} className={classes.ground} />
        {lungExtent && (
          <rect
            x={0}
            y={y(lungExtent[1])}
            width={WIDTH}
            height={Math.max(2, y(lungExtent[0]) - y(lungExtent[1]))}
            className={classes.lungs}
            data-testid="lung-extent"
          />
        )}
        {[0.25, 0.5, 0.75].map((score) => (
          <line key={score} x1={x(score)} x2={x(score)} y1={0} y2={HEIGHT} className={classes.grid} />
        ))}
        {curves.map((curve) => (
          <polyline
            key={curve.stage}
            className={`${classes.curve ?? ''} ${STAGE_CLASS[curve.stage] ?? ''}`}
            points={curve.scores.map(({ slice: place, score }) => `${x(score).toFixed(1)},${y(place).toFixed(1)}`).join(' ')}
            vectorEffect="non-scaling-stroke"
          />
        ))}
        {keySlices.map((key) => (
          <line
            key={`${key.stage}-${key.slice}`}
            x1={0}
            x2={LEFT - 2}
            y1={y(key.slice)}
            y2={y(key.slice)}
            className={`${classes.key ?? ''} ${STAGE_CLASS[key.stage] ?? ''}`}
            vectorEffect="non-scaling-stroke"
            data-testid="key-slice-mark"
          />
        ))}
        {pointed !== null && (
          <line x1={0} x2={WIDTH} y1={y(pointed)} y2={y(pointed)} className={classes.pointed} vectorEffect="non-scaling-stroke" />
        )}
        <line x1={0} x2={WIDTH} y1={y(slice)} y2={y(slice)} className={classes.current} vectorEffect="non-scaling-stroke" />
      </svg>
      <div className={classes.told}>{names.short(told)}</div>
      {lungExtent && <div className={classes.lungNote}>{t('viewer.strip.lungs')}</div>}
    </div>
  );
}
