import { useTranslation } from 'react-i18next';

import type { ScannerProfile } from '@/api/types';
import '@/i18n/site';

/** A scanner, used like this, in the reader's words. */
export function useScannerText(): (scanner: ScannerProfile) => string {
  const { t } = useTranslation();
  return ({ manufacturer, model, kernel_family: kernel, slice_thickness: thickness, contrast_agent: contrast }) =>
    [
      `${manufacturer.toUpperCase()} ${model}`,
      kernel,
      t(`site.thickness.${thickness}`),
      t(contrast ? 'site.contrast' : 'site.noContrast'),
    ].join(', ');
}
