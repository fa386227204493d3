// What goes over the line: a folder that is dropped, and an upload that is cancelled half way.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { unzipSync } from 'fflate';

import { openPage, URL_OF_NORMA } from './browser.mjs';

/** More than the hundred entries that a browser reads of a folder at a time. */
const FILES = 130;
const HEAVY_BYTES = 30_000_000;
const SLOW_BYTES_PER_S = 2_000_000;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function makeFolder(root) {
  const hashes = new Map();
  for (let number = 0; number < FILES; number += 1) {
    const path = `${number % 2 === 0 ? 'CT' : 'CT/second series'}/Срез ${number}.dcm`;
    const bytes = randomBytes(2_000 + number);
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
    hashes.set(path, sha256(bytes));
  }
  writeFileSync(join(root, 'CT/.DS_Store'), 'left behind by a file manager');
  return hashes;
}

/** Drops a path of this machine as a person does with the mouse. */
async function drop(page, target, path) {
  const { x, y, width, height } = await target.boundingBox();
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop']) {
    await session.send('Input.dispatchDragEvent', { type, x: x + width / 2, y: y + height / 4, data });
  }
  await session.detach();
}

export async function checkTransfers(browser, state, tell) {
  const { context, page, errors } = await openPage(browser, { state });
  const folder = mkdtempSync(join(tmpdir(), 'norma-folder-'));
  const scans = async () => (await (await context.request.get(`${URL_OF_NORMA}/api/scans?limit=1`)).json()).total;
  try {
    const hashes = makeFolder(folder);
    await page.goto(`${URL_OF_NORMA}/upload`);
    await page.getByLabel('Start the analysis after the upload').uncheck({ force: true });
    await drop(page, page.getByTestId('drop-area'), join(folder, 'CT'));
    const dropped = page.locator('[data-testid=upload][data-phase=stored]');
    await dropped.waitFor({ timeout: 60_000 });
    await dropped.getByText(`${FILES} files`).waitFor();
    const link = await dropped.getByRole('link', { name: 'Open the study' }).getAttribute('href');
    const kept = await context.request.get(`${URL_OF_NORMA}/api/scans/${link.split('/').at(-1)}/file`);
    const files = Object.entries(unzipSync(new Uint8Array(await kept.body())));
    assert.deepEqual(new Map(files.map(([path, bytes]) => [path, sha256(bytes)])), hashes);
    tell(`a dropped folder of ${FILES} files is zipped in the browser and stored as it was, without the analysis`);

    const before = await scans();
    const session = await context.newCDPSession(page);
    await session.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: SLOW_BYTES_PER_S,
    });
    const heavy = join(folder, 'heavy.zip');
    writeFileSync(heavy, randomBytes(HEAVY_BYTES));
    await page.getByTestId('file-input').setInputFiles(heavy);
    const sending = page.getByTestId('upload').first();
    await sending.getByText(/Sending: .* of 30/).waitFor();
    await page.waitForFunction(() => Number(document.querySelector('[data-testid=upload] [role=progressbar]')?.getAttribute('aria-valuenow')) > 2);
    await page.getByRole('button', { name: 'Cancel heavy.zip' }).click();
    await page.waitForSelector('[data-testid=upload][data-phase=cancelled]');
    await session.detach();
    await page.getByRole('button', { name: 'Send heavy.zip again' }).waitFor();
    assert.equal(await scans(), before, 'nothing of a cancelled upload is kept');
    tell('an upload is cancelled half way, and nothing of it is kept');

    await page.getByRole('button', { name: 'Remove finished' }).click();
    await page.getByTestId('upload').first().waitFor({ state: 'detached' });
    writeFileSync(join(folder, 'empty.zip'), '');
    await page.getByTestId('file-input').setInputFiles(join(folder, 'empty.zip'));
    const refused = page.locator('[data-testid=upload][data-phase=refused]');
    await refused.getByRole('alert').waitFor();
    const reason = await refused.getByRole('alert').textContent();
    assert.ok(reason.length > 30, 'a refusal says why and what to do');
    tell(`a refusal says why: “${reason}”`);
    const unexpected = errors.filter((error) => !/status of 4\d\d|net::ERR_ABORTED/.test(error));
    assert.deepEqual(unexpected, []);
  } catch (error) {
    error.page = page;
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  await context.close();
}
