import { useTranslation } from 'react-i18next';

import { resources } from '@/i18n/i18n';
import { useCodeTexts, type ProblemText } from '@/i18n/problem-text';

const reasons = resources.en.translation.deliveries.reason;

type ReasonKey = keyof typeof reasons;

const isReason = (code: string): code is ReasonKey => code in reasons;

/** Why an attempt failed, in the reader's language: what the destination said, or a problem here. */
export function useReasonText(): (code: string) => ProblemText {
  const { t } = useTranslation();
  const { ofCode } = useCodeTexts();
  return (code) =>
    isReason(code) ? { title: t(`deliveries.reason.${code}.title`), advice: t(`deliveries.reason.${code}.advice`) } : ofCode(code);
}
