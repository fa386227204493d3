import { useEffect, useRef } from 'react';

import { belongsToFocus, matches, type ShortcutId } from './shortcuts';

export type ShortcutHandlers = Partial<Record<ShortcutId, () => void>>;

/** Runs a handler when its key is pressed, unless the focused element wants the key for itself. */
export function useShortcuts(handlers: ShortcutHandlers): void {
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (belongsToFocus(event)) {
        return;
      }
      for (const [id, handler] of Object.entries(latest.current)) {
        if (matches(id as ShortcutId, event)) {
          event.preventDefault();
          handler();
          return;
        }
      }
    };
    // On the way down: the viewer's library keeps keys to itself once its pane has the focus.
    window.addEventListener('keydown', onKeyDown, true);
    return () => window.removeEventListener('keydown', onKeyDown, true);
  }, []);
}
