-- Passkeys (Web Authentication) of local accounts: a second factor beside the password, and a sign-in without one. Nothing of them is
-- secret. users.second_factor_at says since when either codes or a passkey are asked for.
CREATE TABLE passkeys (
    id              blob PRIMARY KEY NOT NULL,
    user_id         blob NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What its owner calls it.
    name            text NOT NULL,
    credential_id   blob NOT NULL UNIQUE,
    -- COSE.
    public_key      blob NOT NULL,
    algorithm       integer NOT NULL,
    -- What the authenticator counted at the last use: one that goes back is a copy's.
    counter         bigint NOT NULL,
    transports      text NOT NULL,
    backup_eligible boolean NOT NULL,
    created_at      text NOT NULL,
    last_used_at    text
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- Challenges between the question and the answer, each good for one answer and a few minutes.
CREATE TABLE passkey_ceremonies (
    -- SHA-256 of the purpose and of what the browser alone holds: the session's token or that of the sign-in.
    id_hash    blob PRIMARY KEY NOT NULL,
    purpose    text NOT NULL,
    -- Where password or link said who it is.
    user_id    blob REFERENCES users (id) ON DELETE CASCADE,
    -- Of the link that signs in once, where one began it.
    link_hash  blob,
    state      text NOT NULL,
    -- Of whom or whose address it counts: nobody has many.
    counted_by blob NOT NULL,
    expires_at text NOT NULL
);
CREATE INDEX passkey_ceremonies_counted_by ON passkey_ceremonies (counted_by);

-- Sessions that a passkey alone began.
CREATE TABLE sessions_again (
    token_hash     blob PRIMARY KEY NOT NULL,
    user_id        blob NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method         text NOT NULL CHECK (method IN ('password', 'link', 'openid', 'passkey')),
    created_at     text NOT NULL,
    last_seen_at   text NOT NULL,
    expires_at     text NOT NULL,
    browser        text NOT NULL DEFAULT '',
    system         text NOT NULL DEFAULT '',
    source_address text NOT NULL DEFAULT '',
    id_token       text,
    verified_at    text
);
INSERT INTO sessions_again (token_hash, user_id, method, created_at, last_seen_at, expires_at, browser, system, source_address, id_token, verified_at)
SELECT token_hash, user_id, method, created_at, last_seen_at, expires_at, browser, system, source_address, id_token, verified_at FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_again RENAME TO sessions;
CREATE INDEX sessions_user ON sessions (user_id);
