-- A second bundle that answers beside the one in use without being shown, and since when.
CREATE TABLE shadow_bundles (
    sha256  text PRIMARY KEY,
    name    text NOT NULL,
    version text NOT NULL,
    since   timestamp NOT NULL
);

-- What the process that reads for it said of itself last.
CREATE TABLE shadow_reader (
    singleton     integer PRIMARY KEY CHECK (singleton = 1),
    seen_at       timestamp NOT NULL,
    -- Why it does not read; NULL: it does.
    problem       text,
    bundle_sha256 text REFERENCES shadow_bundles (sha256)
);

-- What it said of a completed analysis, or why it says nothing. Holds nothing of the patient.
CREATE TABLE shadow_answers (
    analysis_id   uuid NOT NULL REFERENCES analyses (id) ON DELETE CASCADE,
    bundle_sha256 text NOT NULL REFERENCES shadow_bundles (sha256),
    state         text NOT NULL,
    attempts      integer NOT NULL,
    failure_code  text,
    answer        json,
    noted_at      timestamp NOT NULL,
    PRIMARY KEY (analysis_id, bundle_sha256),
    CHECK (state IN ('reading', 'answered', 'failed', 'missed')),
    CHECK ((state = 'answered') = (answer IS NOT NULL)),
    CHECK ((state = 'failed') = (failure_code IS NOT NULL))
);

CREATE INDEX shadow_answers_states ON shadow_answers (bundle_sha256, state);
-- What was answered within the last hours.
CREATE INDEX reports_created ON reports (created_at);
