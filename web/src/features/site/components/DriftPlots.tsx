import { useTranslation } from 'react-i18next';

import type { DriftPlot, SharePlot } from '@/api/types';
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

interface SumsProps {
  upward: readonly number[];
  downward: readonly number[];
  /** Above which it has drifted, upwards and downwards; undefined where no sum can come so high. */
  limits: readonly [upward: number | null | undefined, downward: number | null | undefined];
}

/** How the cumulative sums went over the last studies. */
function Sums({ upward, downward, limits }: SumsProps) {
  const { t } = useTranslation();
  const reached = limits.filter((limit) => typeof limit === 'number');
  const [upwardLimit, downwardLimit] = limits;
  const highest = Math.max(...reached, ...upward, ...downward) * 1.05;
  return (
    <figure>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className={classes.plot} role="img" aria-label={t('site.plot.sums')}>
        {(
          [
            ['upward', upwardLimit],
            ['downward', downwardLimit],
          ] as const
        ).map(([way, limit]) => {
          if (typeof limit !== 'number') return null;
          const y = HEIGHT - (limit / highest) * HEIGHT;
          return <line key={way} x1={0} x2={WIDTH} y1={y} y2={y} className={classes.limit} data-way={upwardLimit === downwardLimit ? 'both' : way} />;
        })}
        <path d={sumsPath(upward, highest, WIDTH, HEIGHT)} className={classes.upward} />
        <path d={sumsPath(downward, highest, WIDTH, HEIGHT)} className={classes.downward} />
      </svg>
      <figcaption>
        <span>{t('site.plot.first')}</span>
        <span>{t('site.plot.latest')}</span>
      </figcaption>
    </figure>
  );
}

/** The sums of a share: studies more than are expected, and fewer. */
export function ShareSums({ plot }: { plot: SharePlot }) {
  return (
    <div className={classes.plots}>
      <Sums upward={plot.upward} downward={plot.downward} limits={[plot.upward_limit, plot.downward_limit]} />
    </div>
  );
}

/** The last studies' values over those before them, and how the cumulative sums went. */
export function DriftPlots({ plot, limit }: DriftPlotsProps) {
  const { t, i18n } = useTranslation();
  const number = (value: number): string => formatNumber(value, i18n.language, 2);
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
      <Sums upward={plot.upward} downward={plot.downward} limits={[limit, limit]} />
    </div>
  );
}
