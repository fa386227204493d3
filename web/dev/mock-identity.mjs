// The stand-in's people, keys and audit trail. Made up: a cookie says who is signed in, passwords lie open.
import { randomUUID } from 'node:crypto';

const now = () => new Date().toISOString();
const ago = (hours) => new Date(Date.now() - hours * 3_600_000).toISOString();
const person = (login, display_name, roles, more = {}) => ({
  id: randomUUID(), login, display_name, roles, disabled: false, has_password: true, sign_in: 'password', created_at: ago(900), updated_at: ago(50), last_sign_in_at: ago(3), ...more,
});
const users = [
  person('admin', 'Administrator', ['clinician', 'operator', 'administrator']),
  person('a.petrova', 'Анна Петрова', ['clinician']),
  person('ops', 'Night shift', ['operator'], { last_sign_in_at: ago(30) }),
  person('j.carter', 'John Carter', ['clinician', 'administrator'], { sign_in: 'openid', has_password: false }),
  person('new.reader', 'New Reader', ['clinician'], { sign_in: 'none', has_password: false, last_sign_in_at: null }),
  person('left', 'Left last year', ['clinician'], { disabled: true }),
];
const key = (name, roles, more = {}) => ({
  id: randomUUID(), name, scope: name, roles, prefix: `nrm_${name.slice(0, 4)}`, created_by: 'admin', created_at: ago(400), expires_at: ago(-4000), last_used_at: ago(1), revoked_at: null, ...more,
});
const keys = [key('pacs-router', ['integrator']), key('research-script', ['integrator'], { last_used_at: null }), key('old-gateway', ['integrator'], { revoked_at: ago(200) })];
const ACTIONS = ['report.read', 'scan.read', 'sign_in', 'patient.read', 'scan.create', 'key.create', 'sign_in', 'patient.delete'];
const trail = Array.from({ length: 63 }, (_, index) => ({
  sequence: 63 - index, at: ago(index * 0.7), action: ACTIONS[index % ACTIONS.length], outcome: index % 7 === 6 ? 'refused' : 'success',
  actor: index % 7 === 6 ? { kind: 'anonymous', id: null, name: null } : index % 5 === 0 ? { kind: 'key', id: keys[0].id, name: 'pacs-router' } : { kind: 'user', id: users[index % 2].id, name: users[index % 2].login },
  source_address: `10.2.0.${10 + (index % 5)}`, object_kind: index % 3 === 0 ? 'scan' : null, object_id: index % 3 === 0 ? randomUUID() : null,
  patient_id: index % 4 === 0 ? randomUUID() : null, scan_id: null, status: index % 7 === 6 ? 401 : 200, detail: null, hash: 'ab'.repeat(32),
}));
const passwords = new Map(users.map(({ id }) => [id, 'correct horse']));
const sessions = new Map();
const links = new Map([['first', users[4].id]]);

const cookieOf = (request) => /norma_mock=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1];
const documentOf = ({ user, csrf, fresh }) => ({
  user: { id: user.id, login: user.login, display_name: user.display_name, roles: user.roles }, csrf_token: csrf, authentication: 'on',
  must_set_password: Boolean(fresh), password_needs_current: !fresh, expires_at: ago(-8),
});

/** Answers what belongs to identity; says false where it does not. `tools`: the stand-in's own ways to answer. */
export async function answerIdentity(request, response, url, { sendJson, problem, page, bodyOf }) {
  const path = url.pathname;
  const parts = path.split('/').filter(Boolean);
  if (!path.startsWith('/api/')) return false;
  const open = (user, fresh) => {
    const id = randomUUID();
    const session = { user, csrf: randomUUID(), fresh };
    sessions.set(id, session);
    response.setHeader('Set-Cookie', `norma_mock=${id}; Path=/; HttpOnly; SameSite=Lax`);
    sendJson(response, 200, documentOf(session));
  };
  const body = async () => JSON.parse((await bodyOf(request)).toString() || '{}');
  if (path === '/api/login-options') return sendJson(response, 200, { authentication: 'on', password: true, openid: { name: 'Hospital SSO' } });
  if (path === '/api/session' && request.method === 'POST') {
    const { login, password } = await body();
    const user = users.find((one) => one.login === login);
    if (password === 'again') {
      response.setHeader('Retry-After', '12');
      return problem(response, 429, 'too_many_attempts');
    }
    return user && passwords.get(user.id) === password ? open(user) : problem(response, 401, 'wrong_credentials');
  }
  if (path === '/api/session/token') {
    const { token } = await body();
    const user = users.find(({ id }) => id === links.get(token));
    return user ? open(user, true) : problem(response, 401, 'sign_in_link_invalid');
  }
  const session = sessions.get(cookieOf(request));
  if (!session) return problem(response, 401, 'not_authenticated');
  if (request.method !== 'GET' && request.headers['x-csrf-token'] !== session.csrf) return problem(response, 403, 'csrf_token_missing');
  if (path === '/api/session' && request.method === 'DELETE') {
    sessions.delete(cookieOf(request));
    return response.writeHead(204).end();
  }
  if (path === '/api/session') return sendJson(response, 200, documentOf(session));
  if (path === '/api/session/password') {
    const { current_password, new_password } = await body();
    if (!session.fresh && current_password !== passwords.get(session.user.id)) return problem(response, 403, 'wrong_current_password');
    if (new_password.length < 12) return problem(response, 422, 'password_too_weak');
    passwords.set(session.user.id, new_password);
    return open(session.user);
  }
  if (parts[1] === 'users') {
    const user = users.find(({ id }) => id === parts[2]);
    if (parts[3] === 'sign-in-link') {
      const token = randomUUID();
      links.set(token, user.id);
      return sendJson(response, 201, { link: `/login#token=${token}`, expires_at: ago(-24) });
    }
    if (!parts[2] && request.method === 'POST') {
      const input = await body();
      if (users.some(({ login }) => login === input.login)) return problem(response, 409, 'login_taken');
      users.push(person(input.login, input.display_name, input.roles, { sign_in: 'none', has_password: false, created_at: now(), last_sign_in_at: null }));
      return sendJson(response, 201, users.at(-1));
    }
    if (!parts[2]) return sendJson(response, 200, page(users, url));
    if (request.method === 'PUT') Object.assign(user, await body());
    if (request.method === 'DELETE') {
      users.splice(users.indexOf(user), 1);
      return response.writeHead(204).end();
    }
    return sendJson(response, 200, user);
  }
  if (parts[1] === 'keys') {
    if (request.method === 'POST') {
      const { name, roles, scope, expires_in_days } = await body();
      keys.unshift(key(name, roles, { scope: scope ?? name, created_at: now(), last_used_at: null, expires_at: expires_in_days ? ago(-24 * expires_in_days) : null }));
      return sendJson(response, 201, { key: keys[0], secret: `nrm_${randomUUID().replaceAll('-', '')}` });
    }
    if (request.method === 'DELETE') {
      keys.find(({ id }) => id === parts[2]).revoked_at = now();
      return response.writeHead(204).end();
    }
    return sendJson(response, 200, page(keys, url));
  }
  if (path === '/api/audit') {
    const fits = (event) => (!url.searchParams.get('action') || event.action.includes(url.searchParams.get('action'))) && (!url.searchParams.get('user') || event.actor.name === url.searchParams.get('user'));
    return sendJson(response, 200, page(trail.filter(fits), url));
  }
  return false;
}
