import { afterEach, describe, expect, it, vi } from 'vitest';

import type { Session } from '@/api/types';

import { loginAddress, mayAs, safeReturn } from './session';

const session = (authentication: 'on' | 'off', roles: Session['user']['roles']): Session => ({
  authentication,
  csrf_token: 'token',
  must_set_password: false,
  password_needs_current: true,
  expires_at: null,
  second_factor: null,
  user: { id: 'u', login: 'anna', display_name: 'Anna', roles },
});

afterEach(() => {
  vi.resetModules();
  delete document.documentElement.dataset['leaving'];
});

describe('the way back', () => {
  it('leads into the page and nowhere else', () => {
    expect(safeReturn('/studies/1?x=2')).toBe('/studies/1?x=2');
    for (const place of [null, '', 'https://elsewhere.example', '//elsewhere.example', '/\\elsewhere.example', 'javascript:alert(1)', '/login?return_to=/login']) {
      expect(safeReturn(place)).toBe('/');
    }
  });

  it('is written into the address of the login page', () => {
    expect(loginAddress('/')).toBe('/login');
    expect(loginAddress('/studies/1', 'expired')).toBe('/login?return_to=%2Fstudies%2F1&reason=expired');
  });
});

describe('roles', () => {
  it('open what one of them may see, and everything without sign-in', () => {
    expect(mayAs(session('on', ['operator']), ['clinician'])).toBe(false);
    expect(mayAs(session('on', ['operator', 'clinician']), ['clinician', 'integrator'])).toBe(true);
    expect(mayAs(session('off', []), ['administrator'])).toBe(true);
  });
});

describe('a session that ends', () => {
  it('empties the page, forgets what the tab kept, and goes to the login page once', async () => {
    const { endSession, keepSession, noteStatus, csrfHeaders, isLeaving } = await import('./session');
    const replace = vi.spyOn(window.location, 'replace').mockImplementation(() => undefined);
    noteStatus(401);
    expect(replace).not.toHaveBeenCalled();
    keepSession(session('on', ['clinician']));
    expect(csrfHeaders()).toEqual({ 'X-CSRF-Token': 'token' });
    window.sessionStorage.setItem('norma-reading-list', '["a"]');
    noteStatus(403);
    expect(isLeaving()).toBe(false);
    noteStatus(401);
    endSession('signed-out');
    expect(replace).toHaveBeenCalledTimes(1);
    expect(replace.mock.calls[0]?.[0]).toContain('/login');
    expect(document.documentElement.dataset['leaving']).toBe('true');
    expect(window.sessionStorage.length).toBe(0);
    expect(csrfHeaders()).toEqual({});
  });

  it('goes on to the issuer where somebody signed in there', async () => {
    const { endSession, keepSession } = await import('./session');
    const replace = vi.spyOn(window.location, 'replace').mockClear().mockImplementation(() => undefined);
    keepSession(session('on', ['clinician']));
    endSession('signed-out', true, 'https://issuer.example/end-session?client_id=norma');
    expect(replace).toHaveBeenCalledExactlyOnceWith('https://issuer.example/end-session?client_id=norma');
  });

  it('does not end where there is no sign-in', async () => {
    const { keepSession, noteStatus, isLeaving } = await import('./session');
    keepSession(session('off', []));
    noteStatus(401);
    expect(isLeaving()).toBe(false);
  });
});
