import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { ListedSession } from '@/api/types';
import i18next from '@/i18n/i18n';

import { SessionList } from './SessionList';

const session = (part: Partial<ListedSession>): ListedSession => ({
  id: 's1',
  is_current: false,
  began_by: 'password',
  browser: 'Firefox',
  system: 'Windows',
  address: '192.0.2.7',
  created_at: '2026-11-27T08:00:00Z',
  last_used_at: '2026-11-27T09:30:00Z',
  expires_at: '2026-11-28T08:00:00Z',
  ...part,
});

function show(userId: string | null, items: ListedSession[]): void {
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  queries.setQueryData(['sessions', userId], { items });
  render(
    <QueryClientProvider client={queries}>
      <MantineProvider>
        <SessionList userId={userId} />
      </MantineProvider>
    </QueryClientProvider>,
  );
}

const button = (name: string): HTMLButtonElement => screen.getByRole('button', { name });

beforeEach(() => i18next.changeLanguage('en'));
afterEach(() => {
  document.body.replaceChildren();
});

it('names browser, system and address, and ends every session but the one that asks', () => {
  show(null, [session({ id: 'own', is_current: true }), session({ browser: 'Chrome', system: 'Android', began_by: 'openid' })]);
  expect(screen.getByText('Firefox on Windows')).toBeTruthy();
  expect(screen.getByText('this one')).toBeTruthy();
  expect(screen.getByText('at the organisation')).toBeTruthy();
  expect(button('End the session of Chrome on Android, 192.0.2.7')).toBeTruthy();
  expect(screen.queryByRole('button', { name: /of Firefox/ })).toBeNull();
  expect(button('End all others').disabled).toBe(false);
});

it('offers no end where there is no other session', () => {
  show(null, [session({ is_current: true })]);
  expect(button('End all others').disabled).toBe(true);
});

it('says what is not known, in Russian too', async () => {
  await i18next.changeLanguage('ru');
  show('u1', [session({ browser: null, system: null, address: null, began_by: 'link' })]);
  expect(screen.getByText('Неизвестный браузер')).toBeTruthy();
  expect(screen.getByText('по ссылке для входа')).toBeTruthy();
  expect(button('Завершить все').disabled).toBe(false);
});
