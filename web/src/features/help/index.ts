export { ShortcutHelp, ShortcutList } from './ShortcutHelp';
