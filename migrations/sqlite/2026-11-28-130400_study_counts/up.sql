-- How many instances a study has, by who says so, and how many of them came: a report on fewer never says norm.
CREATE TABLE study_counts (
    scan_id    blob PRIMARY KEY NOT NULL REFERENCES scans (id) ON DELETE CASCADE,
    came       integer NOT NULL,
    -- Null: who was to say it did not.
    expected   integer,
    -- stated, source, mpps.
    counted_by text NOT NULL
);

-- What modalities say that they perform (Modality Performed Procedure Step).
CREATE TABLE performed_steps (
    sop_instance_uid text PRIMARY KEY NOT NULL,
    -- The AE title that began it.
    calling          text NOT NULL,
    -- in_progress, completed, discontinued.
    state            text NOT NULL,
    -- JSON: SOP Instance UIDs of all that it made.
    instances        text NOT NULL,
    changed_at       timestamp NOT NULL
);
CREATE INDEX performed_steps_by_peer ON performed_steps (calling);
CREATE INDEX performed_steps_by_change ON performed_steps (changed_at);

CREATE TABLE performed_step_studies (
    -- SHA-256 of the Study Instance UID, lower-case hexadecimal.
    study_key        text NOT NULL,
    sop_instance_uid text NOT NULL REFERENCES performed_steps (sop_instance_uid) ON DELETE CASCADE,
    PRIMARY KEY (study_key, sop_instance_uid)
);
CREATE INDEX performed_step_studies_by_step ON performed_step_studies (sop_instance_uid);
