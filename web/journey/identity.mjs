// How one comes in: the first start's link, a password, roles, an expired session, the way out.
import assert from 'node:assert/strict';

import { checkAccessible } from './accessible.mjs';
import { openPage, URL_OF_NORMA } from './browser.mjs';

const LINK = process.env.NORMA_SIGN_IN_LINK;
export const PASSWORD = 'a long one for the journey';

/** A field by its whole name; a required one has an asterisk at its end. */
export const field = (name) => new RegExp(`^${name}\\s*\\*?$`);

/** Follows the link, sets the password that it asks for, and ends at the worklist. */
async function followLink(page) {
  await page.goto(LINK);
  await page.getByLabel(field('New password')).waitFor({ timeout: 30_000 });
  assert.ok(!page.url().includes('token'), 'the token leaves the address');
  await page.getByLabel(field('New password')).fill(PASSWORD);
  await page.getByLabel('New password once more').fill(PASSWORD);
  await checkAccessible(page, 'the first password');
  await page.getByRole('button', { name: 'Set the password' }).click();
  await page.getByRole('heading', { name: 'Worklist' }).waitFor();
}

/** Who is signed in, for the pages that follow; null where the gateway asks nobody. */
export async function signIn(browser) {
  if (!LINK) {
    return null;
  }
  const { context, page } = await openPage(browser);
  await followLink(page);
  const storage = await context.storageState();
  await context.close();
  return { storage };
}

/** Makes a passkey of the page's device. */
async function addPasskey(page, name) {
  await page.goto(`${URL_OF_NORMA}/second-factor`);
  await page.getByLabel(field('Name of the new passkey')).fill(name);
  await page.getByTestId('add-passkey').click();
  await page.getByTestId('recovery-codes').waitFor();
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await page.locator(`tr[data-passkey="${name}"]`).waitFor();
}

/** Adds a passkey of a device in software, signs in by it alone and beside the password, and takes it away; the next one is taken
 * away by the administrator, whose page `administrator` is. */
