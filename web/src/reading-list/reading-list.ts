/** The order in which a reader goes from study to study. Frozen when he opens one: live updates must not reorder it under his hands. */
const KEY = 'norma-reading-list';

export function freezeReadingList(scanIds: string[]): void {
  try {
    window.sessionStorage.setItem(KEY, JSON.stringify(scanIds));
  } catch {
    // Without storage the worklist's own order is asked for again.
  }
}

export function frozenReadingList(): string[] {
  try {
    const stored: unknown = JSON.parse(window.sessionStorage.getItem(KEY) ?? '[]');
    return Array.isArray(stored) ? stored.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
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

export interface Neighbours {
  previous: string | undefined;
  next: string | undefined;
  /** From 1; 0 where the study is not in the list. */
  position: number;
  total: number;
}

export function neighboursIn(list: readonly string[], scanId: string): Neighbours {
  const index = list.indexOf(scanId);
  return {
    previous: index > 0 ? list[index - 1] : undefined,
    next: index >= 0 ? list[index + 1] : list[0],
    position: index + 1,
    total: list.length,
  };
}
