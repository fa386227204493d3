-- People, their sessions, machines' keys, and the trail of who did what. No secret is stored, only hashes: SHA-256 of
-- tokens of 256 random bits, Argon2id of passwords.

CREATE TABLE users (
    id              blob PRIMARY KEY NOT NULL,
    -- Folded to lower case by the application.
    login           text NOT NULL,
    display_name    text NOT NULL,
    -- Words with blanks between them.
    roles           text NOT NULL,
    -- Argon2id in the PHC string format; none until the first password is set, and for accounts of OpenID Connect.
    password_hash   text,
    openid_issuer   text,
    openid_subject  text,
    disabled        boolean NOT NULL,
    created_at      text NOT NULL,
    updated_at      text NOT NULL,
    last_sign_in_at text,
    CONSTRAINT users_login UNIQUE (login),
    CONSTRAINT users_openid UNIQUE (openid_issuer, openid_subject),
    CHECK ((openid_issuer IS NULL) = (openid_subject IS NULL))
);

CREATE TABLE sessions (
    token_hash   blob PRIMARY KEY NOT NULL,
    user_id      blob NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method       text NOT NULL CHECK (method IN ('password', 'link', 'openid')),
    created_at   text NOT NULL,
    last_seen_at text NOT NULL,
    expires_at   text NOT NULL
);

CREATE INDEX sessions_user ON sessions (user_id);

-- Links that sign in once: first start, invitation, a forgotten password.
CREATE TABLE one_time_tokens (
    token_hash  blob PRIMARY KEY NOT NULL,
    user_id     blob NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at  text NOT NULL,
    expires_at  text NOT NULL,
    redeemed_at text
);

CREATE INDEX one_time_tokens_user ON one_time_tokens (user_id);

-- Failed sign-ins by SHA-256 of the login, whether or not there is such an account.
CREATE TABLE sign_in_failures (
    subject_hash  blob PRIMARY KEY NOT NULL,
    failures      integer NOT NULL,
    blocked_until text NOT NULL
);

-- Sign-ins by OpenID Connect under way.
CREATE TABLE openid_attempts (
    state_hash    blob PRIMARY KEY NOT NULL,
    nonce         text NOT NULL,
    pkce_verifier text NOT NULL,
    return_to     text NOT NULL,
    expires_at    text NOT NULL
);

CREATE TABLE api_keys (
    id           blob PRIMARY KEY NOT NULL,
    name         text NOT NULL,
    -- Whose studies a key of the role integrator sees: keys of one scope share them.
    scope        text NOT NULL,
    roles        text NOT NULL,
    secret_hash  blob NOT NULL UNIQUE,
    -- The first characters of the secret, to recognise it by.
    prefix       text NOT NULL,
    created_by   text NOT NULL,
    created_at   text NOT NULL,
    expires_at   text,
    last_used_at text,
    revoked_at   text
);

-- Who uploaded: `user:{id}` or `key:{scope}`; none for scans from before this migration.
ALTER TABLE scans ADD COLUMN owner text;
CREATE INDEX scans_owner ON scans (owner, id);

ALTER TABLE feedback ADD COLUMN user_id blob;

-- Append-only: a trigger refuses every change. Each row holds a hash over itself and the hash of the row before it.
CREATE TABLE audit_events (
    sequence       bigint PRIMARY KEY NOT NULL CHECK (sequence > 0),
    at             text NOT NULL,
    action         text NOT NULL,
    outcome        text NOT NULL,
    actor_kind     text NOT NULL,
    actor_id       blob,
    actor_name     text NOT NULL,
    source_address text NOT NULL,
    object_kind    text,
    object_id      text,
    patient_id     blob,
    scan_id        blob,
    status         integer,
    detail         text NOT NULL,
    previous_hash  text NOT NULL,
    hash           text NOT NULL
);

CREATE INDEX audit_events_at ON audit_events (at);
CREATE INDEX audit_events_patient ON audit_events (patient_id) WHERE patient_id IS NOT NULL;

-- The last row of the trail: tells when rows are missing at its end. It only moves on.
CREATE TABLE audit_head (
    id       integer PRIMARY KEY NOT NULL CHECK (id = 1),
    sequence bigint NOT NULL,
    hash     text NOT NULL
);

INSERT INTO audit_head (id, sequence, hash) VALUES (1, 0, '');

CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_head_moves_on BEFORE UPDATE ON audit_head
WHEN NEW.sequence <= OLD.sequence OR NEW.id <> OLD.id
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
