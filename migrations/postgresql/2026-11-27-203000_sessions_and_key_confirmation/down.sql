ALTER TABLE api_keys DROP COLUMN confirmed_at;
ALTER TABLE api_keys DROP COLUMN confirmed_by;
ALTER TABLE api_keys DROP COLUMN needs_confirmation;
ALTER TABLE api_keys DROP COLUMN made_by_user;
ALTER TABLE sessions DROP COLUMN id_token;
ALTER TABLE sessions DROP COLUMN source_address;
ALTER TABLE sessions DROP COLUMN system;
ALTER TABLE sessions DROP COLUMN browser;
