import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it, vi } from 'vitest';

import i18next from '@/i18n/i18n';

import { SignIn } from './components/SignIn';

/** A session of long ago whose account must set a second factor up. */
const wire = vi.hoisted(() => {
  const state = { verified: false, sent: [] as string[] };
  const json = (status: number, body: object): Response => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
  const session = {
    user: { login: 'anna', display_name: 'Anna', roles: ['administrator'] },
    authentication: 'on',
    must_set_password: false,
    second_factor: { is_set: false, must_set: true, is_offered: true },
  };
  const answer = (what: string): Response => {
    switch (what) {
      case 'GET /api/login-options':
        return json(200, { authentication: 'on', password: true, passkey: false, openid: null });
      case 'GET /api/session':
        return json(200, session);
      case 'POST /api/session/verification':
        state.verified = true;
        return json(200, session);
      case 'POST /api/session/second-factor':
        return state.verified ? json(200, { secret: 'GEZDGNBVGY3TQOJQ', url: '', qr_svg: '<svg/>' }) : json(403, { code: 'verification_required', detail: '' });
      default:
        throw new Error(what);
    }
  };
  vi.stubGlobal('fetch', (request: Request) => {
    const what = `${request.method} ${new URL(request.url).pathname}`;
    state.sent.push(what);
    return Promise.resolve(answer(what));
  });
  return state;
});

beforeEach(() => i18next.changeLanguage('en'));

it('asks again who it is before the second factor that an old session must set up', async () => {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MantineProvider>
        <SignIn returnTo="/" reason={null} problem={null} onSignedIn={() => undefined} />
      </MantineProvider>
    </QueryClientProvider>,
  );
  await userEvent.type(await screen.findByLabelText(/^Password/), 'correct horse');
  expect(screen.queryByTestId('second-factor-secret')).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: i18next.t('verification.submit') }));
  expect((await screen.findByTestId<HTMLInputElement>('second-factor-secret')).value).toBe('GEZDGNBVGY3TQOJQ');
  expect(wire.sent.filter((what) => what === 'POST /api/session/verification')).toHaveLength(1);
});
