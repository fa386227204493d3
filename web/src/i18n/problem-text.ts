import { useTranslation } from 'react-i18next';

import { asApiError } from '@/api/errors';

import type problems from './en-reasons.json';
import i18next from './i18n';

export interface ProblemText {
  title: string;
  advice: string;
}

type ReasonKey = keyof (typeof problems)['reason'];
type ProblemKey = keyof (typeof problems)['problem'];
type CheckKey = keyof (typeof problems)['check'];

const isReason = (code: string): code is ReasonKey => i18next.exists(`reason.${code}.title`);
const isProblem = (code: string): code is ProblemKey => i18next.exists(`problem.${code}.title`);
const isCheck = (code: string): code is CheckKey => i18next.exists(`check.${code}`);

/** Gives codes of reasons, problems and checks their words in the reader's language. */
export function useCodeTexts(): {
  ofCode: (code: string) => ProblemText;
  ofError: (error: unknown) => ProblemText;
  /** The name of a check; two of one code measure different things. */
  ofCheck: (code: string, unit: string) => string;
} {
  const { t } = useTranslation();
  const ofCode = (code: string): ProblemText => {
    if (isReason(code)) {
      return { title: t(`reason.${code}.title`), advice: t(`reason.${code}.advice`) };
    }
    const known = isProblem(code) ? code : 'other';
    return { title: t(`problem.${known}.title`), advice: t(`problem.${known}.advice`) };
  };
  return {
    ofCode,
    ofError: (error) => ofCode(asApiError(error).code),
    ofCheck: (code, unit) => {
      const name = code === 'coverage_incomplete' && unit === 'mm' ? 'coverage_height' : code;
      return isCheck(name) ? t(`check.${name}`) : ofCode(code).title;
    },
  };
}

/** The words of one error. */
export function useProblemText(error: unknown): ProblemText {
  return useCodeTexts().ofError(error);
}
