import { useTranslation } from 'react-i18next';

import type { ShadowReport, Verdict } from '@/api/types';
import pageClasses from '@/components/page.module.css';
import { ScrollTable } from '@/components/ScrollTable';
import { useScannerText } from '@/components/use-scanner-text';

type Comparison = ShadowReport['comparisons'][number];
type Pairs = Comparison['verdicts'];

const VERDICTS: readonly Verdict[] = ['norm', 'pathology', 'undetermined'];

/** The changes of verdict that any study has, in one order. */
function changesOf(pairs: Pairs): [Verdict, Verdict][] {
  return VERDICTS.flatMap((shown) => VERDICTS.map((shadow): [Verdict, Verdict] => [shown, shadow])).filter(
    ([shown, shadow]) => shown !== shadow && pairs.some((pair) => pair.shown === shown && pair.shadow === shadow),
  );
}

const count = (pairs: Pairs, [shown, shadow]: [Verdict, Verdict]): number =>
  pairs.find((pair) => pair.shown === shown && pair.shadow === shadow)?.studies ?? 0;

/** How many studies changed which way: all, and by scanner. */
export function ShadowTable({ comparison }: { comparison: Comparison }) {
  const { t } = useTranslation();
  const scannerText = useScannerText();
  const changes = changesOf(comparison.verdicts);
  const rows = [
    { name: t('site.shadow.allScanners'), agree: comparison.agree, verdicts: comparison.verdicts },
    ...comparison.profiles.map(({ scanner, agree, verdicts }) => ({
      name: scanner ? scannerText(scanner) : t('site.shadow.scannerNotTold'),
      agree,
      verdicts,
    })),
  ];
  return (
    <ScrollTable label={t('site.shadow.table')} testId="shadow-table">
      <thead>
        <tr>
          <th scope="col">{t('site.shadow.scanner')}</th>
          <th scope="col" className={pageClasses.number}>
            {t('site.shadow.same')}
          </th>
          {changes.map(([shown, shadow]) => (
            <th key={`${shown} ${shadow}`} scope="col" className={pageClasses.number}>
              {t(`verdict.${shown}`)} → {t(`verdict.${shadow}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, agree, verdicts }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td className={pageClasses.number}>
              {agree.successes} / {agree.trials}
            </td>
            {changes.map((change) => (
              <td key={change.join(' ')} className={pageClasses.number}>
                {count(verdicts, change)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </ScrollTable>
  );
}
