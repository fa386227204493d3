import { expect, it } from 'vitest';

import { markedRow } from './marked-row';

it('the mark follows its study through live updates, and stays in its row when the study has gone', () => {
  expect(markedRow([], { scanId: null, row: 0 })).toBe(0);
  // Nobody has moved it yet: the most suspicious study has it, whichever that is.
  expect(markedRow(['new', 'a', 'b'], { scanId: null, row: 0 })).toBe(0);
  expect(markedRow(['new', 'a', 'b'], { scanId: 'a', row: 0 })).toBe(1);
  expect(markedRow(['new', 'b'], { scanId: 'a', row: 1 })).toBe(1);
  expect(markedRow(['new'], { scanId: 'a', row: 1 })).toBe(0);
});
