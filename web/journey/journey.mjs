// The journey in a real browser against a running gateway with the shipped models and real series:
// patient → upload → progress → verdict → viewer at the key slice with its map → next study by keyboard →
// feedback → mass run → XLSX. Prints each step; ends with 1 where one fails.
//   NORMA_URL=http://127.0.0.1:8080 NORMA_DATA=../../shared/data npm run journey
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { unzipSync } from 'fflate';

import { checkAccessible } from './accessible.mjs';
import { launch, openPage, URL_OF_NORMA } from './browser.mjs';
import { checkEveryPage } from './every-page.mjs';
import { checkLostConnection, checkNoOldAnswer } from './honesty.mjs';
import { checkIdentity, signIn } from './identity.mjs';
import { checkPersonalData } from './personal-data.mjs';
import { checkTransfers } from './transfers.mjs';
import { checkViewer } from './viewer.mjs';

const DATA = resolve(process.env.NORMA_DATA ?? '../../shared/data');
const covid = join(DATA, 'series/covid-ct-md_covid-P001.zip');
const norm = join(DATA, 'series/covid-ct-md_normal001.zip');
const FAILURES = resolve('../.norma/journey');
/** An analysis takes seconds; a shared machine under load takes longer. */
const ANALYSIS_MS = Number(process.env.NORMA_ANALYSIS_MS ?? 240_000);

if (!existsSync(covid)) {
  console.log(`skipped: ${covid} is not here`);
  process.exit(process.env.CI ? 1 : 0);
}

