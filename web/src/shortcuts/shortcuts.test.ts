import { afterEach, describe, expect, it } from 'vitest';

import en from '@/i18n/en.json';

import { belongsToFocus, matches, SHORTCUTS, type ShortcutId } from './shortcuts';

const press = (init: KeyboardEventInit, target: Element = document.body): KeyboardEvent => {
  const event = new KeyboardEvent('keydown', { bubbles: true, ...init });
  target.dispatchEvent(event);
  return event;
};

afterEach(() => {
  document.body.innerHTML = '';
});

describe('keys', () => {
  it('are the physical ones: the Russian layout works as the English one', () => {
    expect(matches('study.next', press({ code: 'KeyN', key: 'т' }))).toBe(true);
    expect(matches('app.help', press({ code: 'Slash', key: ',', shiftKey: true }))).toBe(true);
    expect(matches('app.help', press({ code: 'Digit7', key: '?', shiftKey: true }))).toBe(true);
  });

  it('mean one thing where two share a key', () => {
    const question = press({ code: 'Slash', key: '?' });
    expect(matches('app.help', question)).toBe(true);
    expect(matches('worklist.search', question)).toBe(false);
    expect(matches('worklist.search', press({ code: 'Slash', key: '/' }))).toBe(true);
  });

  it('leave the browser’s own combinations alone', () => {
    expect(matches('study.report', press({ code: 'KeyR', ctrlKey: true }))).toBe(false);
  });

  it('are unambiguous within a page, and explained', () => {
    const ids = Object.keys(SHORTCUTS) as ShortcutId[];
    const help: unknown = en.help.key;
    for (const id of ids) {
      const text = id.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], help);
      expect(typeof text, id).toBe('string');
    }
    const together = ids.filter((id) => SHORTCUTS[id].group === 'study' || SHORTCUTS[id].group === 'viewer');
    expect(new Set(together.map((id) => SHORTCUTS[id].code)).size).toBe(together.length);
  });
});

describe('the focus', () => {
  it('keeps what is typed', () => {
    document.body.innerHTML = '<input><div role="slider" tabindex="0"></div><button></button>';
    const [input, slider, button] = [...document.body.children];
    expect(belongsToFocus(press({ code: 'KeyA' }, input))).toBe(true);
    expect(belongsToFocus(press({ code: 'ArrowUp' }, slider))).toBe(true);
    expect(belongsToFocus(press({ code: 'KeyA' }, slider))).toBe(false);
    expect(belongsToFocus(press({ code: 'Enter' }, button))).toBe(true);
    expect(belongsToFocus(press({ code: 'KeyA' }, button))).toBe(false);
  });

  it('keeps everything while a dialog is open', () => {
    document.body.innerHTML = '<div role="dialog"></div>';
    expect(belongsToFocus(press({ code: 'KeyA' }))).toBe(true);
  });
});
