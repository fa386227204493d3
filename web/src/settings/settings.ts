import { useCallback, useSyncExternalStore } from 'react';

/** What a reader has set for himself; kept in this browser. */
export interface Settings {
  /** Analysis starts by itself after an upload. */
  analyzeOnUpload: boolean;
  /** The map lies over the picture when a study is opened. */
  overlayShown: boolean;
  /** Name of the operating point to ask for; null for the bundle's own. */
  operatingPoint: string | null;
  pageSize: number;
}

const KEY = 'norma-settings';
const DEFAULTS: Settings = { analyzeOnUpload: true, overlayShown: true, operatingPoint: null, pageSize: 25 };

function read(): Settings {
  try {
    const stored: unknown = JSON.parse(window.localStorage.getItem(KEY) ?? '{}');
    return { ...DEFAULTS, ...(typeof stored === 'object' && stored !== null ? stored : {}) };
  } catch {
    return DEFAULTS;
  }
}

let settings = read();
const listeners = new Set<() => void>();

export const currentSettings = (): Settings => settings;

export function changeSettings(change: Partial<Settings>): void {
  settings = { ...settings, ...change };
  try {
    window.localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // A browser without storage keeps them until the page is closed.
  }
  listeners.forEach((listener) => listener());
}

export function useSettings(): [Settings, (change: Partial<Settings>) => void] {
  const value = useSyncExternalStore(
    useCallback((listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    }, []),
    currentSettings,
  );
  return [value, changeSettings];
}
