-- Where results are sent, as the gateways' settings say. Kept here so that whoever ends an analysis can queue its results in the
-- same transaction, whatever process it is.
CREATE TABLE delivery_destinations (
    name        text PRIMARY KEY NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    -- Results of every study; else only of those that came by DICOM.
    all_studies boolean NOT NULL
);

-- The results of an analysis on their way to a destination.
CREATE TABLE deliveries (
    id              blob PRIMARY KEY NOT NULL,
    analysis_id     blob NOT NULL REFERENCES analyses (id) ON DELETE CASCADE,
    destination     text NOT NULL,
    state           text NOT NULL,
    -- Begun so far; from 0 again where a person has it sent again.
    attempts        integer NOT NULL,
    -- Since when it is tried.
    queued_at       timestamp NOT NULL,
    -- When it is tried next; of one that is being sent: when its lease runs out. By the clock of the database.
    next_attempt_at timestamp NOT NULL,
    -- Of the process that sends it: it alone may say how that ended.
    lease           blob,
    -- Why the last attempt failed: a word, and the peer's status where it gave one.
    reason_code     text,
    peer_status     text,
    created_at      timestamp NOT NULL,
    updated_at      timestamp NOT NULL,
    ended_at        timestamp,
    CHECK (state IN ('queued', 'sending', 'delivered', 'failed')),
    CHECK ((state = 'sending') = (lease IS NOT NULL)),
    CHECK ((state IN ('delivered', 'failed')) = (ended_at IS NOT NULL))
);

CREATE UNIQUE INDEX deliveries_once ON deliveries (analysis_id, destination);
CREATE INDEX deliveries_due ON deliveries (destination, next_attempt_at, id) WHERE ended_at IS NULL;
CREATE INDEX deliveries_waiting ON deliveries (destination, queued_at) WHERE ended_at IS NULL;
CREATE INDEX deliveries_state ON deliveries (state, id);
