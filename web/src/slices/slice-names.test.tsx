import { render, screen } from '@testing-library/react';
import { beforeEach, expect, it } from 'vitest';

import i18next from '@/i18n/i18n';

import { SliceNames, useSliceNames, type NamedSlice } from './slice-names';

const plain = (text: string | null): string => (text ?? '').replaceAll('\u00a0', ' ');

function Probe({ slice }: { slice: number }) {
  const names = useSliceNames(120);
  return (
    <p data-testid="name">
      {[names.name(slice), names.inText(slice), names.short(slice), names.image(slice) ?? 'none', names.position(slice, 80)].join(' | ')}
    </p>
  );
}

const named = (slices: NamedSlice[], slice: number): string => {
  render(
    <SliceNames slices={slices}>
      <Probe slice={slice} />
    </SliceNames>,
  );
  return plain(screen.getByTestId('name').textContent);
};

beforeEach(() => i18next.changeLanguage('en'));

it('names a slice by the number and the table position that the PACS shows', () => {
  const slices = [{ slice: 32, instance_number: 44, table_position_mm: -123.5 }];
  expect(named(slices, 32)).toBe('Im 44 | Im 44 | Im 44 | Im 44 | z −123.5 mm');
});

it('counts from the head where the files number nothing', () => {
  expect(named([{ slice: 32, instance_number: null, table_position_mm: null }], 32)).toBe('Slice 88 | slice 88 | 88 | none | z 80.0 mm');
});

it('does not lend one slice the name of another, and takes 0 for a number', () => {
  expect(named([{ slice: 31, instance_number: 0, table_position_mm: 0 }], 31)).toBe('Im 0 | Im 0 | Im 0 | Im 0 | z 0.0 mm');
});

it('speaks Russian, too', async () => {
  await i18next.changeLanguage('ru');
  expect(named([], 32)).toBe('Срез 88 | срез 88 | 88 | none | z 80,0 мм');
});
