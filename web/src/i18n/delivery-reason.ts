import { useTranslation } from 'react-i18next';

import type texts from '@/i18n/en-deliveries.json';
import i18next from '@/i18n/i18n';
import { useCodeTexts, type ProblemText } from '@/i18n/problem-text';
import '@/i18n/deliveries';

type ReasonKey = keyof (typeof texts)['deliveries']['reason'];

const isReason = (code: string): code is ReasonKey => i18next.exists(`deliveries.reason.${code}.title`);

/** Why an attempt failed, in the reader's language: what the destination said, or a problem here. */
export function useDeliveryReason(): (code: string) => ProblemText {
  const { t } = useTranslation();
  const { ofCode } = useCodeTexts();
  return (code) =>
    isReason(code) ? { title: t(`deliveries.reason.${code}.title`), advice: t(`deliveries.reason.${code}.advice`) } : ofCode(code);
}
