-- Studies that come by C-STORE and are not complete yet, as the processes that receive them say every few seconds: for people to look at.
CREATE TABLE arriving_studies (
    -- The process; what one says no more is over.
    node       blob NOT NULL,
    -- SHA-256 of the Study Instance UID, lower-case hexadecimal.
    study_key  text NOT NULL,
    study_uid  text,
    -- JSON: AE titles of who sends.
    callers    text NOT NULL,
    instances  integer NOT NULL,
    -- What was counted last, and by whom (stated, source, mpps); null: nobody counts, or has yet.
    came       integer,
    expected   integer,
    counted_by text,
    -- quiet: for more, or for the end of what brings it; pull: for more that was asked for; instances: for those that are missing; count: for
    -- who is to say how many there are.
    waits_for  text NOT NULL,
    first_at   timestamp NOT NULL,
    last_at    timestamp NOT NULL,
    -- When it is taken at the latest; null where nobody can say.
    at_latest  timestamp,
    noted_at   timestamp NOT NULL,
    PRIMARY KEY (node, study_key)
);

-- Who calls the nodes, by AE title.
CREATE TABLE pacs_callers (
    ae_title         text PRIMARY KEY NOT NULL,
    -- When an instance came last, and how many were taken and refused so far.
    last_at          timestamp NOT NULL,
    taken            bigint NOT NULL,
    refused          bigint NOT NULL,
    last_refused_at  timestamp,
    -- The status that it was told, hexadecimal.
    last_refusal     text
);
