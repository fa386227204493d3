import { localeOf } from './locale';

const DASH = '–';
/** A number and its unit stay on one line. */
const NBSP = '\u00a0';

/** A probability with the digits that it deserves: 0.62 → «62 %», never 100 % for less than 1. */
export function formatProbability(value: number | null | undefined, language: string): string {
  if (value === null || value === undefined) {
    return DASH;
  }
  const percent = value * 100;
  const bounded = value < 1 && percent > 99.4 ? Math.min(percent, 99.9) : value > 0 && percent < 0.1 ? 0.1 : percent;
  const digits = bounded > 99 || bounded < 1 ? 1 : 0;
  return `${new Intl.NumberFormat(localeOf(language), { maximumFractionDigits: digits }).format(bounded)}${NBSP}%`;
}

/** So many of so many, as a probability is; a dash where there were none to count. */
export const formatShare = ({ successes, trials }: { successes: number; trials: number }, language: string): string =>
  formatProbability(trials > 0 ? successes / trials : null, language);

/** A score 0..=1 with two decimals. */
export function formatScore(value: number | null | undefined, language: string): string {
  return value === null || value === undefined
    ? DASH
    : new Intl.NumberFormat(localeOf(language), { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);
}

export function formatNumber(value: number | null | undefined, language: string, digits = 1): string {
  return value === null || value === undefined
    ? DASH
    : new Intl.NumberFormat(localeOf(language), { maximumFractionDigits: digits }).format(value);
}

export const formatMillimetres = (value: number, language: string): string =>
  `${new Intl.NumberFormat(localeOf(language), { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value)}${NBSP}${language.startsWith('ru') ? 'мм' : 'mm'}`;

const BYTE_UNITS = {
  en: ['B', 'kB', 'MB', 'GB'],
  ru: ['Б', 'кБ', 'МБ', 'ГБ'],
} as const;

export function formatBytes(bytes: number, language: string): string {
  const units = BYTE_UNITS[language.startsWith('ru') ? 'ru' : 'en'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  const digits = power === 0 || value >= 100 ? 0 : 1;
  return `${new Intl.NumberFormat(localeOf(language), { maximumFractionDigits: digits }).format(value)}${NBSP}${units[power] ?? ''}`;
}
