// What a patient may ask for: all that is stored as one archive, and a statement that it was deleted.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { unzipSync } from 'fflate';

import { checkAccessible } from './accessible.mjs';
import { openPage, URL_OF_NORMA } from './browser.mjs';
import { csrfOf, field, PASSWORD, typePassword } from './identity.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const ORIGINALS = ['the first study', 'the second study'].map((text) => Buffer.from(text.repeat(5_000)));

async function makePatient(context) {
  const headers = await csrfOf(context);
  const made = await context.request.post(`${URL_OF_NORMA}/api/patients`, { headers, data: { first_name: 'Vera', last_name: 'Wegfall' } });
  assert.equal(made.status(), 201);
  const { id } = await made.json();
  const scans = [];
  for (const buffer of ORIGINALS) {
    const file = { name: 'study.zip', mimeType: 'application/zip', buffer };
    const stored = await context.request.post(`${URL_OF_NORMA}/api/scans`, { headers, multipart: { patient_id: id, file } });
    assert.equal(stored.status(), 201);
    scans.push((await stored.json()).id);
  }
  return { id, scans };
}

/** Gives back the number of the record that was deleted. */
export async function checkPersonalData(browser, state, tell) {
  // A session of its own: it goes on as another one where the password is given again.
  const { context, page, errors } = await openPage(browser);
  try {
    if (state) {
      await page.goto(`${URL_OF_NORMA}/login`);
      await typePassword(page, 'administrator', PASSWORD);
      await page.getByTestId('account').waitFor();
    }
    const { id, scans } = await makePatient(context);
    await page.goto(`${URL_OF_NORMA}/patients/${id}`);
    await page.getByRole('button', { name: 'Export everything' }).click();
    await page.getByTestId('export-dialog').waitFor();
    await checkAccessible(page, 'the export');
    if (state) {
      // As if the password had been given long ago: the first answer is the gateway's refusal.
      await page.route('**/export', (route) => route.fulfill({ status: 403, json: { code: 'verification_required', status: 403 } }), { times: 1 });
    }
    const comes = page.waitForEvent('download');
    await page.getByRole('dialog').getByRole('button', { name: 'Export', exact: true }).click();
    if (state) {
      await page.getByLabel(field('Password')).fill(PASSWORD);
      await page.keyboard.press('Enter');
    }
    const archive = unzipSync(new Uint8Array(readFileSync(await (await comes).path())));
    await page.getByTestId('export-done').waitFor();
    const manifest = JSON.parse(Buffer.from(archive['manifest.json']).toString());
    assert.deepEqual([...manifest.map(({ name }) => name), 'manifest.json'].sort(), Object.keys(archive).sort());
    manifest.forEach(({ name, sha256: hash }) => assert.equal(sha256(archive[name]), hash, name));
    scans.forEach((scan, index) => assert.deepEqual(Buffer.from(archive[`studies/${scan}/original`]), ORIGINALS[index]));
    tell(`a patient's data come as one archive of ${manifest.length + 1} files${state ? ', after the password was asked for again' : ''}`);

    await page.keyboard.press('Escape');
    await page.getByTestId('export-dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('button', { name: 'Delete patient and studies' }).click();
    await page.waitForURL(`${URL_OF_NORMA}/erasures/${id}`);
    const shown = await page.getByTestId('erasure').textContent();
    const lines = [...scans].sort().map((scan) => `${scan} ${manifest.find(({ name }) => name === `studies/${scan}/original`).sha256}\n`);
    assert.ok(shown.includes(sha256(lines.join(''))), 'the archive can be held against the statement');
    scans.forEach((scan) => assert.ok(shown.includes(scan)));
    assert.ok(!/Vera|Wegfall/.test(await page.locator('main').textContent()), 'a statement names nobody');
    tell('the deletion leads to its statement, which the archive fits');

    await page.goto(`${URL_OF_NORMA}/patients/${id}`);
    await page.getByRole('link', { name: 'Look for a statement of its erasure' }).click();
    await page.getByTestId('erasure').waitFor();
    if (state) {
      await page.goto(`${URL_OF_NORMA}/administration/audit`);
      await page.getByLabel(field('Action')).fill('patient.erase');
      await page.getByRole('link', { name: 'Statement of erasure' }).first().click();
      await page.waitForURL(`${URL_OF_NORMA}/erasures/${id}`);
      await page.getByTestId('erasure').waitFor();
    }
    await page.getByLabel(field('Record number in Norma')).fill('00000000-0000-7000-8000-000000000000');
    await page.keyboard.press('Enter');
    await page.getByText('There is no statement for this number').waitFor();
    tell('a statement is found from the record, from the trail and by its number; of what was not deleted there is none');
    const unexpected = errors.filter((error) => !/status of 4(01|03|04)/.test(error));
    assert.deepEqual(unexpected, []);
    await context.close();
    return id;
  } catch (error) {
    error.page = page;
    throw error;
  }
}
