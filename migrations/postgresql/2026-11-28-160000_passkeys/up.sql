-- Passkeys (Web Authentication) of local accounts: a second factor beside the password, and a sign-in without one. Nothing of them is
-- secret. users.second_factor_at says since when either codes or a passkey are asked for.
CREATE TABLE passkeys (
    id              uuid PRIMARY KEY NOT NULL,
    user_id         uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What its owner calls it.
    name            text NOT NULL,
    credential_id   bytea NOT NULL UNIQUE,
    -- COSE.
    public_key      bytea NOT NULL,
    algorithm       integer NOT NULL,
    -- What the authenticator counted at the last use: one that goes back is a copy's.
    counter         bigint NOT NULL,
    transports      text NOT NULL,
    backup_eligible boolean NOT NULL,
    created_at      timestamp NOT NULL,
    last_used_at    timestamp
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- Challenges between the question and the answer, each good for one answer and a few minutes.
CREATE TABLE passkey_ceremonies (
    -- SHA-256 of the purpose and of what the browser alone holds: the session's token or that of the sign-in.
    id_hash    bytea PRIMARY KEY NOT NULL,
    purpose    text NOT NULL,
    -- Where password or link said who it is.
    user_id    uuid REFERENCES users (id) ON DELETE CASCADE,
    -- Of the link that signs in once, where one began it.
    link_hash  bytea,
    state      text NOT NULL,
    -- Of whom or whose address it counts: nobody has many.
    counted_by bytea NOT NULL,
    expires_at timestamp NOT NULL
);
CREATE INDEX passkey_ceremonies_counted_by ON passkey_ceremonies (counted_by);

-- Sessions that a passkey alone began.
ALTER TABLE sessions DROP CONSTRAINT sessions_method_check;
ALTER TABLE sessions ADD CONSTRAINT sessions_method_check CHECK (method IN ('password', 'link', 'openid', 'passkey'));
