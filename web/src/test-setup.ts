import { cleanup } from '@testing-library/react';
import { afterEach } from 'vitest';

import '@/i18n/administration';
import '@/i18n/connections';
import '@/i18n/deliveries';
import i18next, { LANGUAGES, textsLoaded } from '@/i18n/i18n';
import '@/i18n/personal-data';
import '@/i18n/pulls';
import '@/i18n/site';

await textsLoaded;
await i18next.loadLanguages(LANGUAGES);

// Mantine asks for these; the test's document has no layout.
window.matchMedia = (query: string) =>
  ({
    matches: false,
    media: query,
    onchange: null,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    dispatchEvent: () => false,
  }) as unknown as MediaQueryList;

// No test reaches for a network; the client takes fetch when it is made.
globalThis.fetch = () => Promise.reject(new Error('no network in tests'));

window.ResizeObserver = class {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
};

afterEach(cleanup);
