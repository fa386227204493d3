import { useTranslation } from 'react-i18next';

import texts from '@/i18n/en-deliveries.json';
import { useCodeTexts, type ProblemText } from '@/i18n/problem-text';

type ReasonKey = keyof (typeof texts)['deliveries']['reason'];

const isReason = (code: string): code is ReasonKey => code in texts.deliveries.reason;

/** Why an attempt failed, in the reader's language: what the destination said, or a problem here. */
export function useReasonText(): (code: string) => ProblemText {
  const { t } = useTranslation();
  const { ofCode } = useCodeTexts();
  return (code) =>
    isReason(code) ? { title: t(`deliveries.reason.${code}.title`), advice: t(`deliveries.reason.${code}.advice`) } : ofCode(code);
}
