import type { StudyFilter } from '@/api/studies';

/**
 * The order in which a reader goes from study to study: a part of a filtered worklist, lengthened at either end as he
 * comes to it. Frozen when he opens a study: live updates must not reorder it under his hands.
 */
export interface ReadingList {
  filter: Omit<StudyFilter, 'limit' | 'offset'>;
  scanIds: string[];
  /** Offset of the first of them in the list. */
  start: number;
  /** Offset behind the last of them. */
  end: number;
  /** Studies of the whole list. */
  total: number;
}

const KEY = 'norma-reading-list';

export function freezeReadingList(list: ReadingList): void {
  try {
    window.sessionStorage.setItem(KEY, JSON.stringify(list));
  } catch {
    // Without storage the worklist's own order is asked for again.
  }
}

const isList = (stored: unknown): stored is ReadingList =>
  typeof stored === 'object' &&
  stored !== null &&
  Array.isArray((stored as ReadingList).scanIds) &&
  (stored as ReadingList).scanIds.every((id) => typeof id === 'string') &&
  [(stored as ReadingList).start, (stored as ReadingList).end, (stored as ReadingList).total].every(Number.isFinite) &&
  typeof (stored as ReadingList).filter === 'object';

export function frozenReadingList(): ReadingList | null {
  try {
    const stored: unknown = JSON.parse(window.sessionStorage.getItem(KEY) ?? 'null');
    return isList(stored) ? stored : null;
  } catch {
    return null;
  }
}

const LIST_KEY = 'norma-worklist';

/** Keeps how the worklist was filtered, for the way back to it. Ends with the session, as the names searched for must. */
export function rememberList(query: string): void {
  try {
    window.sessionStorage.setItem(LIST_KEY, query);
  } catch {
    // The way back leads to the whole list then.
  }
}

/** The worklist as the reader left it. */
export function listAddress(): string {
  try {
    return `/${window.sessionStorage.getItem(LIST_KEY) ?? ''}`;
  } catch {
    return '/';
  }
}

/** A page of the worklist as the gateway answers it. */
export interface ListPart {
  scanIds: string[];
  offset: number;
  total: number;
}

/** The list with a neighbouring page at its end or its beginning; a study that has moved meanwhile stays where it was. */
export function lengthened(list: ReadingList, { scanIds, offset, total }: ListPart): ReadingList {
  const fresh = scanIds.filter((id) => !list.scanIds.includes(id));
  return offset < list.start
    ? { ...list, scanIds: [...fresh, ...list.scanIds], start: offset, total }
    : { ...list, scanIds: [...list.scanIds, ...fresh], end: Math.max(list.end, offset + scanIds.length), total };
}

export interface Neighbours {
  previous: string | undefined;
  next: string | undefined;
  /** From 1; 0 where the study is not in the list. */
  position: number;
  total: number;
  /** The study is the last of the whole list. */
  last: boolean;
}

export const NO_NEIGHBOURS: Neighbours = { previous: undefined, next: undefined, position: 0, total: 0, last: false };

export function neighboursIn(list: ReadingList | null, scanId: string): Neighbours {
  if (!list) {
    return NO_NEIGHBOURS;
  }
  const index = list.scanIds.indexOf(scanId);
  const next = index >= 0 ? list.scanIds[index + 1] : list.scanIds[0];
  return {
    previous: index > 0 ? list.scanIds[index - 1] : undefined,
    next,
    position: index >= 0 ? list.start + index + 1 : 0,
    total: Math.max(list.total, list.start + list.scanIds.length),
    last: index >= 0 && next === undefined && list.end >= list.total,
  };
}

/** The page that has to be fetched before the reader can go on from a study; none where both neighbours are known. */
export function missingPart(list: ReadingList, scanId: string, limit: number): { offset: number; limit: number } | null {
  const index = list.scanIds.indexOf(scanId);
  if (index === list.scanIds.length - 1 && list.end < list.total) {
    return { offset: list.end, limit };
  }
  if (index === 0 && list.start > 0) {
    const offset = Math.max(0, list.start - limit);
    return { offset, limit: list.start - offset };
  }
  return null;
}
