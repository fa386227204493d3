import { useTranslation } from 'react-i18next';

import type texts from '@/i18n/en-pulls.json';
import i18next from '@/i18n/i18n';
import { useCodeTexts, type ProblemText } from '@/i18n/problem-text';

type ReasonKey = keyof (typeof texts)['pulls']['reason'];

const isReason = (code: string): code is ReasonKey => i18next.exists(`pulls.reason.${code}.title`);

/** Why an attempt failed, in the reader's language: what the archive said, or a problem here. */
export function useReasonText(): (code: string) => ProblemText {
  const { t } = useTranslation();
  const { ofCode } = useCodeTexts();
  return (code) => (isReason(code) ? { title: t(`pulls.reason.${code}.title`), advice: t(`pulls.reason.${code}.advice`) } : ofCode(code));
}
