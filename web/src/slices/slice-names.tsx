import { createContext, useContext, useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { formatMillimetres } from '@/format/numbers';
import { numberFromHead } from '@/format/slice-number';

/** A slice as the PACS knows it: the number of its image and where the table stood. */
export interface NamedSlice {
  slice: number;
  instance_number?: number | null | undefined;
  table_position_mm?: number | null | undefined;
}

const Names = createContext<ReadonlyMap<number, NamedSlice>>(new Map());

/** Lets everything within name slices as the PACS does. */
export function SliceNames({ slices, children }: { slices: readonly NamedSlice[]; children: ReactNode }) {
  const byIndex = useMemo(() => new Map(slices.map((slice) => [slice.slice, slice])), [slices]);
  return <Names.Provider value={byIndex}>{children}</Names.Provider>;
}

/** A minus that is no hyphen: it must not be overlooked. */
export const withMinus = (text: string): string => text.replace(/^-/, '−');

/**
 * The names of the slices of a volume. Where the files number their images, that number is the name; else a slice is
 * counted from the head.
 */
export function useSliceNames(count: number) {
  const { t, i18n } = useTranslation();
  const known = useContext(Names);
  const imageNumber = (slice: number): number | null => known.get(slice)?.instance_number ?? null;
  const inText = (slice: number): string => {
    const number = imageNumber(slice);
    return number === null ? t('viewer.slice', { slice: numberFromHead(count, slice) }) : t('viewer.image', { number });
  };
  return {
    /** “Im 44”, or “slice 88” within a sentence. */
    inText,
    /** At the beginning of a text. */
    name: (slice: number): string => inText(slice).replace(/^\p{L}/u, (letter) => letter.toLocaleUpperCase(i18n.language)),
    /** The number alone, where there is room for no more. */
    short: (slice: number): string => (imageNumber(slice) === null ? String(numberFromHead(count, slice)) : inText(slice)),
    /** The name where the files number their images; none else. */
    image: (slice: number): string | null => (imageNumber(slice) === null ? null : inText(slice)),
    /** Where the table stood, else the height in the volume. */
    position: (slice: number, heightMm: number): string =>
      t('viewer.position', { position: withMinus(formatMillimetres(known.get(slice)?.table_position_mm ?? heightMm, i18n.language)) }),
  };
}
