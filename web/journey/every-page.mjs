// Every page in both languages: it opens by its address, axe finds nothing serious, no text is missing, and nothing
// reaches beyond the window.
import assert from 'node:assert/strict';

import { checkAccessible } from './accessible.mjs';
import { openPage, URL_OF_NORMA } from './browser.mjs';

/** `pages`: [name, path, what shows that it stands]. */
export async function checkEveryPage(browser, state, tell, pages) {
  for (const [language, scheme, width, height] of [
    ['en', 'light', 1440, 900],
    ['ru', 'dark', 1024, 768],
  ]) {
    const { context, page, errors } = await openPage(browser, { state, language, scheme, width, height });
    for (const [name, path, selector] of pages) {
      try {
        await page.goto(URL_OF_NORMA + path);
        await page.waitForSelector(selector, { timeout: 60_000 });
        assert.equal(await page.getAttribute('html', 'lang'), language);
        const text = await page.evaluate(() => {
          const copy = document.body.cloneNode(true);
          // Names of actions and the like look as keys do.
          copy.querySelectorAll('code, script, style').forEach((element) => element.remove());
          return copy.textContent;
        });
        // A key in the place of its words, or a placeholder that nothing filled.
        assert.doesNotMatch(text, /\{\{|\b(app|common|worklist|study|answer|users|keys|audit|deliveries|site|operator|personalData|session)\.[a-z]\w+/, name);
        if (language === 'ru') {
          assert.match(text, /[а-яё]{4}/i, name);
        }
        const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(beyond <= 0, `${name} is ${beyond} px too wide at ${width} px`);
        await checkAccessible(page, `${name} (${language}, ${scheme})`);
      } catch (error) {
        error.page = page;
        throw error;
      }
    }
    const unexpected = errors.filter((error) => !/status of 4(01|04|09|22)/.test(error));
    assert.deepEqual(unexpected, [], `${language}: the pages log no errors`);
    await context.close();
    tell(`${pages.length} pages open by their address and pass axe (${language}, ${scheme}, ${width} px)`);
  }
}
