// axe in the page: what keeps people with a screen reader, a keyboard or weak eyes out.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** No serious or critical finding of axe on the page as it stands. */
export async function checkAccessible(page, name) {
  // By the debugger's door: the page's content policy lets no other script in.
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => window.axe.run(document));
  assert.ok(passes.length > 5, `axe has looked at ${name}`);
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ target }) => target.join(' ')).join(' | ')}`);
  assert.deepEqual(told, [], `axe on ${name}`);
}
