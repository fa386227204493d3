DELETE FROM sessions WHERE method = 'passkey';
ALTER TABLE sessions DROP CONSTRAINT sessions_method_check;
ALTER TABLE sessions ADD CONSTRAINT sessions_method_check CHECK (method IN ('password', 'link', 'openid'));
DROP TABLE passkey_ceremonies;
DROP TABLE passkeys;
UPDATE users SET second_factor_at = NULL
WHERE second_factor_at IS NOT NULL AND id NOT IN (SELECT user_id FROM second_factors WHERE last_step > 0);
DELETE FROM recovery_codes WHERE user_id IN (SELECT id FROM users WHERE second_factor_at IS NULL);
