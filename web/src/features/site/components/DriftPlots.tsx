import { useTranslation } from 'react-i18next';

import type { DriftPlot } from '@/api/types';
import { formatNumber } from '@/format/numbers';

import { histogramPath, sumsPath } from '../plots';
import classes from './site.module.css';

const WIDTH = 180;
const HEIGHT = 48;

interface DriftPlotsProps {
  plot: DriftPlot;
  /** The cumulative sum above which values have drifted. */
  limit: number;
}

/** The last studies' values over those before them, and how the cumulative sums went. */
export function DriftPlots({ plot, limit }: DriftPlotsProps) {
  const { t, i18n } = useTranslation();
  const number = (value: number): string => formatNumber(value, i18n.language, 2);
  const highest = Math.max(limit, ...plot.upward, ...plot.downward) * 1.05;
  const limitAt = HEIGHT - (limit / highest) * HEIGHT;
  const tallest = Math.max(...plot.reference, ...plot.last);
  return (
    <div className={classes.plots}>
      <figure>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className={classes.plot} role="img" aria-label={t('site.plot.histogram')}>
          <path d={histogramPath(plot.reference, tallest, WIDTH, HEIGHT)} className={classes.reference} />
          <path d={histogramPath(plot.last, tallest, WIDTH, HEIGHT)} className={classes.last} />
        </svg>
        <figcaption>
          <span>{number(plot.range[0] ?? 0)}</span>
          <span>{number(plot.range[1] ?? 0)}</span>
        </figcaption>
      </figure>
      <figure>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className={classes.plot} role="img" aria-label={t('site.plot.sums')}>
          <line x1={0} x2={WIDTH} y1={limitAt} y2={limitAt} className={classes.limit} />
          <path d={sumsPath(plot.upward, highest, WIDTH, HEIGHT)} className={classes.upward} />
          <path d={sumsPath(plot.downward, highest, WIDTH, HEIGHT)} className={classes.downward} />
        </svg>
        <figcaption>
          <span>{t('site.plot.first')}</span>
          <span>{t('site.plot.latest')}</span>
        </figcaption>
      </figure>
    </div>
  );
}