async function usePasskey(browser, administrator) {
  const { context, page } = await openPage(browser);
  const device = await context.newCDPSession(page);
  await device.send('WebAuthn.enable');
  await device.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const signOut = async () => {
    await page.getByTestId('account').click();
    await page.getByTestId('sign-out').click();
    await page.waitForURL(/\/login/);
    await page.getByLabel(field('Login')).waitFor();
  };
  await page.goto(URL_OF_NORMA);
  await typePassword(page, 'night.shift', PASSWORD);
  await page.getByTestId('account').waitFor();
  await addPasskey(page, 'journey');
  await checkAccessible(page, 'the second factor');
  await signOut();
  await checkAccessible(page, 'the login page with passkeys');
  await page.getByTestId('passkey').click();
  await page.getByTestId('account').waitFor();
  await signOut();
  await typePassword(page, 'night.shift', PASSWORD);
  await page.getByTestId('second-step').getByTestId('passkey').click();
  await page.getByTestId('account').waitFor();
  await page.goto(`${URL_OF_NORMA}/second-factor`);
  await page.getByRole('button', { name: 'Remove the passkey journey' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.locator('tr[data-passkey=journey]').waitFor({ state: 'detached' });
  await signOut();
  // The device has it still; nobody gets in by it.
  await page.getByTestId('passkey').click();
  await page.getByTestId('sign-in-error').getByText('does not sign in here').waitFor();
  await typePassword(page, 'night.shift', PASSWORD);
  await page.getByTestId('account').waitFor();

  await addPasskey(page, 'lost phone');
  await administrator.goto(`${URL_OF_NORMA}/administration/people`);
  await administrator.getByRole('button', { name: 'Actions for Night shift' }).click();
  await administrator.getByRole('menuitem', { name: 'Passkeys' }).click();
  await administrator.getByRole('button', { name: 'Remove the passkey lost phone' }).click();
  await administrator.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).last().click();
  await administrator.locator('tr[data-passkey="lost phone"]').waitFor({ state: 'detached' });
  await checkAccessible(administrator, 'the passkeys of a person');
  await administrator.keyboard.press('Escape');
  await page.goto(URL_OF_NORMA);
  await page.waitForURL(/\/login/);
  await context.close();
}

/** What requests beside the page carry when they change something. */
export async function csrfOf(context) {
  const session = await (await context.request.get(`${URL_OF_NORMA}/api/session`)).json();
  return session.csrf_token ? { 'X-CSRF-Token': session.csrf_token } : {};
}

export async function typePassword(page, login, password) {
  await page.getByLabel(field('Login')).fill(login);
  await page.getByLabel(field('Password')).fill(password);
  await page.keyboard.press('Enter');
}

export async function checkIdentity(browser, state, tell, scanId) {
  if (!state) {
    tell('nobody signs in here: authentication is off');
    return;
  }
  const { context, page, errors } = await openPage(browser);
  const keep = async (name, work) => {
    try {
      await work();
      tell(name);
    } catch (error) {
      error.page = page;
      throw error;
    }
  };
  await keep('a link works once, and nobody gets in without signing in', async () => {
    await page.goto(LINK);
    await page.getByTestId('sign-in-error').getByText('does not work any more').waitFor();
    await page.goto(`${URL_OF_NORMA}/studies/${scanId}`);
    await page.waitForURL(/\/login\?return_to=/);
    await page.getByLabel(field('Login')).waitFor();
    await checkAccessible(page, 'the login page');
  });
  await keep('a wrong password is refused, the right one leads to where one wanted to go', async () => {
    await typePassword(page, 'administrator', 'not this one');
    await page.getByTestId('sign-in-error').getByText('Login or password is wrong').waitFor();
    await typePassword(page, 'administrator', PASSWORD);
    await page.waitForURL(new RegExp(`/studies/${scanId}$`));
    await page.waitForSelector(`[data-testid=answer][data-scan="${scanId}"]`);
  });
  await keep('a session that ends takes everything of the patient off the screen, and the way back is kept', async () => {
    const cookies = await context.cookies();
    await context.clearCookies();
    // Any request finds out: here an agreement, which is not kept.
    await page.keyboard.press('a');
    await page.waitForURL(/\/login\?.*reason=expired/, { timeout: 30_000 });
    await page.getByTestId('sign-in-reason').waitFor();
    assert.equal(await page.getByTestId('answer').count(), 0);
    const kept = await page.evaluate(() => Object.keys(window.sessionStorage).filter((key) => key.startsWith('norma')));
    assert.deepEqual(kept, [], 'the tab keeps no list of studies');
    assert.ok(cookies.every(({ httpOnly }) => httpOnly), 'no script reads the session');
    await typePassword(page, 'administrator', PASSWORD);
    await page.waitForSelector(`[data-testid=answer][data-scan="${scanId}"]`);
  });
  await keep('a person is made, comes in by the link, and sees what the role is for', async () => {
    await page.goto(`${URL_OF_NORMA}/administration/people`);
    await page.getByRole('button', { name: 'New person' }).click();
    await page.getByLabel(field('Login')).fill('night.shift');
    await page.getByLabel(field('Name as shown')).fill('Night shift');
    await page.getByLabel('Clinician').uncheck();
    await page.getByLabel('Operator').check();
    await page.getByRole('button', { name: 'Save' }).click();
    const link = await page.getByTestId('sign-in-link').inputValue();
    await checkAccessible(page, 'the sign-in link');
    const other = await openPage(browser);
    await other.page.goto(link);
    await other.page.getByLabel(field('New password')).fill(PASSWORD);
    await other.page.getByLabel('New password once more').fill(PASSWORD);
    await other.page.getByRole('button', { name: 'Set the password' }).click();
    await other.page.getByRole('heading', { name: 'Operation' }).waitFor();
    await other.page.locator('[data-testid=queues] tr[data-stage=anomaly]').waitFor();
    assert.equal(await other.page.getByRole('link', { name: 'Patients' }).count(), 0);
    await other.page.goto(`${URL_OF_NORMA}/studies/${scanId}`);
    await other.page.getByText('This page is not for your roles').waitFor();
    await other.context.close();
    await page.keyboard.press('Escape');
  });
  const { passkey } = await (await fetch(`${URL_OF_NORMA}/api/login-options`)).json();
  if (passkey) {
    await keep('a passkey signs in alone and beside the password, until it is taken away', () => usePasskey(browser, page));
  } else {
    tell('browsers make no passkeys for this address');
  }
  await keep('a key’s secret is shown once, and a revoked key opens nothing', async () => {
    await page.goto(`${URL_OF_NORMA}/administration/keys`);
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByLabel(field('Name')).fill('journey-pacs');
    await page.getByRole('dialog').getByRole('button', { name: 'Create the key' }).click();
    const secret = await page.getByTestId('key-secret').inputValue();
    const asKey = () => fetch(`${URL_OF_NORMA}/api/scans?limit=1`, { headers: { Authorization: `Bearer ${secret}` } });
    assert.equal((await asKey()).status, 200);
    await page.getByRole('button', { name: 'I have copied it' }).click();
    await page.getByTestId('key-secret').waitFor({ state: 'detached' });
    assert.ok(!(await page.content()).includes(secret));
    await page.getByRole('button', { name: 'Revoke journey-pacs' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.locator('tr[data-key=journey-pacs][data-state=revoked]').waitFor();
    assert.equal((await asKey()).status, 401);
  });
  await keep('the audit trail tells who read the report', async () => {
    await page.goto(`${URL_OF_NORMA}/administration/audit`);
    await page.getByLabel(field('Action')).fill('report.read');
    await page.locator('tr[data-action="report.read"]').first().waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll('tbody tr')].every((row) => row.dataset.action === 'report.read'));
    const text = await page.locator('tbody').textContent();
    assert.ok(text.includes('administrator') && text.includes(scanId));
  });
  await keep('signing out ends it in every tab', async () => {
    const second = await context.newPage();
    await second.goto(URL_OF_NORMA);
    await second.getByTestId('account').waitFor();
    await page.getByTestId('account').click();
    await checkAccessible(page, 'the account menu');
    await page.getByTestId('sign-out').click();
    await page.waitForURL(/\/login\?reason=signed-out/);
    await second.waitForURL(/\/login/);
    await second.getByLabel(field('Login')).waitFor();
    await second.goto(`${URL_OF_NORMA}/patients`);
    await second.waitForURL(/\/login\?return_to=%2Fpatients/);
    assert.equal((await context.request.get(`${URL_OF_NORMA}/api/patients`)).status(), 401);
  });
  const unexpected = errors.filter((error) => !/status of 4\d\d|ERR_ABORTED/.test(error));
  assert.deepEqual(unexpected, [], 'the page logs no errors');
  await context.close();
}
