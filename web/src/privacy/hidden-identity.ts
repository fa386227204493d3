import { useSyncExternalStore } from 'react';

/**
 * Whether patients' identities are hidden everywhere, as for teaching or a screen that others see. Elements marked
 * `data-identity` are then not shown, by styles/tokens.css; the choice lasts as long as the tab.
 */
const KEY = 'norma-hide-identity';

function stored(): boolean {
  try {
    return window.sessionStorage.getItem(KEY) === 'true';
  } catch {
    return false;
  }
}

const listeners = new Set<() => void>();
let hidden = stored();

function mark(): void {
  document.documentElement.toggleAttribute('data-hide-identity', hidden);
}
mark();

export function toggleIdentity(): void {
  hidden = !hidden;
  try {
    window.sessionStorage.setItem(KEY, String(hidden));
  } catch {
    // A tab without storage forgets it on a reload.
  }
  mark();
  listeners.forEach((listener) => listener());
}

export const useHiddenIdentity = (): boolean =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => hidden,
  );
