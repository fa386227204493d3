/** Every key that does something, in the order in which the help shows them. `code` is the physical key: it is the same on a Russian and an English layout. */
export const SHORTCUTS = {
  'study.next': { code: 'KeyN', shown: 'N', group: 'study' },
  'study.previous': { code: 'KeyP', shown: 'P', group: 'study' },
  'study.agree': { code: 'KeyA', shown: 'A', group: 'study' },
  'study.disagree': { code: 'KeyD', shown: 'D', group: 'study' },
  'study.worklist': { code: 'KeyW', shown: 'W', group: 'study' },
  'study.report': { code: 'KeyR', shown: 'R', group: 'study' },
  'viewer.up': { code: 'ArrowUp', shown: '↑', group: 'viewer' },
  'viewer.down': { code: 'ArrowDown', shown: '↓', group: 'viewer' },
  'viewer.pageUp': { code: 'PageUp', shown: 'PgUp', group: 'viewer' },
  'viewer.pageDown': { code: 'PageDown', shown: 'PgDn', group: 'viewer' },
  'viewer.first': { code: 'Home', shown: 'Home', group: 'viewer' },
  'viewer.last': { code: 'End', shown: 'End', group: 'viewer' },
  'viewer.keySlice': { code: 'KeyK', shown: 'K', group: 'viewer' },
  'viewer.lung': { code: 'Digit1', shown: '1', group: 'viewer' },
  'viewer.mediastinum': { code: 'Digit2', shown: '2', group: 'viewer' },
  'viewer.bone': { code: 'Digit3', shown: '3', group: 'viewer' },
  'viewer.soft': { code: 'Digit4', shown: '4', group: 'viewer' },
  'viewer.overlay': { code: 'KeyO', shown: 'O', group: 'viewer' },
  'viewer.nextMap': { code: 'KeyM', shown: 'M', group: 'viewer' },
  'viewer.planes': { code: 'KeyV', shown: 'V', group: 'viewer' },
  'viewer.length': { code: 'KeyL', shown: 'L', group: 'viewer' },
  'viewer.region': { code: 'KeyE', shown: 'E', group: 'viewer' },
  'viewer.clear': { code: 'KeyX', shown: 'X', group: 'viewer' },
  'viewer.reset': { code: 'KeyF', shown: 'F', group: 'viewer' },
  'viewer.banner': { code: 'KeyH', shown: 'H', group: 'viewer' },
  'worklist.down': { code: 'KeyJ', shown: 'J', group: 'worklist' },
  'worklist.up': { code: 'KeyK', shown: 'K', group: 'worklist' },
  'worklist.open': { code: 'Enter', shown: 'Enter', group: 'worklist' },
  'worklist.search': { code: 'Slash', shown: '/', group: 'worklist' },
  'app.help': { code: '?', shown: '?', group: 'app' },
} as const satisfies Record<string, { code: string; shown: string; group: string }>;

export type ShortcutId = keyof typeof SHORTCUTS;
export const SHORTCUT_GROUPS = ['study', 'viewer', 'worklist', 'app'] as const;

function isHelp(event: KeyboardEvent): boolean {
  // On the Russian layout Shift and the key of the slash give a comma.
  return event.key === '?' || (event.shiftKey && event.code === 'Slash');
}

/** Whether a key press is the shortcut's. */
export function matches(id: ShortcutId, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    return false;
  }
  // The key of the slash is the search's, too.
  if (isHelp(event) || id === 'app.help') {
    return isHelp(event) && id === 'app.help';
  }
  return !event.shiftKey && event.code === SHORTCUTS[id].code;
}

const TYPING = 'input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select, [contenteditable=true]';
const OWN_KEYS = '[role=slider], [role=radio], input[type=radio], input[type=range], [role=menu], [role=listbox], [role=tab]';
const BUTTONS = 'button, a[href], [role=button]';

/** Whether the focused element, or an open dialog, wants the key for itself. */
export function belongsToFocus(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null;
  if (document.querySelector('[role=dialog], [role=alertdialog]')) {
    return true;
  }
  if (!target) {
    return false;
  }
  if (target.closest(TYPING)) {
    return true;
  }
  const moves = event.code.startsWith('Arrow') || event.code === 'Home' || event.code === 'End' || event.code.startsWith('Page');
  if (moves && target.closest(OWN_KEYS)) {
    return true;
  }
  return event.code === 'Enter' && target.closest(BUTTONS) !== null;
}
