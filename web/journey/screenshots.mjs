// Pictures of every page in both languages at 1440 and 1024 px, of what the running gateway holds.
//   NORMA_URL=http://127.0.0.1:8080 NORMA_SCREENSHOTS=folder npm run screenshots [name…]
// Committed pictures show phantoms: run it against a gateway that holds nothing else (`norma demo`).
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { launch, openPage, URL_OF_NORMA } from './browser.mjs';
import { signIn } from './identity.mjs';

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
const { items: patients } = await get('/api/patients?limit=1');
await asked.context.close();
const studyWith = (test) => studies.find(test)?.scan_id;
const pathology = studyWith(({ verdict }) => verdict === 'pathology');
const first = pathology ?? studyWith(({ status }) => status === 'completed');

const viewerShown = async (page) => {
  await page.waitForSelector('[data-pane=axial][data-state=shown]', { timeout: 60_000 });
  await page.waitForFunction(() => !document.querySelector('[data-testid=slice-position]')?.textContent?.includes('/'), null, { timeout: 60_000 });
  await page.waitForTimeout(500);
};

const picturesShown = async (page) => {
  await page.waitForSelector('[data-testid=answer]', { timeout: 30_000 });
  await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0), null, { timeout: 30_000 });
};

const PAGES = [
  { name: 'login', path: state && '/login', signedOut: true, act: (page) => page.waitForSelector('input[autocomplete=username]') },
  { name: 'worklist', path: '/', act: (page) => (studies.length ? page.waitForSelector('tbody tr') : undefined) },
  { name: 'patients', path: '/patients' },
  { name: 'patient', path: patients[0] && `/patients/${patients[0].id}` },
  { name: 'upload', path: '/upload' },
  { name: 'mass-run', path: '/mass-run' },
  { name: 'settings', path: '/settings', full: true },
  { name: 'help', path: '/', act: (page) => page.keyboard.press('?') },
  { name: 'study', path: first && `/studies/${first}`, act: viewerShown },
  {
    name: 'study-planes',
    path: first && `/studies/${first}`,
    act: async (page) => {
      await viewerShown(page);
      await page.keyboard.press('v');
      await page.waitForSelector('[data-pane=coronal][data-state=shown]', { timeout: 60_000 });
      await page.waitForTimeout(6_000);
    },
  },
  { name: 'study-norm', path: studyWith(({ verdict }) => verdict === 'norm'), study: true, act: viewerShown },
  { name: 'study-undetermined', path: studyWith(({ verdict }) => verdict === 'undetermined'), study: true },
  { name: 'study-failed', path: studyWith(({ status }) => status === 'failed'), study: true },
  {
    name: 'disagree',
    path: first && `/studies/${first}`,
    act: async (page) => {
      await page.waitForSelector('[data-testid=disagree]');
      await page.keyboard.press('d');
      await page.waitForSelector('[role=dialog]');
    },
  },
  { name: 'operation', path: '/operation', act: (page) => page.waitForSelector('[data-testid=queues] tbody tr') },
  { name: 'people', path: state && '/administration/people' },
  { name: 'keys', path: state && '/administration/keys' },
  { name: 'audit', path: state && '/administration/audit', act: (page) => page.waitForSelector('tr[data-action]') },
  { name: 'print', path: first && `/print/${first}`, act: picturesShown, full: true },
];

let failed = false;
for (const { name, path, study, act, full, signedOut } of PAGES.filter((one) => wanted.length === 0 || wanted.includes(one.name))) {
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
      await page.goto(URL_OF_NORMA + (study ? `/studies/${path}` : path));
      await page.waitForLoadState('load');
      await act?.(page);
      await page.waitForTimeout(1_200);
      await page.screenshot({ path: join(FOLDER, `${name}-${language}-${width}.png`), fullPage: full ?? false });
      // Refusals that the page is meant to show are logged by the browser too.
      const real = errors.filter((error) => !/status of 4\d\d/.test(error));
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
