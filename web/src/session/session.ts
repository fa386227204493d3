import type { Role, Session } from '@/api/types';

/** Who is signed in, as the gateway told it last; the page's requests carry its token. */
let session: Session | null = null;
let leaving = false;

/** Other tabs of this browser hear that the session has ended. */
const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('norma-session');

export type EndReason = 'expired' | 'signed-out';

export const LOGIN_PATH = '/login';

/** A place within the page, or the first page: an address that comes from outside leads nowhere else. */
export function safeReturn(place: string | null): string {
  if (!place || !/^\/(?![/\\])/.test(place) || place.startsWith(LOGIN_PATH)) {
    return '/';
  }
  return place;
}

export function loginAddress(place: string, reason?: EndReason): string {
  const query = new URLSearchParams();
  if (safeReturn(place) !== '/') {
    query.set('return_to', place);
  }
  if (reason) {
    query.set('reason', reason);
  }
  const text = query.toString();
  return text ? `${LOGIN_PATH}?${text}` : LOGIN_PATH;
}

export function keepSession(next: Session): void {
  session = next;
}

/** The session as it was told last; none before the first answer. */
export const currentSession = (): Session | null => session;

/** What unsafe requests carry so that no other site can make them. */
export const csrfHeaders = (): Record<string, string> => (session?.csrf_token ? { 'X-CSRF-Token': session.csrf_token } : {});

/** The page is on its way out: nothing that it holds is worth a question any more. */
export const isLeaving = (): boolean => leaving;

/**
 * Leaves at once by loading the login page anew: what the page has on the screen and in memory of any patient goes
 * with it. After an expiry the login page knows the way back. `continueAt` is where to go instead.
 */
export function endSession(reason: EndReason, tellOthers = true, continueAt?: string): void {
  if (leaving) {
    return;
  }
  leaving = true;
  session = null;
  document.documentElement.dataset['leaving'] = 'true';
  try {
    window.sessionStorage.clear();
  } catch {
    // There was nothing in it.
  }
  if (tellOthers) {
    channel?.postMessage(reason);
  }
  const { pathname, search } = window.location;
  // Who signed in at an organisation's issuer signs out there too, and comes back to the login page.
  window.location.replace(continueAt ?? loginAddress(reason === 'expired' ? pathname + search : '/', reason));
}

/** Looks at every answer: a refusal for want of a session ends the one that was held. */
export function noteStatus(status: number): void {
  if (status === 401 && session && session.authentication === 'on') {
    endSession('expired');
  }
}

channel?.addEventListener('message', (event: MessageEvent<EndReason>) => {
  if (session) {
    endSession(event.data, false);
  }
});

window.addEventListener('pageshow', (event) => {
  // A page that the browser had put aside may be older than its session.
  if (event.persisted) {
    window.location.reload();
  }
});

/** Whether one of the roles is held. Without sign-in everything is open. */
export const mayAs = (held: Session, roles: readonly Role[]): boolean =>
  held.authentication === 'off' || roles.some((role) => held.user.roles.includes(role));
