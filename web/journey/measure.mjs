// How long a reader waits: the first image after opening an analysed study, and scrolling through all slices.
// Prints figures; ends with 1 where a promise is broken.
//   NORMA_URL=http://127.0.0.1:8080 npm run measure [scan id]
import { loadavg } from 'node:os';

import { launch, openPage, URL_OF_NORMA } from './browser.mjs';
import { signIn } from './identity.mjs';

const RUNS = Number(process.env.NORMA_RUNS ?? 5);
const FIRST_IMAGE_MS = 1_000;
/** The headless browser draws WebGL in software: this pace is a slow reader's on a fast machine's. */
const PAUSE_MS = 50;

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const percentile = (values, part) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];

const browser = await launch();
const state = await signIn(browser);

const asked = await openPage(browser, { state });
const { items } = await (await asked.context.request.get(`${URL_OF_NORMA}/api/studies?limit=100`)).json();
await asked.context.close();
const scanId = process.argv[2] ?? items.find(({ verdict }) => verdict)?.scan_id;
if (!scanId) {
  console.log('skipped: the gateway holds no analysed study');
  process.exit(process.env.CI ? 1 : 0);
}

/** From the click in the worklist until the pane shows pixels. */
async function firstImage() {
  const { context, page } = await openPage(browser, { state });
  await page.goto(URL_OF_NORMA);
  await page.waitForSelector(`tr[data-scan="${scanId}"]`);
  // The viewer's chunk is fetched while the reader looks at the list.
  await page.waitForFunction(() => performance.getEntriesByType('resource').some(({ name }) => /Viewer-.*\.js$/.test(name)));
  await page.waitForTimeout(2_000);
  await page.evaluate((id) => {
    window.opened = performance.now();
    window.shown = new Promise((resolve) => {
      const look = () => {
        const pane = document.querySelector('[data-pane=axial][data-state=shown]');
        if (pane) {
          resolve(performance.now() - window.opened);
        } else {
          requestAnimationFrame(look);
        }
      };
      look();
    });
    document.querySelector(`tr[data-scan="${id}"] a`).click();
  }, scanId);
  const elapsed = await page.evaluate(() => window.shown);
  await context.close();
  return elapsed;
}

/** From an address that is opened anew, the page with all its parts included, until the pane shows pixels. */
async function firstImageByAddress() {
  const { context, page } = await openPage(browser, { state });
  const started = Date.now();
  await page.goto(`${URL_OF_NORMA}/studies/${scanId}`);
  await page.waitForSelector('[data-pane=axial][data-state=shown]', { timeout: 60_000 });
  await context.close();
  return Date.now() - started;
}

/** Scrolls from the top slice to the bottom one; looks at the pixels of every frame that is drawn. */
async function scroll() {
  const { context, page } = await openPage(browser, { state });
  await page.goto(`${URL_OF_NORMA}/studies/${scanId}`);
  await page.waitForSelector('[data-pane=axial][data-state=shown]', { timeout: 60_000 });
  const loadedAt = Date.now();
  await page.waitForFunction(() => !document.querySelector('[data-testid=slice-position]').textContent.includes('/'), null, { timeout: 120_000 });
  const loadMs = Date.now() - loadedAt;
  const count = Number(await page.getAttribute('[data-testid=score-strip]', 'aria-valuemax'));
  await page.keyboard.press('Home');
  await page.waitForSelector(`[data-pane=axial][data-slice="${count - 1}"]`);
  const result = await page.evaluate(
    async ({ slices, pause }) => {
      const pane = document.querySelector('[data-pane=axial]');
      const canvas = pane.querySelector('canvas');
      const probe = document.createElement('canvas');
      probe.width = 24;
      probe.height = 24;
      const context = probe.getContext('2d', { willReadFrequently: true });
      const isBlank = () => {
        context.drawImage(canvas, 0, 0, 24, 24);
        const { data } = context.getImageData(0, 0, 24, 24);
        return !data.some((value, place) => place % 4 !== 3 && value > 8);
      };
      const waits = [];
      let blank = 0;
      for (let slice = slices - 2; slice >= 0; slice -= 1) {
        const asked = performance.now();
        window.dispatchEvent(new KeyboardEvent('keydown', { code: 'ArrowDown', key: 'ArrowDown', bubbles: true }));
        while (Number(pane.dataset.slice) !== slice) {
          await new Promise((resolve) => requestAnimationFrame(resolve));
          if (isBlank()) blank += 1;
          if (performance.now() - asked > 10_000) throw new Error(`slice ${slice} does not come`);
        }
        waits.push(performance.now() - asked);
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, pause - (performance.now() - asked))));
      }
      return { waits, blank };
    },
    { slices: count, pause: PAUSE_MS },
  );
  await context.close();
  return { ...result, count, loadMs };
}

const first = [];
for (let run = 0; run < RUNS; run += 1) {
  first.push(await firstImage());
}
const byAddress = await firstImageByAddress();
const { waits, blank, count, loadMs } = await scroll();
await browser.close();

const ms = (value) => `${value.toFixed(0)} ms`;
console.log(`first image after opening from the worklist: median ${ms(median(first))}, worst ${ms(Math.max(...first))} of ${RUNS}`);
console.log(`first image by its address, nothing cached: ${ms(byAddress)}`);
console.log(`all ${count} slices loaded ${ms(loadMs)} after the first image`);
console.log(`scrolling ${count} slices: median ${ms(median(waits))}, 95 % ${ms(percentile(waits, 0.95))}, worst ${ms(Math.max(...waits))} to the next slice; ${blank} blank frames`);
console.log(`load of the machine in the last minute: ${loadavg()[0].toFixed(1)}`);
const broken = [];
if (median(first) > FIRST_IMAGE_MS) broken.push(`the first image takes more than ${FIRST_IMAGE_MS} ms`);
if (blank > 0) broken.push('blank frames');
broken.forEach((text) => console.error(`broken: ${text}`));
process.exit(broken.length > 0 ? 1 : 0);
