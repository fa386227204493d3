import { expect, it } from 'vitest';

import { freezeReadingList, frozenReadingList, neighboursIn } from './reading-list';

it('goes from study to study in the frozen order', () => {
  freezeReadingList(['a', 'b', 'c']);
  const list = frozenReadingList();
  expect(neighboursIn(list, 'b')).toEqual({ previous: 'a', next: 'c', position: 2, total: 3 });
  expect(neighboursIn(list, 'c').next).toBeUndefined();
  expect(neighboursIn(list, 'elsewhere')).toMatchObject({ position: 0, next: 'a' });
});
