// Every page and every state of a page that is worth a picture. What the gateway does not hold is left out.
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { draw } from './viewer.mjs';

const PHANTOMS = process.env.NORMA_PHANTOMS;
const ANALYSIS_MS = Number(process.env.NORMA_ANALYSIS_MS ?? 240_000);

const viewerShown = async (page) => {
  await page.waitForSelector('[data-pane=axial][data-state=shown]', { timeout: 60_000 });
  await page.waitForFunction(() => !document.querySelector('[data-testid=slice-position]')?.textContent?.includes('/'), null, { timeout: 60_000 });
  await page.waitForTimeout(500);
};

const picturesShown = async (page) => {
  await page.waitForSelector('[data-testid=answer]', { timeout: 30_000 });
  await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0), null, { timeout: 30_000 });
};

const dialogShown = async (page) => {
  await page.waitForSelector('[role=dialog]');
  await page.waitForTimeout(400);
};

/** Makes a record, deletes it, and opens the statement. */
const eraseOne = async (page) => {
  const id = await page.evaluate(async () => {
    const { csrf_token: token } = await (await fetch('/api/session')).json();
    const headers = token ? { 'X-CSRF-Token': token } : {};
    const body = JSON.stringify({ first_name: 'Vera', last_name: 'Wegfall' });
    const json = { ...headers, 'Content-Type': 'application/json' };
    const made = await (await fetch('/api/patients', { method: 'POST', headers: json, body })).json();
    const form = new FormData();
    form.set('patient_id', made.id);
    form.set('file', new Blob(['no study']), 'study.zip');
    await fetch('/api/scans', { method: 'POST', headers, body: form });
    await fetch(`/api/patients/${made.id}`, { method: 'DELETE', headers });
    return made.id;
  });
  await page.goto(`${new URL(page.url()).origin}/erasures/${id}`);
  await page.waitForSelector('[data-testid=erasure]');
};

/** Two phantoms and a file that is no study. */
function uploads() {
  const folder = mkdtempSync(join(tmpdir(), 'norma-pictures-'));
  const broken = join(folder, 'no-archive.zip');
  const empty = join(folder, 'empty.zip');
  writeFileSync(broken, 'no archive at all');
  writeFileSync(empty, '');
  const phantoms = ['nodule', 'effusion'].map((kind) => join(PHANTOMS, `phantom-${kind}.zip`)).filter((path) => existsSync(path));
  return { phantoms, broken, empty };
}

