// What the page says when something is wrong: a lost connection, and an error in the place of an answer.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';

import { openPage, URL_OF_NORMA } from './browser.mjs';
import { csrfOf } from './identity.mjs';

/** A line to the gateway that can be cut, under the gateway's own name: sessions are that name's alone. */
async function cuttableLine() {
  const gateway = new URL(URL_OF_NORMA);
  const sockets = new Set();
  const server = createServer((near) => {
    const far = connect(Number(gateway.port || 80), gateway.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  const listen = (port) => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address();
  const cut = () =>
    new Promise((resolve) => {
      server.close(resolve);
      sockets.forEach((socket) => socket.destroy());
    });
  return { url: `http://${gateway.hostname}:${port}`, cut, mend: () => listen(port) };
}

/** The line goes and comes back; the page says both, and fetches what it has missed. */
export async function checkLostConnection(browser, state, tell) {
  const line = await cuttableLine();
  const { context, page } = await openPage(browser, { state });
  try {
    await page.goto(line.url);
    await page.waitForSelector('[data-connection=live]');
    const last = await page.locator('tbody tr').count();
    assert.ok(last > 0);
    await line.cut();
    await page.getByTestId('connection-lost').waitFor({ timeout: 10_000 });
    await page.getByText('What is shown may be out of date').waitFor();
    const name = `Meanwhile${Date.now() % 100_000}`;
    const created = await context.request.post(`${URL_OF_NORMA}/api/scans`, {
      headers: await csrfOf(context),
      multipart: { description: name, file: { name: 'meanwhile.zip', mimeType: 'application/zip', buffer: Buffer.from(name) } },
    });
    assert.equal(created.status(), 201);
    await line.mend();
    await page.getByTestId('connection-lost').waitFor({ state: 'detached', timeout: 20_000 });
    await page.getByText(name).waitFor();
    tell('a lost connection is said, and what happened meanwhile is there once it is back');
  } catch (error) {
    error.page = page;
    throw error;
  }
  await context.close();
  await line.cut();
}

/** Whatever fails for the second study, nothing of the first one's answer stays. */
export async function checkNoOldAnswer(browser, state, tell, one, two) {
  const { context, page } = await openPage(browser, { state });
  const reportOf = async (id) => (await context.request.get(`${URL_OF_NORMA}/api/scans/${id}/report`)).json();
  const [first, second] = [await reportOf(one), await reportOf(two)];
  const pattern = `**/api/scans/${two}/report`;
  const failures = {
    'an error of the gateway': (route) =>
      route.fulfill({ status: 500, contentType: 'application/problem+json', body: '{"code":"internal","status":500}' }),
    'a line that breaks': (route) => route.abort('connectionreset'),
    'an answer that is no JSON': (route) => route.fulfill({ status: 200, contentType: 'text/html', body: '<p>proxy</p>' }),
    'the report of another study': (route) => route.fulfill({ status: 200, json: first }),
    'a failed analysis': (route) =>
      route.fulfill({
        status: 422,
        contentType: 'application/problem+json',
        json: { code: 'analysis_failed', status: 422, reason: { code: 'no_lungs', message: 'no lungs' } },
      }),
  };
  try {
    for (const [name, fail] of Object.entries(failures)) {
      await page.unroute(pattern);
      await page.goto(URL_OF_NORMA);
      await page.locator(`tr[data-scan="${one}"] a`).waitFor();
      await page.route(pattern, fail);
      await page.locator(`tr[data-scan="${one}"] a`).click();
      await page.waitForSelector(`[data-testid=answer][data-scan="${one}"]`);
      await page.evaluate((id) => {
        window.history.pushState(null, '', `/studies/${id}`);
        window.dispatchEvent(new PopStateEvent('popstate'));
      }, two);
      await page.waitForSelector(`[data-scan="${two}"]`);
      const shown = page.locator('aside [role=alert], aside [data-testid=analysis-failed]');
      await shown.first().waitFor({ timeout: 30_000 });
      assert.equal(await page.getByTestId('answer').count(), 0, `${name}: no answer`);
      assert.equal(await page.getByTestId('verdict-sentence').count(), 0, `${name}: no sentence`);
      assert.equal(await page.getByTestId('feedback').count(), 0, `${name}: nothing to agree with`);
      const text = await page.locator('main').textContent();
      assert.ok(!text.includes(first.analysis_id), name);
      assert.ok(!/Norm:|Pathology is/.test(text), name);
    }
    tell(`${Object.keys(failures).length} kinds of error for the next study leave nothing of the one before`);

    // The picture, too: slices that do not come are said over the pane, and no other study's slice stays.
    await page.unroute(pattern);
    await page.route(`**/api/scans/${two}/slices/**`, (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
    await page.goto(`${URL_OF_NORMA}/studies/${one}`);
    await page.waitForSelector('[data-pane=axial][data-state=shown]', { timeout: 60_000 });
    await page.goto(`${URL_OF_NORMA}/studies/${two}`);
    await page.waitForSelector(`[data-testid=answer][data-scan="${two}"]`);
    await page.locator('[data-pane=axial] [role=alert], [data-pane=axial][data-state=error]').first().waitFor({ timeout: 60_000 });
    assert.equal(await page.locator('[data-pane=axial][data-state=shown]').count(), 0);
    assert.equal(second.scan_id, two);
    tell('slices that do not come are said where the picture would be');
  } catch (error) {
    error.page = page;
    throw error;
  }
  await context.close();
}
