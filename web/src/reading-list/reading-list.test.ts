import { expect, it } from 'vitest';

import { freezeReadingList, frozenReadingList, listAddress, neighboursIn, rememberList } from './reading-list';

it('goes from study to study in the frozen order', () => {
  freezeReadingList(['a', 'b', 'c']);
  const list = frozenReadingList();
  expect(neighboursIn(list, 'b')).toEqual({ previous: 'a', next: 'c', position: 2, total: 3 });
  expect(neighboursIn(list, 'c').next).toBeUndefined();
  expect(neighboursIn(list, 'elsewhere')).toMatchObject({ position: 0, next: 'a' });
});

it('leads back to the list as it was filtered, until the session ends', () => {
  expect(listAddress()).toBe('/');
  rememberList('?verdict=pathology');
  expect(listAddress()).toBe('/?verdict=pathology');
  window.sessionStorage.clear();
  expect(listAddress()).toBe('/');
});
