// Pictures of every page in both languages at 1440 and 1024 px, of what the running gateway holds.
//   NORMA_URL=http://127.0.0.1:8080 NORMA_SCREENSHOTS=folder npm run screenshots [name…]
// Committed pictures show phantoms: run it against a gateway that holds nothing else (`norma demo`). NORMA_PHANTOMS is a
// folder of phantoms to upload; with it there are pictures of uploads and of a mass run, too.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { launch, openPage, URL_OF_NORMA } from './browser.mjs';
import { signIn } from './identity.mjs';
import { pagesOf } from './pages.mjs';

const FOLDER = resolve(process.env.NORMA_SCREENSHOTS ?? '../.norma/screenshots');
const WIDTHS = (process.env.NORMA_WIDTHS ?? '1440,1024').split(',').map(Number);
const SCHEME = process.env.NORMA_SCHEME ?? 'light';
const LANGUAGES = (process.env.NORMA_LANGUAGES ?? 'en,ru').split(',');
const wanted = process.argv.slice(2);
mkdirSync(FOLDER, { recursive: true });

const browser = await launch();
const state = await signIn(browser);
const asked = await openPage(browser, { state });
const get = async (path) => (await asked.context.request.get(URL_OF_NORMA + path)).json();
const { items: studies } = await get('/api/studies?limit=100');
const { items: patients } = await get('/api/patients?limit=20');
await asked.context.close();
const pages = pagesOf(studies, patients, Boolean(state)).filter(({ name }) => wanted.length === 0 || wanted.includes(name));

let failed = false;
for (const { name, path, before, act, full, signedOut } of pages) {
  if (!path) {
    console.log(`${name}: nothing to show here`);
    continue;
  }
  for (const language of LANGUAGES) {
    for (const width of WIDTHS) {
      const { context, page, errors } = await openPage(browser, {
        language,
        scheme: SCHEME,
        width,
        height: width === 1024 ? 768 : 900,
        state: signedOut ? null : state,
      });
      try {
        await before?.(page);
        await page.goto(URL_OF_NORMA + path);
        await page.waitForLoadState('load');
        await act?.(page);
        await page.waitForTimeout(1_200);
      } catch (error) {
        // The picture shows why.
        errors.push(error.message);
      }
      await page.screenshot({ path: join(FOLDER, `${name}-${language}-${width}.png`), fullPage: full ?? false });
      // Refusals that the page is meant to show are logged by the browser too.
      const real = errors.filter((error) => !/status of (4\d\d|503)|ERR_CONNECTION_RESET|ERR_FAILED/.test(error));
      if (real.length > 0) {
        failed = true;
        console.error(`${name}-${language}-${width}:`, real);
      }
      await context.close();
    }
  }
  console.log(name);
}
await browser.close();
process.exit(failed ? 1 : 0);
