// axe in the page: what keeps people with a screen reader, a keyboard or weak eyes out.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Until nothing fades or slides any more: text that is half there has no contrast. What turns for ever is not waited for. */
async function standStill(page) {
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const ending = () => document.getAnimations().filter(({ effect }) => Number.isFinite(effect?.getComputedTiming().endTime));
    // A transition begins a frame or two after what it shows is there.
    for (let still = 0; still < 3; still += 1) {
      await frame();
      const moving = ending();
      if (moving.length > 0) {
        still = 0;
        await Promise.allSettled(moving.map(({ finished }) => finished));
      }
    }
  });
}

/** No serious or critical finding of axe on the page as it stands. */
export async function checkAccessible(page, name) {
  await standStill(page);
  // By the debugger's door: the page's content policy lets no other script in.
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => window.axe.run(document));
  assert.ok(passes.length > 5, `axe has looked at ${name}`);
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ target }) => target.join(' ')).join(' | ')}`);
  assert.deepEqual(told, [], `axe on ${name}`);
}
