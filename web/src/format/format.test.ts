import { describe, expect, it } from 'vitest';

import { formatAge, formatClock, formatDicomDate, formatDicomTime, formatDuration } from './dates';
import { formatBytes, formatProbability } from './numbers';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('probabilities', () => {
  it('never round to certainty', () => {
    expect(plain(formatProbability(0.9996, 'en'))).toBe('99.9 %');
    expect(plain(formatProbability(0.0001, 'en'))).toBe('0.1 %');
    expect(plain(formatProbability(1, 'en'))).toBe('100 %');
    expect(plain(formatProbability(0.534, 'ru'))).toBe('53 %');
  });

  it('say nothing where there is none: an absent probability is not 0', () => {
    expect(formatProbability(null, 'en')).toBe('–');
    expect(formatProbability(undefined, 'ru')).toBe('–');
  });
});

describe('dates', () => {
  it('read DICOM’s form in both languages', () => {
    expect(formatDicomDate('20261103', 'en')).toBe('3 Nov 2026');
    expect(formatDicomDate('20261103', 'ru')).toContain('нояб');
    expect(formatDicomDate(null, 'ru')).toBe('–');
    expect(formatDicomDate('unknown', 'en')).toBe('unknown');
  });

  it('tell DICOM times, and the clock of today with the day of another', () => {
    expect(formatDicomTime('142530.12')).toBe('14:25');
    expect(formatDicomTime('14')).toBeNull();
    const now = new Date(2026, 10, 26, 3, 0);
    expect(formatClock(new Date(2026, 10, 26, 2, 14).toISOString(), 'en', now)).toBe('02:14');
    expect(formatClock(new Date(2026, 10, 25, 23, 50).toISOString(), 'en', now)).toContain('25 Nov 2026');
  });

  it('tell ages, and never the future', () => {
    const now = Date.parse('2026-11-23T12:00:00Z');
    expect(formatAge('2026-11-23T11:55:00Z', now, 'en')).toBe('5 minutes ago');
    expect(formatAge('2026-11-23T11:55:00Z', now, 'ru')).toBe('5 минут назад');
    expect(formatAge('2026-11-23T12:01:00Z', now, 'en')).toBe('now');
  });

  it('tell durations', () => {
    expect(formatDuration(850, 'en')).toBe('850 ms');
    expect(formatDuration(4200, 'ru')).toBe('4,2 с');
    expect(formatDuration(185_000, 'en')).toBe('3 min 5 s');
  });
});

it('bytes have the unit of their size', () => {
  expect(plain(formatBytes(81_400_000, 'en'))).toBe('81.4 MB');
  expect(plain(formatBytes(0, 'ru'))).toBe('0 Б');
});
