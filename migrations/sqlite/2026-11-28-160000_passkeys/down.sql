DELETE FROM sessions WHERE method = 'passkey';
CREATE TABLE sessions_again (
    token_hash     blob PRIMARY KEY NOT NULL,
    user_id        blob NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method         text NOT NULL CHECK (method IN ('password', 'link', 'openid')),
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
DROP TABLE passkey_ceremonies;
DROP TABLE passkeys;
UPDATE users SET second_factor_at = NULL
WHERE second_factor_at IS NOT NULL AND id NOT IN (SELECT user_id FROM second_factors WHERE last_step > 0);
DELETE FROM recovery_codes WHERE user_id IN (SELECT id FROM users WHERE second_factor_at IS NULL);
