// The stand-in's people, keys and audit trail. Made up: a cookie says who is signed in, passwords lie open.
import { randomUUID } from 'node:crypto';

const now = () => new Date().toISOString();
const ago = (hours) => new Date(Date.now() - hours * 3_600_000).toISOString();
const person = (login, display_name, roles, more = {}) => ({
  id: randomUUID(), login, display_name, roles, disabled: false, has_password: true, has_second_factor: false, sign_in: 'password', created_at: ago(900), updated_at: ago(50), last_sign_in_at: ago(3), ...more,
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
  id: randomUUID(), name, scope: name, roles, prefix: `nrm_${name.slice(0, 4)}`, created_by: 'admin', created_at: ago(400), expires_at: ago(-4000), last_used_at: ago(1), revoked_at: null, made_by_user: null, awaits_confirmation: false, confirmed_by: null, confirmed_at: null, allowed_addresses: [], ...more,
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
  second_factor: user.sign_in === 'openid' ? null : { is_set: user.has_second_factor, must_set: false, is_offered: true },
});

/** The one code that is right here. */
const CODE = '123456';
const refusalOf = (user, code) => (!user.has_second_factor || code === CODE ? null : code ? 'wrong_code' : 'second_factor_required');
const recoveryCodes = () => Array.from({ length: 10 }, () => randomUUID().replaceAll('-', '').slice(0, 24).match(/.{4}/g).join('-'));
/** Looks like one; holds nothing. */
const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 33 33"><rect width="33" height="33" fill="#fff"/>${Array.from({ length: 400 }, (_, at) => `<rect x="${4 + ((at * 7) % 25)}" y="${4 + ((at * 11) % 25)}" width="1" height="1"/>`).filter((_, at) => at % 3).join('')}</svg>`;

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
  if (path === '/api/login-options') return sendJson(response, 200, { authentication: 'on', password: true, passkey: true, openid: { name: 'Hospital SSO' } });
  if (path === '/api/session' && request.method === 'POST') {
    const { login, password, code } = await body();
    const user = users.find((one) => one.login === login);
    if (password === 'again') {
      response.setHeader('Retry-After', '12');
      return problem(response, 429, 'too_many_attempts');
    }
    if (!user || passwords.get(user.id) !== password) return problem(response, 401, 'wrong_credentials');
    const refusal = refusalOf(user, code);
    return refusal ? problem(response, 403, refusal) : open(user);
  }
  if (path === '/api/session/token') {
    const { token, code } = await body();
    const user = users.find(({ id }) => id === links.get(token));
    const refusal = user && refusalOf(user, code);
    if (refusal) return problem(response, 403, refusal);
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
  if (path === '/api/session/verification') {
    const { password, code } = await body();
    if (password !== passwords.get(session.user.id)) return problem(response, 403, 'wrong_current_password');
    const refusal = refusalOf(session.user, code);
    if (refusal) return problem(response, 403, refusal);
    session.verified = true;
    return sendJson(response, 200, documentOf(session));
  }
  if (path === '/api/session/passkeys') {
    return sendJson(response, 200, {
      is_offered: true,
      items: session.user.has_second_factor
        ? [
            { id: randomUUID(), name: 'Laptop', is_synced: false, created_at: ago(200), last_used_at: ago(3) },
            { id: randomUUID(), name: 'Phone', is_synced: true, created_at: ago(100), last_used_at: null },
          ]
        : [],
    });
  }
  if (path === '/api/session/recovery-codes') return sendJson(response, 200, { recovery_codes: recoveryCodes() });
  if (path === '/api/session/second-factor') {
    const { user } = session;
    if (request.method === 'GET') {
      return sendJson(response, 200, { since: user.has_second_factor ? ago(30) : null, recovery_codes_left: user.has_second_factor ? 9 : 0, is_required: false, is_offered: true });
    }
    if (request.method === 'POST') {
      const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
      return sendJson(response, 200, { secret, url: `otpauth://totp/Norma:${user.login}?secret=${secret}&issuer=Norma`, qr_svg: PICTURE });
    }
    if (request.method === 'PUT') {
      if ((await body()).code !== CODE) return problem(response, 403, 'wrong_code');
      user.has_second_factor = true;
      return sendJson(response, 200, { recovery_codes: recoveryCodes() });
    }
    user.has_second_factor = false;
    return response.writeHead(204).end();
  }
  if (path === '/api/session/password') {
    const { current_password, new_password } = await body();
    if (!session.fresh && current_password !== passwords.get(session.user.id)) return problem(response, 403, 'wrong_current_password');
    if (new_password.length < 12) return problem(response, 422, 'password_too_weak');
    passwords.set(session.user.id, new_password);
    return open(session.user);
  }
  if (parts[1] === 'users') {
    const user = users.find(({ id }) => id === parts[2]);
    if (parts[3] === 'second-factor') {
      user.has_second_factor = false;
      return response.writeHead(204).end();
    }
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
      const { name, roles, scope, expires_in_days, allowed_addresses } = await body();
      // Each session is asked once.
      if (!session.verified) return problem(response, 403, 'verification_required');
      keys.unshift(key(name, roles, { allowed_addresses, scope: scope ?? name, created_at: now(), last_used_at: null, expires_at: expires_in_days ? ago(-24 * expires_in_days) : null }));
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
