import { expect, it } from 'vitest';

import {
  freezeReadingList,
  frozenReadingList,
  lengthened,
  listAddress,
  missingPart,
  neighboursIn,
  rememberList,
  type ReadingList,
} from './reading-list';

const list = (part: Partial<ReadingList>): ReadingList => ({
  filter: { order: 'suspicion' },
  scanIds: ['a', 'b', 'c'],
  start: 0,
  end: 3,
  total: 3,
  ...part,
});

it('goes from study to study in the frozen order', () => {
  freezeReadingList(list({}));
  const frozen = frozenReadingList();
  expect(neighboursIn(frozen, 'b')).toEqual({ previous: 'a', next: 'c', position: 2, total: 3, last: false });
  expect(neighboursIn(frozen, 'c')).toMatchObject({ next: undefined, last: true });
  expect(neighboursIn(frozen, 'elsewhere')).toMatchObject({ position: 0, next: 'a', last: false });
});

it('goes beyond the page that was opened, in both directions', () => {
  const page = list({ start: 3, end: 6, total: 8 });
  expect(neighboursIn(page, 'c')).toMatchObject({ position: 6, total: 8, next: undefined, last: false });
  expect(missingPart(page, 'c', 100)).toEqual({ offset: 6, limit: 100 });
  expect(missingPart(page, 'b', 100)).toBeNull();
  expect(missingPart(page, 'a', 2)).toEqual({ offset: 1, limit: 2 });

  const longer = lengthened(page, { scanIds: ['c', 'd'], offset: 6, total: 8 });
  expect(neighboursIn(longer, 'c')).toMatchObject({ next: 'd', last: false });
  // What moved down meanwhile was shown already; the list is at its end now.
  expect(neighboursIn(longer, 'd')).toMatchObject({ next: undefined, last: true });
  const earlier = lengthened(page, { scanIds: ['y', 'z'], offset: 1, total: 8 });
  expect(neighboursIn(earlier, 'a')).toMatchObject({ previous: 'z', position: 4 });
});

it('takes nothing for a list that is none', () => {
  window.sessionStorage.setItem('norma-reading-list', '["a"]');
  expect(frozenReadingList()).toBeNull();
  window.sessionStorage.clear();
  expect(neighboursIn(frozenReadingList(), 'a')).toMatchObject({ position: 0, last: false });
});

it('leads back to the list as it was filtered, until the session ends', () => {
  expect(listAddress()).toBe('/');
  rememberList('?verdict=pathology');
  expect(listAddress()).toBe('/?verdict=pathology');
  window.sessionStorage.clear();
  expect(listAddress()).toBe('/');
});
