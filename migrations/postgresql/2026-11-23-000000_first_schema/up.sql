-- Every time is UTC, with microseconds. Identifiers are UUIDv7 and are made by the application.

CREATE TABLE patients (
    id          uuid PRIMARY KEY,
    first_name  text NOT NULL,
    last_name   text NOT NULL,
    description text NOT NULL,
    -- Both names folded to lower case by the application, so that a search gives the same answer whatever
    -- the database's locale is.
    search_name text NOT NULL,
    created_at  timestamp NOT NULL,
    updated_at  timestamp NOT NULL
);

CREATE TABLE scans (
    id                 uuid PRIMARY KEY,
    -- None for a prediction without a patient.
    patient_id         uuid REFERENCES patients (id) ON DELETE CASCADE,
    description        text NOT NULL,
    file_name          text NOT NULL,
    sha256             text NOT NULL,
    size_bytes         bigint NOT NULL CHECK (size_bytes >= 0),
    object_key         text NOT NULL,
    -- Known after preprocessing.
    study_uid          text,
    series_uid         text,
    study_date         text,
    slice_count        integer,
    -- Set in the transaction that requests the analysis. No foreign key: analyses refer to scans already.
    latest_analysis_id uuid,
    created_at         timestamp NOT NULL,
    updated_at         timestamp NOT NULL
);

CREATE INDEX scans_patient ON scans (patient_id, created_at);

CREATE TABLE analyses (
    id              uuid PRIMARY KEY,
    scan_id         uuid NOT NULL REFERENCES scans (id) ON DELETE CASCADE,
    status          text NOT NULL CHECK (status IN ('queued', 'preparing', 'analyzing', 'completed', 'failed')),
    operating_point text NOT NULL,
    bundle_version  text NOT NULL,
    -- How often preparation was begun.
    attempt         integer NOT NULL,
    requested_at    timestamp NOT NULL,
    started_at      timestamp,
    finished_at     timestamp,
    deadline_at     timestamp NOT NULL,
    failure_code    text,
    failure_message text,
    -- Codes of the quality checks that did not pass, separated by blanks.
    quality_flags   text NOT NULL,
    updated_at      timestamp NOT NULL,
    CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((status IN ('completed', 'failed')) = (finished_at IS NOT NULL))
);

-- At most one analysis of a scan runs at a time.
CREATE UNIQUE INDEX analyses_one_running_per_scan ON analyses (scan_id)
    WHERE status IN ('queued', 'preparing', 'analyzing');
CREATE INDEX analyses_scan ON analyses (scan_id, requested_at);
CREATE INDEX analyses_updated ON analyses (updated_at);
CREATE INDEX analyses_unfinished_deadline ON analyses (deadline_at)
    WHERE status IN ('queued', 'preparing', 'analyzing');

CREATE TABLE stage_results (
    analysis_id   uuid NOT NULL REFERENCES analyses (id) ON DELETE CASCADE,
    stage         text NOT NULL,
    -- The stage's outcome; of the preprocess stage its summary.
    payload       json NOT NULL,
    duration_ms   bigint,
    model_version text,
    created_at    timestamp NOT NULL,
    PRIMARY KEY (analysis_id, stage)
);

CREATE TABLE reports (
    analysis_id              uuid PRIMARY KEY REFERENCES analyses (id) ON DELETE CASCADE,
    report                   json NOT NULL,
    -- What the worklist shows and sorts by, taken out of the report when it is stored.
    verdict                  text NOT NULL CHECK (verdict IN ('norm', 'pathology', 'undetermined')),
    probability              double precision,
    threshold                double precision NOT NULL,
    top_finding_label        text,
    top_finding_name_en      text,
    top_finding_name_ru      text,
    top_finding_probability  double precision,
    created_at               timestamp NOT NULL
);

-- Messages that a committed change announces. A relay publishes them and sets published_at after the confirm.
CREATE TABLE outbox (
    id            uuid PRIMARY KEY,
    routing_key   text NOT NULL,
    type_name     text NOT NULL,
    payload       bytea NOT NULL,
    headers       json NOT NULL,
    created_at    timestamp NOT NULL,
    -- A relay that took the row holds it until then; afterwards another may take it.
    claimed_until timestamp,
    published_at  timestamp
);

CREATE INDEX outbox_unpublished ON outbox (created_at, id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

CREATE TABLE feedback (
    id          uuid PRIMARY KEY,
    analysis_id uuid NOT NULL REFERENCES analyses (id) ON DELETE CASCADE,
    agree       boolean NOT NULL,
    -- The label that the reader holds to be right.
    label       text,
    comment     text,
    user_name   text,
    created_at  timestamp NOT NULL
);

CREATE INDEX feedback_analysis ON feedback (analysis_id, created_at);
