-- Who looks whether a study is here and then stores it holds its lock: what comes two ways at one moment is stored once.
CREATE TABLE study_locks (
    -- SHA-256 of the Study Instance UID, lower-case hexadecimal.
    study_key  text PRIMARY KEY NOT NULL,
    holder     uuid NOT NULL,
    -- Moved on while it is held: one that stands still is of a process that died.
    renewed_at timestamp NOT NULL
);
