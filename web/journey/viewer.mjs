// The viewer's finer promises: measurements that can be read and taken away, planes that are asked for again after an
// error, and a keyboard that always knows where it is.
import assert from 'node:assert/strict';

import { openPage, URL_OF_NORMA } from './browser.mjs';

/** Draws with the left button; places are parts of the pane's sides. */
export async function draw(page, plane, from, to) {
  const { x, y, width, height } = await page.locator(`[data-pane=${plane}]`).boundingBox();
  const at = ([across, down]) => [x + width * across, y + height * down];
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at([(from[0] + to[0]) / 2, (from[1] + to[1]) / 2]), { steps: 4 });
  await page.mouse.move(...at(to), { steps: 4 });
  await page.mouse.up();
  await page.waitForTimeout(300);
}

const measured = (page, text) => page.locator('[data-pane] svg text, [data-pane] svg tspan').filter({ hasText: text });

async function checkMeasurements(page) {
  for (const plane of ['axial', 'coronal']) {
    if (plane === 'coronal') {
      await page.keyboard.press('v');
      await page.waitForSelector('[data-pane=coronal][data-state=shown]', { timeout: 60_000 });
    }
    await page.keyboard.press('l');
    await draw(page, plane, [0.4, 0.35], [0.55, 0.45]);
    await measured(page, /^\d+,\d\sмм$/).first().waitFor();
    await page.keyboard.press('e');
    await draw(page, plane, [0.45, 0.55], [0.55, 0.65]);
    await measured(page, /HU$/).first().waitFor();
    if (plane === 'axial') {
      await page.reload();
      await page.waitForSelector('[data-pane=axial][data-state=shown]', { timeout: 60_000 });
      await measured(page, /^\d+,\d\sмм$/).first().waitFor();
      await measured(page, /HU$/).first().waitFor();
    }
    await page.keyboard.press('x');
    await page.waitForFunction(() => ![...document.querySelectorAll('[data-pane] svg text')].some(({ textContent }) => /мм|HU/.test(textContent)));
    await page.keyboard.press('e');
  }
  await page.keyboard.press('v');
}

async function checkPlanesAgain(page, scanId) {
  const slices = `**/api/scans/${scanId}/slices/**`;
  await page.route(slices, (route) => route.fulfill({ status: 503, json: { code: 'unavailable', status: 503 } }));
  await page.goto(`${URL_OF_NORMA}/studies/${scanId}`);
  await page.waitForSelector('[data-pane=axial][data-state=error]', { timeout: 60_000 });
  await page.keyboard.press('v');
  await page.waitForSelector('[data-pane=coronal][data-state=error]', { timeout: 60_000 });
  await page.unroute(slices);
  await page.locator('[role=alert] button').click();
  await page.waitForSelector('[data-pane=coronal][data-state=shown]', { timeout: 60_000 });
  await page.waitForFunction(() => !document.querySelector('[data-testid=slice-position]').textContent.includes('/'), null, { timeout: 120_000 });
  assert.equal(await page.locator('[data-pane][data-state=error]').count(), 0);
}

/** Put where the mouse points in the axial plane and dragged on, the crosshair takes the other two along and leaves the axial one. */
async function checkCrosshair(page) {
  const shown = async () =>
    Object.fromEntries(
      await page.locator('[data-pane]').evaluateAll((panes) => panes.map(({ dataset }) => [dataset.pane, Number(dataset.slice)])),
    );
  const slice = (await shown()).axial;
  await draw(page, 'axial', [0.3, 0.7], [0.4, 0.6]);
  const first = await shown();
  await draw(page, 'axial', [0.7, 0.3], [0.6, 0.4]);
  const second = await shown();
  assert.deepEqual([first.axial, second.axial], [slice, slice]);
  // To the right on the screen is to the patient's left, where columns grow; up is to the front, where rows fall.
  assert.ok(second.sagittal > first.sagittal, `sagittal ${first.sagittal} → ${second.sagittal}`);
  assert.ok(second.coronal < first.coronal, `coronal ${first.coronal} → ${second.coronal}`);
}

async function checkFocus(page) {
  await page.goto(URL_OF_NORMA);
  await page.waitForSelector('tbody tr');
  await page.keyboard.press('Tab');
  const first = await page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute('aria-label'));
  assert.equal(first, 'К содержанию', 'the way to the content comes first');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'content');
  const order = [];
  for (let step = 0; step < 5; step += 1) {
    await page.keyboard.press('Tab');
    order.push(await page.evaluate(() => document.activeElement?.getBoundingClientRect().top ?? 0));
  }
  assert.deepEqual(order, [...order].sort((a, b) => a - b), 'the focus goes down the page');
  await page.getByRole('link', { name: 'Пациенты' }).focus();
  const before = await page.evaluate(() => document.activeElement?.outerHTML);
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  assert.ok(await page.evaluate(() => document.querySelector('[role=dialog]').contains(document.activeElement)), 'the help has the focus');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.waitForFunction((html) => document.activeElement?.outerHTML === html, before, { timeout: 5_000 });
}

export async function checkViewer(browser, state, tell, scanId) {
  const { context, page } = await openPage(browser, { state, language: 'ru' });
  try {
    await page.goto(`${URL_OF_NORMA}/studies/${scanId}`);
    await page.waitForSelector('[data-pane=axial][data-state=shown]', { timeout: 60_000 });
    await checkMeasurements(page);
    tell('lengths and regions are measured in the reader’s language, in stack and planes, and taken away');
    await checkPlanesAgain(page, scanId);
    tell('planes that did not come are asked for again');
    await checkCrosshair(page);
    tell('the crosshair is dragged by the mouse, and the planes follow');
    await checkFocus(page);
    tell('the focus starts at the content, goes down the page, and returns from a dialog');
  } catch (error) {
    error.page = page;
    throw error;
  }
  await context.close();
}