/** `studies` and `patients` of the gateway, and whether it asks who one is. */
export function pagesOf(studies, patients, asksWho) {
  const studyWith = (test) => studies.find(test)?.scan_id;
  const at = (scanId) => scanId && `/studies/${scanId}`;
  const pathology = studyWith(({ verdict }) => verdict === 'pathology');
  const first = pathology ?? studyWith(({ status }) => status === 'completed');
  const patient = patients.find(({ id }) => studies.some((study) => study.patient?.id === id)) ?? patients[0];
  const card = patient && `/patients/${patient.id}`;
  const many = PHANTOMS && uploads();
  return [
    { name: 'login', path: asksWho && '/login', signedOut: true, act: (page) => page.waitForSelector('input[autocomplete=username]') },
    {
      name: 'login-refused',
      path: asksWho && '/login',
      signedOut: true,
      act: async (page) => {
        await page.locator('input[autocomplete=username]').fill('nobody');
        await page.locator('input[type=password]').fill('not the password');
        await page.keyboard.press('Enter');
        await page.waitForSelector('[role=alert]');
      },
    },
    { name: 'worklist', path: '/', act: (page) => (studies.length ? page.waitForSelector('tbody tr') : undefined) },
    {
      name: 'worklist-no-match',
      path: '/',
      act: async (page) => {
        await page.waitForSelector('tbody tr');
        await page.keyboard.press('/');
        await page.keyboard.type('nobody of this name');
        await page.waitForTimeout(800);
      },
    },
    { name: 'patients', path: '/patients' },
    {
      name: 'patient-new',
      path: '/patients',
      act: async (page) => {
        await page.locator('main button').filter({ hasText: /New patient|Новый пациент/ }).click();
        await dialogShown(page);
        await page.locator('[role=dialog] button[type=submit]').click();
      },
    },
    { name: 'patient', path: card },
    {
      name: 'patient-delete',
      path: card,
      act: async (page) => {
        await page.locator('main button').filter({ hasText: /^(Delete|Удалить)$/ }).first().click();
        await dialogShown(page);
      },
    },
    {
      name: 'patient-export',
      path: card,
      act: async (page) => {
        await page.locator('main button').filter({ hasText: /^(Export everything|Выгрузить всё)$/ }).click();
        await dialogShown(page);
      },
    },
    { name: 'erasure-none', path: '/erasures/00000000-0000-7000-8000-000000000000' },
    { name: 'upload', path: '/upload' },
    { name: 'mass-run', path: '/mass-run' },
    { name: 'settings', path: '/settings', full: true },
    { name: 'help', path: at(first) ?? '/', act: async (page) => {
      await page.waitForSelector('h1');
      await page.keyboard.press('?');
      await dialogShown(page);
    } },
    { name: 'study', path: at(first), act: viewerShown },
    {
      name: 'study-planes',
      path: at(first),
      act: async (page) => {
        await viewerShown(page);
        await page.keyboard.press('v');
        await page.waitForSelector('[data-pane=coronal][data-state=shown]', { timeout: 60_000 });
        await page.waitForTimeout(6_000);
      },
    },
    {
      name: 'study-measures',
      path: at(first),
      act: async (page) => {
        await viewerShown(page);
        await page.keyboard.press('2');
        await page.keyboard.press('o');
        await page.keyboard.press('l');
        await draw(page, 'axial', [0.35, 0.3], [0.5, 0.42]);
        await page.keyboard.press('e');
        await draw(page, 'axial', [0.5, 0.55], [0.6, 0.68]);
        await page.mouse.move(5, 5);
      },
    },
    {
      name: 'study-overlay',
      path: at(first),
      act: async (page) => {
        await viewerShown(page);
        await page.keyboard.press('m');
        await page.locator('[role=toolbar] button[aria-haspopup=dialog]').click();
        await page.waitForTimeout(800);
      },
    },
    { name: 'study-norm', path: at(studyWith(({ verdict }) => verdict === 'norm')), act: viewerShown },
    { name: 'study-undetermined', path: at(studyWith(({ verdict }) => verdict === 'undetermined')), act: viewerShown },
    { name: 'study-failed', path: at(studyWith(({ status }) => status === 'failed')), act: (page) => page.waitForSelector('[data-testid=analysis-failed]') },
    { name: 'study-not-analysed', path: at(studyWith(({ analysis_id }) => !analysis_id)) },
    { name: 'study-gone', path: '/studies/00000000-0000-7000-8000-000000000000' },
    {
      name: 'study-slices-missing',
      path: at(first),
      before: (page) => page.route('**/slices/**', (route) => route.fulfill({ status: 503, json: { code: 'unavailable', status: 503 } })),
      act: (page) => page.waitForSelector('[data-pane=axial][data-state=error]', { timeout: 60_000 }),
    },
    {
      name: 'disagree',
      path: at(first),
      act: async (page) => {
        await page.waitForSelector('[data-testid=disagree]');
        await page.keyboard.press('d');
        await dialogShown(page);
      },
    },
    {
      name: 'connection-lost',
      path: '/',
      before: (page) => page.route('**/api/events', (route) => route.abort('connectionreset')),
      act: (page) => page.getByTestId('connection-lost').waitFor(),
    },
    { name: 'operation', path: '/operation', full: true, act: (page) => page.waitForSelector('[data-testid=queues] tbody tr') },
    { name: 'site', path: '/site', full: true, act: (page) => page.waitForSelector('#site-proposals') },
    { name: 'deliveries', path: '/deliveries', full: true, act: (page) => page.waitForSelector('#delivery-destinations') },
    { name: 'people', path: asksWho && '/administration/people' },
    {
      name: 'people-new',
      path: asksWho && '/administration/people',
      act: async (page) => {
        await page.locator('main button').filter({ has: page.locator('svg.tabler-icon-user-plus, svg.tabler-icon-plus') }).first().click();
        await dialogShown(page);
      },
    },
    { name: 'keys', path: asksWho && '/administration/keys' },
    {
      name: 'keys-new',
      path: asksWho && '/administration/keys',
      act: async (page) => {
        await page.locator('main button').filter({ has: page.locator('svg.tabler-icon-plus') }).first().click();
        await dialogShown(page);
      },
    },
    { name: 'audit', path: asksWho && '/administration/audit', act: (page) => page.waitForSelector('tr[data-action]') },
    { name: 'nothing-here', path: '/nothing-here' },
    { name: 'print', path: first && `/print/${first}`, act: picturesShown, full: true },
    // What changes the gateway comes last.
    { name: 'erasure', path: '/erasures', act: eraseOne, full: true },
    {
      name: 'upload-progress',
      path: many && '/upload',
      act: async (page) => {
        await page.getByTestId('file-input').setInputFiles([many.empty, many.phantoms[0]]);
        await page.waitForSelector('[data-testid=upload][data-phase=refused]');
        await page.waitForSelector('[data-testid=upload][data-phase=analyzing]', { timeout: ANALYSIS_MS });
        await page.waitForTimeout(1_500);
      },
    },
    {
      name: 'upload-ended',
      path: many && '/upload',
      act: async (page) => {
        await page.getByTestId('file-input').setInputFiles([many.empty, many.broken, many.phantoms[0]]);
        await page.waitForFunction(() => document.querySelectorAll('[data-testid=upload][data-phase=done]').length === 2, null, { timeout: ANALYSIS_MS });
      },
    },
    {
      name: 'mass-run-filled',
      path: many && '/mass-run',
      act: async (page) => {
        await page.getByTestId('file-input').setInputFiles([...many.phantoms, many.broken]);
        await page.getByText(/All have ended|Всё завершено/).waitFor({ timeout: 2 * ANALYSIS_MS });
      },
    },
  ];
}
