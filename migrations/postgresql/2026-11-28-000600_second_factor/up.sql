-- A second factor of local accounts: codes by time (RFC 6238).
-- When it was confirmed; null where the account has none.
ALTER TABLE users ADD COLUMN second_factor_at timestamp;

-- Codes are reckoned from the secret, so it is kept as it is, and never answered again once it was shown.
CREATE TABLE second_factors (
    user_id    uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret     bytea NOT NULL,
    -- The step of time of the code that was used last: none is used twice.
    last_step  bigint NOT NULL,
    created_at timestamp NOT NULL
);

-- Codes for a lost device, each good for once and deleted by that: SHA-256 of 120 random bits.
CREATE TABLE recovery_codes (
    user_id   uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

-- When whoever uses the session last gave password and code; null: when it began.
ALTER TABLE sessions ADD COLUMN verified_at timestamp;

-- Networks that a key is used from (CIDR, comma-separated); empty: from anywhere.
ALTER TABLE api_keys ADD COLUMN allowed_addresses text NOT NULL DEFAULT '';
