-- What a person tells their sessions apart by, in words: never the whole header of the browser.
ALTER TABLE sessions ADD COLUMN browser text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN system text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN source_address text NOT NULL DEFAULT '';
-- The issuer's ID token, to be shown to it at sign-out. Names the person; gone with the session.
ALTER TABLE sessions ADD COLUMN id_token text;

-- The person who made a key, or who made the key that made it; none where the command line did.
ALTER TABLE api_keys ADD COLUMN made_by_user uuid;
-- Whether a second administrator has to confirm it before it acts.
ALTER TABLE api_keys ADD COLUMN needs_confirmation boolean NOT NULL DEFAULT false;
ALTER TABLE api_keys ADD COLUMN confirmed_by text;
ALTER TABLE api_keys ADD COLUMN confirmed_at timestamp;
