import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import i18next from '@/i18n/i18n';

import { SignInForm } from './components/SignInForm';

/** What is sent goes here: the client takes the browser's `fetch` when it is loaded. */
const wire = vi.hoisted(() => {
  const answers: Response[] = [];
  const sent: unknown[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    sent.push(await request.json());
    return answers.shift();
  });
  return { answers, sent };
});

const problem = (status: number, code: string, allowed?: string[]): Response =>
  new Response(JSON.stringify({ code, detail: '', allowed }), { status, headers: { 'Content-Type': 'application/problem+json' } });
const session = (): Response =>
  new Response(JSON.stringify({ user: { login: 'anna', display_name: 'Anna', roles: [] }, authentication: 'on' }), {
    status: 200,
    headers: { 'Content-Type': 'application/json' },
  });

const challenge = (): Response =>
  new Response(JSON.stringify({ options: { challenge: 'AA' }, expires_at: '' }), { status: 200, headers: { 'Content-Type': 'application/json' } });

/** A device that holds a passkey. */
class Given {
  static parseRequestOptionsFromJSON = (options: unknown): unknown => options;
  toJSON = (): unknown => ({ rawId: 'passkey' });
}

function show(answers: Response[], passkey = false): void {
  wire.sent.length = 0;
  wire.answers.splice(0, wire.answers.length, ...answers);
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MantineProvider>
        <SignInForm password openid={null} passkey={passkey} returnTo="/" />
      </MantineProvider>
    </QueryClientProvider>,
  );
}

async function typePassword(): Promise<void> {
  await userEvent.type(screen.getByLabelText(/^Login/), 'anna');
  await userEvent.type(screen.getByLabelText(/^Password/), 'correct horse');
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
}

beforeEach(() => i18next.changeLanguage('en'));
afterEach(() => {
  vi.stubGlobal('PublicKeyCredential', undefined);
  document.body.replaceChildren();
});

it('asks for the code after a right password, and again after a wrong one, without asking for the password', async () => {
  show([problem(403, 'second_factor_required'), problem(403, 'wrong_code'), session()]);
  await typePassword();
  const code = await screen.findByLabelText(/^Code/);
  expect(screen.queryByTestId('sign-in-error')).toBeNull();
  await userEvent.type(code, '000000');
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  expect((await screen.findByTestId('sign-in-error')).textContent).toContain('The code is not right');
  await userEvent.type(screen.getByLabelText(/^Code/), '123456');
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  await vi.waitFor(() => expect(wire.sent).toHaveLength(3));
  const withPassword = { login: 'anna', password: 'correct horse' };
  expect(wire.sent).toEqual([
    { ...withPassword, code: null },
    { ...withPassword, code: '000000' },
    { ...withPassword, code: '123456' },
  ]);
});

it('asks for no code after a wrong password, and the way back forgets the password', async () => {
  show([problem(401, 'wrong_credentials'), problem(403, 'second_factor_required')]);
  await typePassword();
  await screen.findByTestId('sign-in-error');
  expect(screen.queryByLabelText(/^Code/)).toBeNull();
  await userEvent.type(screen.getByLabelText(/^Password/), 'correct horse');
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  await screen.findByLabelText(/^Code/);
  await userEvent.click(screen.getByRole('button', { name: 'Back' }));
  expect(screen.getByLabelText<HTMLInputElement>(/^Password/).value).toBe('');
});

it('takes a passkey for the second step where the account has one, and alone where nothing was typed', async () => {
  vi.stubGlobal('PublicKeyCredential', Given);
  Object.defineProperty(navigator, 'credentials', { configurable: true, value: { get: () => Promise.resolve(new Given()) } });
  show([problem(403, 'second_factor_required', ['code', 'passkey']), challenge(), session()]);
  await typePassword();
  await userEvent.click(await screen.findByRole('button', { name: 'Use a passkey' }));
  await vi.waitFor(() => expect(wire.sent).toHaveLength(3));
  expect(wire.sent.slice(1)).toEqual([{ login: 'anna', password: 'correct horse' }, { credential: { rawId: 'passkey' } }]);
  document.body.replaceChildren();
  show([challenge(), problem(403, 'wrong_passkey')], true);
  await userEvent.click(screen.getByRole('button', { name: 'Sign in with a passkey' }));
  expect((await screen.findByTestId('sign-in-error')).textContent).toContain('does not sign in here');
  expect(wire.sent).toEqual([{}, { credential: { rawId: 'passkey' } }]);
});

it('offers no passkey where the browser makes none or the account has none', async () => {
  show([problem(403, 'second_factor_required', ['code'])], true);
  expect(screen.queryByTestId('passkey')).toBeNull();
  vi.stubGlobal('PublicKeyCredential', Given);
  await typePassword();
  await screen.findByLabelText(/^Code/);
  expect(screen.queryByTestId('passkey')).toBeNull();
});
