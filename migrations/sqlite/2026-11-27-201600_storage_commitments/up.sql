-- Which instances a scan holds that came by DICOM, so that a peer can be told that they are stored.
CREATE TABLE stored_instances (
    sop_instance_uid text NOT NULL,
    scan_id          blob NOT NULL REFERENCES scans (id) ON DELETE CASCADE,
    sop_class_uid    text NOT NULL,
    PRIMARY KEY (sop_instance_uid, scan_id)
);

CREATE INDEX stored_instances_scan ON stored_instances (scan_id);

-- Peers that asked for storage commitment, and have to be told what is stored. A row goes once the peer was told, or given up.
CREATE TABLE storage_commitments (
    id              blob PRIMARY KEY NOT NULL,
    -- AE title of who asked.
    calling         text NOT NULL,
    transaction_uid text NOT NULL,
    -- What is told: JSON, each instance with its class, and with the reason where it is not stored.
    instances       text NOT NULL,
    -- Begun so far.
    attempts        integer NOT NULL,
    requested_at    timestamp NOT NULL,
    -- When the peer is told next; of one that is being told: when the lease runs out. By the clock of the database.
    next_attempt_at timestamp NOT NULL,
    -- Of the process that tells it.
    lease           blob
);

CREATE UNIQUE INDEX storage_commitments_once ON storage_commitments (calling, transaction_uid);
CREATE INDEX storage_commitments_due ON storage_commitments (calling, next_attempt_at, id);
