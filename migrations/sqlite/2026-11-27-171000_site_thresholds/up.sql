-- What of a report is watched for drift, read from it once. Holds nothing of the patient.
CREATE TABLE observations (
    analysis_id blob PRIMARY KEY NOT NULL REFERENCES analyses (id) ON DELETE CASCADE,
    observation text NOT NULL
);

-- The last look for drift: one process of the installation looks, every page shows what it saw.
CREATE TABLE drift_looks (
    singleton integer PRIMARY KEY NOT NULL CHECK (singleton = 1),
    looked_at timestamp NOT NULL,
    report    text NOT NULL
);

-- Thresholds that a site's own studies propose, and what became of each.
CREATE TABLE threshold_proposals (
    id               blob PRIMARY KEY NOT NULL,
    state            text NOT NULL,
    method           text NOT NULL,
    -- Of the bundle as it is installed: thresholds act on no other.
    installed_sha256 text NOT NULL,
    -- The accepted proposal that acted when this one was made: it is measured against that, and replaces it.
    based_on         blob,
    bundle_version   text NOT NULL,
    bundle_sha256    text NOT NULL,
    -- The bundle's file with the proposed thresholds.
    bundle_file      text NOT NULL,
    report           text NOT NULL,
    created_at       timestamp NOT NULL,
    created_by       text NOT NULL,
    decided_at       timestamp,
    decided_by       text,
    comment          text,
    CHECK (state IN ('open', 'accepted', 'declined', 'withdrawn')),
    CHECK ((state = 'open') = (decided_at IS NULL))
);

CREATE INDEX threshold_proposals_acting ON threshold_proposals (installed_sha256, decided_at) WHERE state = 'accepted';
-- Of two that were measured against the same thresholds, one can act.
CREATE UNIQUE INDEX threshold_proposals_once ON threshold_proposals (installed_sha256, coalesce(based_on, x'00'))
    WHERE state = 'accepted';
