/**
 * The one-time token of a sign-in link, `/login#token=…`. It stands behind the # so that it reaches no server's log;
 * it is taken out of the address at once, so that neither history nor a picture of the screen keeps it.
 */
export function takeToken(): string | null {
  const token = new URLSearchParams(window.location.hash.slice(1)).get('token');
  if (token) {
    window.history.replaceState(window.history.state, '', window.location.pathname + window.location.search);
  }
  return token;
}
