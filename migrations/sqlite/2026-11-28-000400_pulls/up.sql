-- Studies that are pulled from an archive: a row for each wish, kept until it is done and a while longer.
CREATE TABLE pulls (
    id                blob PRIMARY KEY NOT NULL,
    -- A name of the settings (pacs.sources).
    source            text NOT NULL,
    -- asked: somebody did; priors: earlier studies of the patient of `scan_id`.
    purpose           text NOT NULL CHECK (purpose IN ('asked', 'priors')),
    scan_id           blob REFERENCES scans (id) ON DELETE CASCADE,
    -- What is asked by; each null where it is not.
    study_uid         text,
    accession_number  text,
    patient_id        text,
    patient_id_issuer text,
    -- Of priors: the study that they are earlier than (a hash of its UID) and its day, YYYYMMDD.
    of_study_key      text,
    of_study_date     text,
    state             text NOT NULL CHECK (state IN ('asked', 'running', 'done', 'failed')),
    -- Begun so far.
    attempts          integer NOT NULL,
    -- Since when it is tried.
    asked_at          timestamp NOT NULL,
    -- When it is tried next; of one that is running: when the lease runs out. By the clock of the database.
    next_attempt_at   timestamp NOT NULL,
    -- Of the process that is at it.
    lease             blob,
    -- Why the last attempt failed.
    reason_code       text,
    peer_status       text,
    created_at        timestamp NOT NULL,
    updated_at        timestamp NOT NULL,
    -- Set exactly if it is done or failed.
    ended_at          timestamp,
    CHECK ((ended_at IS NOT NULL) = (state IN ('done', 'failed')))
);

CREATE INDEX pulls_due ON pulls (source, next_attempt_at, id);
CREATE INDEX pulls_scan ON pulls (scan_id);

-- The studies that an archive has of what is asked for.
CREATE TABLE pulled_studies (
    pull_id     blob NOT NULL REFERENCES pulls (id) ON DELETE CASCADE,
    study_uid   text NOT NULL,
    -- A hash of the UID.
    study_key   text NOT NULL,
    -- All of it is here.
    is_here     boolean NOT NULL,
    -- What came of it in the last attempt, and what did not as the archive says.
    instances   integer NOT NULL,
    failed      integer NOT NULL,
    reason_code text,
    PRIMARY KEY (pull_id, study_uid)
);

CREATE INDEX pulled_studies_key ON pulled_studies (study_key);
