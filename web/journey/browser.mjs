// A browser for the journey, the screenshots and the measurements.
import { chromium } from 'playwright-core';

export const URL_OF_NORMA = process.env.NORMA_URL ?? 'http://127.0.0.1:8080';

export function launch() {
  return chromium.launch({
    executablePath: process.env.NORMA_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--enable-unsafe-swiftshader',
    ],
  });
}

/**
 * A page that fails the run when the page itself fails. `errors` fills with what it logs as errors. `state` is who
 * is signed in.
 */
export async function openPage(browser, { language = 'en', scheme = 'light', width = 1440, height = 900, state } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    locale: language === 'ru' ? 'ru-RU' : 'en-GB',
    colorScheme: scheme,
    acceptDownloads: true,
    ...(state ? { storageState: state.storage } : {}),
  });
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(`page error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') {
      errors.push(`console: ${message.text()} (${message.location().url})`);
    }
  });
  return { context, page, errors };
}
