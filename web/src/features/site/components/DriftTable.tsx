import { useTranslation } from 'react-i18next';

import type { DriftedQuantity, Measure } from '@/api/types';
import pageClasses from '@/components/page.module.css';
import { ScrollTable } from '@/components/ScrollTable';
import { formatNumber, formatShare } from '@/format/numbers';

import { DriftPlots, ShareSums } from './DriftPlots';
import classes from './site.module.css';

const SHARES = ['released', 'undetermined', 'failed_quality'] as const;

const COLUMNS = ['before', 'last', 'index', 'distance', 'sum', 'chance'] as const;

function useQuantityText(): (quantity: string) => string {
  const { t } = useTranslation();
  return (quantity) => {
    const share = SHARES.find((one) => one === quantity);
    if (share) {
      return t(`site.quantity.${share}`);
    }
    // The gateway names measures by the codes of the report.
    return quantity === 'score' ? t('site.quantity.score') : t(`evidence.code.${quantity as Measure['code']}`);
  };
}

/** What was compared, a row for each quantity. */
export function DriftTable({ quantities, limit }: { quantities: readonly DriftedQuantity[]; limit: number }) {
  const { t, i18n } = useTranslation();
  const quantityText = useQuantityText();
  const number = (value: number, digits: number): string => formatNumber(value, i18n.language, digits);
  const chance = (value: number): string => (value < 0.0001 ? `< ${number(0.0001, 4)}` : number(value, 4));
  const cells = (of: DriftedQuantity): string[] => {
    switch (of.outcome) {
      case 'too_few':
        return [];
      case 'values':
        return [
          number(of.reference_median, 3),
          number(of.last_median, 3),
          number(of.population_stability_index, 2),
          number(of.kolmogorov_smirnov, 2),
          number(of.cumulative_sum, 1),
          chance(Math.min(of.index_p_value, of.kolmogorov_smirnov_p_value, of.cumulative_sum_p_value)),
        ];
      case 'share':
        return [
          formatShare(of.reference, i18n.language),
          formatShare(of.last, i18n.language),
          '–',
          '–',
          number(of.cumulative_sum, 1),
          chance(Math.min(of.p_value, of.cumulative_sum_p_value)),
        ];
    }
  };
  return (
    <ScrollTable label={t('site.table')} testId="drift-table">
      <thead>
        <tr>
          <th scope="col">{t('site.column.quantity')}</th>
          {COLUMNS.map((column) => (
            <th key={column} scope="col" className={pageClasses.number} title={t(`site.columnTitle.${column}`)}>
              {t(`site.column.${column}`)}
            </th>
          ))}
          <th scope="col">{t('site.column.state')}</th>
          <th scope="col">{t('site.column.plot')}</th>
        </tr>
      </thead>
      <tbody>
        {quantities.map((of) => {
          const isDrifted = of.outcome !== 'too_few' && of.drifted;
          return (
            <tr key={of.quantity} data-quantity={of.quantity} data-drifted={isDrifted}>
              <th scope="row">{quantityText(of.quantity)}</th>
              {of.outcome === 'too_few' ? (
                <td colSpan={COLUMNS.length} className={classes.dim}>
                  {t('site.tooFew', { needed: of.needed, reference: of.reference, last: of.last })}
                </td>
              ) : (
                cells(of).map((text, at) => (
                  // The columns never change their order.
                  <td key={at} className={pageClasses.number}>
                    {text}
                  </td>
                ))
              )}
              <td className={classes.state} data-drifted={isDrifted}>
                {of.outcome === 'too_few' ? '–' : t(isDrifted ? 'site.drifted' : 'site.asBefore')}
              </td>
              <td>
                {of.plot && of.outcome === 'values' && <DriftPlots plot={of.plot} limit={limit} />}
                {of.share_plot && of.outcome === 'share' && <ShareSums plot={of.share_plot} />}
              </td>
            </tr>
          );
        })}
      </tbody>
    </ScrollTable>
  );
}
