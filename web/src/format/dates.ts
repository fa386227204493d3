import { localeOf } from './locale';

const DASH = '–';

/** The short word after a Russian year does not stand alone on the next line. */
const whole = (text: string): string => text.replace(/ г\./, '\u00a0г.');

/** A DICOM date `YYYYMMDD` as the language writes it; the text itself where it is none. */
export function formatDicomDate(date: string | null | undefined, language: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(date ?? '');
  if (!match) {
    return date || DASH;
  }
  const [, year, month, day] = match.map(Number);
  const parsed = new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1));
  return whole(new Intl.DateTimeFormat(localeOf(language), { dateStyle: 'medium', timeZone: 'UTC' }).format(parsed));
}

/** Hours and minutes of a DICOM time `HHMMSS`, or of a beginning of it. */
export function formatDicomTime(time: string | null | undefined): string | null {
  const match = /^(\d{2})(\d{2})/.exec(time ?? '');
  return match ? `${match[1] ?? ''}:${match[2] ?? ''}` : null;
}

/** Hours and minutes of today; the day, too, of an earlier one. */
export function formatClock(instant: string, language: string, now = new Date()): string {
  const moment = new Date(instant);
  return moment.toDateString() === now.toDateString()
    ? new Intl.DateTimeFormat(localeOf(language), { timeStyle: 'short' }).format(moment)
    : formatDateTime(instant, language);
}

export function formatDateTime(instant: string | null | undefined, language: string): string {
  return instant
    ? whole(new Intl.DateTimeFormat(localeOf(language), { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(instant)))
    : DASH;
}

const STEPS: [limit: number, seconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60, 1, 'second'],
  [3_600, 60, 'minute'],
  [86_400, 3_600, 'hour'],
  [86_400 * 30, 86_400, 'day'],
  [86_400 * 365, 86_400 * 30, 'month'],
  [Infinity, 86_400 * 365, 'year'],
];

/** «5 minutes ago»; what lies in the future by a differing clock is now. */
export function formatAge(instant: string, now: number, language: string): string {
  const seconds = Math.max(0, (now - new Date(instant).getTime()) / 1000);
  const [, size, unit] = STEPS.find(([limit]) => seconds < limit) ?? [0, 1, 'second'];
  const format = new Intl.RelativeTimeFormat(localeOf(language), { numeric: 'auto' });
  return seconds < 5 ? format.format(0, 'second') : format.format(-Math.floor(seconds / size), unit);
}

/** A span of time as a reader says it: 850 ms, 4.2 s, 3 min 5 s. */
export function formatDuration(milliseconds: number, language: string): string {
  const russian = language.startsWith('ru');
  const number = (value: number, digits: number): string =>
    new Intl.NumberFormat(localeOf(language), { maximumFractionDigits: digits }).format(value);
  if (milliseconds < 1000) {
    return `${number(milliseconds, 0)} ${russian ? 'мс' : 'ms'}`;
  }
  const seconds = milliseconds / 1000;
  if (seconds < 60) {
    return `${number(seconds, 1)} ${russian ? 'с' : 's'}`;
  }
  const minutes = Math.floor(seconds / 60);
  return `${number(minutes, 0)} ${russian ? 'мин' : 'min'} ${number(seconds - minutes * 60, 0)} ${russian ? 'с' : 's'}`;
}

/** A moment to the second, as a trail of events needs it. */
export const formatMoment = (instant: string, language: string): string =>
  whole(new Intl.DateTimeFormat(localeOf(language), { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(instant)));