const started = Date.now();
const tell = (text) => console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`);

async function viewerShown(page) {
  await page.waitForSelector('[data-pane=axial][data-state=shown]', { timeout: 60_000 });
  return Number(await page.getAttribute('[data-pane=axial]', 'data-slice'));
}

const browser = await launch();
const state = await signIn(browser);
const { context, page, errors } = await openPage(browser, { language: 'en', state });
const get = async (path) => (await context.request.get(URL_OF_NORMA + path)).json();
const answerOf = (scanId) => get(`/api/scans/${scanId}/report`);
const scanOnScreen = () => page.getAttribute('[data-answer]', 'data-scan');

try {
  await page.goto(URL_OF_NORMA);
  await page.getByRole('heading', { name: 'Worklist' }).waitFor();
  await page.getByText('For research use only').waitFor();
  tell('the worklist opens and states research use');

  const lastName = `Journey${Date.now() % 100_000}`;
  await page.getByRole('link', { name: 'Patients' }).click();
  await page.getByRole('button', { name: 'New patient' }).click();
  await page.getByLabel('Last name').fill(lastName);
  await page.getByLabel('First name').fill('Anna');
  await checkAccessible(page, 'the patient dialog');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: `${lastName} Anna` }).waitFor();
  tell('a patient is created');

  await page.getByRole('link', { name: 'Upload a study' }).click();
  await page.getByTestId('file-input').setInputFiles(covid);
  const upload = page.getByTestId('upload').first();
  await upload.getByText('covid-ct-md_covid-P001.zip').waitFor();
  await upload.getByText('Preparation').waitFor({ timeout: ANALYSIS_MS });
  tell('the upload is stored and its stages are shown');
  await page.waitForSelector('[data-testid=upload][data-phase=done]', { timeout: ANALYSIS_MS });
  tell(`the analysis ends: ${(await upload.locator('[data-outcome]').textContent()) ?? ''}`);
  await checkAccessible(page, 'the upload page');

  await upload.getByRole('link', { name: 'Open the study' }).click();
  const slice = await viewerShown(page);
  const scanId = await scanOnScreen();
  const report = await answerOf(scanId);
  assert.ok(report.verdict === 'pathology' || report.verdict === 'norm' || report.verdict === 'undetermined');
  const sentence = await page.getByTestId('verdict-sentence').textContent();
  assert.match(sentence, { pathology: /Pathology/, norm: /Norm/, undetermined: /Undetermined/ }[report.verdict]);
  const found = report.grounds.find(({ kind }) => kind === 'finding');
  assert.ok(found ? found.finding.key_slice === slice : report.key_slices.some((key) => key.slice === slice), `slice ${slice} is a key slice`);
  const region = report.localization;
  assert.ok(!region || (slice >= region.z_min && slice <= region.z_max), `slice ${slice} shows the region of the report`);
  await page.getByTestId('region-box').waitFor();
  const [count] = report.study.geometry.shape;
  await page.getByTestId('slice-position').getByText(`Slice ${count - slice} of ${count}`).waitFor();
  tell(`the study opens at slice ${count - slice} from the head, a key slice with the region's box: “${sentence}”`);
  await page.waitForSelector(`[data-overlay=axial][data-painted$="/${slice}"]`, { timeout: 30_000 });
  tell(`the map lies over it: ${await page.getAttribute('[data-overlay=axial]', 'data-painted')}`);

  await page.keyboard.press('ArrowDown');
  await page.waitForSelector(`[data-pane=axial][data-slice="${slice - 1}"]`);
  await page.locator('[data-pane=axial]').hover();
  await page.mouse.wheel(0, 120);
  await page.waitForSelector(`[data-pane=axial][data-slice="${slice - 2}"]`);
  await page.mouse.wheel(0, -120);
  await page.waitForSelector(`[data-pane=axial][data-slice="${slice - 1}"]`);
  await page.keyboard.press('2');
  await page.getByText('W 400').waitFor();
  await page.keyboard.press('o');
  await page.waitForSelector('[data-overlay=axial]:not([data-painted])', { state: 'attached' });
  await page.keyboard.press('o');
  await page.waitForSelector('[data-overlay=axial][data-painted]');
  await page.keyboard.press('h');
  await page.getByTestId('patient-banner').waitFor({ state: 'detached' });
  await page.locator('h1[data-identity]').waitFor({ state: 'hidden' });
  await page.keyboard.press('h');
  await page.locator('h1[data-identity]').waitFor({ state: 'visible' });
  await page.keyboard.press('v');
  await page.waitForSelector('[data-pane=coronal][data-state=shown]', { timeout: 60_000 });
  await page.keyboard.press('v');
  await viewerShown(page);
  tell('slices, presets, map, patient and planes go by keyboard');
  await page.keyboard.press('?');
  await page.getByRole('dialog').getByText('Agree and next study').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  await page.goto(`${URL_OF_NORMA}/upload`);
  await page.getByTestId('file-input').setInputFiles(norm);
  await page.waitForSelector('[data-testid=upload][data-phase=done]', { timeout: ANALYSIS_MS });
  tell('a second study is analysed, without a patient');

  await page.getByRole('link', { name: 'Worklist' }).click();
  await page.waitForSelector(`tr[data-scan="${scanId}"]`);
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length >= 2);
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-testid=answer]');
  const one = await scanOnScreen();
  await page.keyboard.press('n');
  await page.waitForFunction((before) => document.querySelector('[data-answer]')?.getAttribute('data-scan') !== before, one);
  const two = await scanOnScreen();
  await page.waitForSelector(`[data-testid=answer][data-scan="${two}"]`);
  assert.equal(await page.locator(`[data-testid=answer][data-scan="${one}"]`).count(), 0, 'no answer of the study before');
  await viewerShown(page);
  tell('the next study is reached by keyboard and shows its own answer');

  await page.keyboard.press('n');
  await page.getByText('This is the last study of the list.').waitFor();
  await page.keyboard.press('p');
  await page.waitForSelector(`[data-testid=answer][data-scan="${one}"]`);
  const firstReport = await answerOf(one);
  await page.keyboard.press('d');
  await page.getByRole('dialog').getByLabel('Comment').fill('journey');
  assert.equal(await page.locator('[role=dialog] input[type=radio]:checked').count(), 0, 'nothing is said beforehand');
  assert.ok(await page.getByTestId('send-feedback').isDisabled(), 'nothing is sent that nobody chose');
  await page.locator('[role=dialog] input[type=radio]').first().check();
  await checkAccessible(page, 'the feedback dialog');
  await page.getByTestId('send-feedback').click();
  await page.getByTestId('feedback-given').getByText('disagreed').waitFor();
  // Keys are the dialog's until it has closed.
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('a');
  await page.waitForSelector(`[data-testid=answer][data-scan="${two}"]`);
  const given = await get(`/api/analyses/${firstReport.analysis_id}/feedback`);
  assert.deepEqual(given.map(({ agree }) => agree), [false, true]);
  tell('disagreement with a comment and agreement are kept, and the next study follows');

  await page.keyboard.press('p');
  await page.waitForSelector(`[data-testid=answer][data-scan="${one}"]`);
  await page.getByTestId('feedback-given').getByText('agreed', { exact: true }).waitFor();
  await page.getByTestId('take-back').click();
  await page.getByTestId('feedback-given').getByText('disagreed').waitFor();
  const left = await get(`/api/analyses/${firstReport.analysis_id}/feedback`);
  assert.deepEqual(left.map(({ agree }) => agree), [false]);
  await page.keyboard.press('n');
  await page.waitForSelector(`[data-testid=answer][data-scan="${two}"]`);
  tell('what was said in haste is taken back, and what was said before stands again');

  await page.keyboard.press('r');
  await page.getByRole('heading', { name: 'Result of automated analysis' }).waitFor();
  await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
  await page.getByTestId('printed-feedback').getByText('No reader has said').waitFor();
  const pdf = await page.pdf();
  assert.ok(pdf.length > 10_000);
  tell(`the report prints: ${Math.round(pdf.length / 1000)} kB of PDF`);

  await page.goto(`${URL_OF_NORMA}/mass-run`);
  const broken = join(mkdtempSync(join(tmpdir(), 'norma-journey-')), 'broken.zip');
  writeFileSync(broken, 'no archive at all');
  await page.getByTestId('file-input').setInputFiles([norm, broken]);
  await page.getByTestId('run-row').first().waitFor();
  await page.getByText('All have ended').waitFor({ timeout: 2 * ANALYSIS_MS });
  const outcomes = await page.getByTestId('run-row').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-outcome')));
  assert.equal(outcomes.length, 2);
  assert.ok(outcomes.includes('failed'), 'the broken archive fails');
  await checkAccessible(page, 'the mass run');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download XLSX' }).click()]);
  const sheet = unzipSync(new Uint8Array(readFileSync(await download.path())));
  const xml = Object.entries(sheet)
    .filter(([name]) => name.endsWith('.xml'))
    .map(([, bytes]) => new TextDecoder().decode(bytes))
    .join('\n');
  for (const column of ['path_to_study', 'probability_of_pathology', 'most_dangerous_pathology_type', 'reason']) {
    assert.ok(xml.includes(column), `the XLSX has ${column}`);
  }
  assert.ok(xml.includes('Failure') && xml.includes('Success'));
  tell(`the mass run ends with ${outcomes.join(', ')} and its XLSX has the columns`);

  await page.reload();
  await page.getByText('All have ended').waitFor({ timeout: 30_000 });
  const again = await page.getByTestId('run-row').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-outcome')));
  assert.deepEqual(again.sort(), outcomes.sort());
  await page.getByText('broken.zip').waitFor();
  const kept = await page.evaluate(() => JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)]));
  assert.ok(!/\.zip/.test(kept), 'the browser keeps no name of a file');
  tell('after a reload the rows are there again, and the browser keeps no name of a file');

  await page.goto(`${URL_OF_NORMA}/?order=newest`);
  await page.waitForSelector('tbody tr');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-answer]');
  await page.keyboard.press('w');
  await page.waitForURL(/\/\?order=newest$/);
  tell('the way back leads to the list as it was ordered');

  const unexpected = errors.filter((error) => !/status of 4(04|09|22)/.test(error));
  assert.deepEqual(unexpected, [], 'the page logs no errors');

  const { items } = await get('/api/patients?limit=1');
  const { items: studies } = await get('/api/studies?limit=100');
  const failed = studies.find(({ status }) => status === 'failed').scan_id;
  await checkTransfers(browser, state, tell);
  await checkLostConnection(browser, state, tell);
  await checkNoOldAnswer(browser, state, tell, one, two);
  await checkViewer(browser, state, tell, two);
  await checkIdentity(browser, state, tell, one);
  const erased = await checkPersonalData(browser, state, tell);
  // Signing out above ended no session but its own.
  await checkEveryPage(browser, state, tell, [
    ['the worklist', '/', 'tbody tr'],
    ['the patients', '/patients', 'tbody tr'],
    ['a patient', `/patients/${items[0].id}`, 'h1'],
    ['statements of erasure', '/erasures', 'form'],
    ['a statement of erasure', `/erasures/${erased}`, '[data-testid=erasure]'],
    ['the upload', '/upload', '[data-testid=drop-area]'],
    ['the mass run', '/mass-run', '[data-testid=drop-area]'],
    ['a study', `/studies/${one}`, '[data-pane=axial][data-state=shown]'],
    ['a failed study', `/studies/${failed}`, '[data-testid=analysis-failed]'],
    ['a study that is gone', '/studies/00000000-0000-7000-8000-000000000000', 'main [role=alert]'],
    ['a report', `/print/${one}`, '[data-testid=answer]'],
    ['the settings', '/settings', 'h2'],
    ['the operation', '/operation', '[data-testid=queues] tbody tr'],
    ['drift and thresholds', '/site', '#site-proposals'],
    ['the deliveries', '/deliveries', '#delivery-destinations'],
    ...(state
      ? [
          ['the people', '/administration/people', 'tr[data-user]'],
          ['the keys', '/administration/keys', 'tbody tr'],
          ['the audit trail', '/administration/audit', 'tr[data-action]'],
        ]
      : []),
    ['what is not there', '/nothing-here', 'h1, h2'],
  ]);
  tell('done');
} catch (error) {
  mkdirSync(FAILURES, { recursive: true });
  await (error.page ?? page).screenshot({ path: join(FAILURES, 'failure.png') }).catch(() => undefined);
  // Without the page that it carries for the picture.
  console.error(error.stack);
  console.error(errors);
  process.exitCode = 1;
} finally {
  await browser.close();
}
