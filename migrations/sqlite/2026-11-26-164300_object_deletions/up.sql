-- Scans whose rows were deleted and whose objects are to follow: written with the deletion, so that it is finished also
-- where the process dies or the storage is away.
CREATE TABLE object_deletions (
    scan_id      blob PRIMARY KEY NOT NULL,
    -- Identifiers with blanks between them.
    analysis_ids text NOT NULL,
    -- How often the objects were deleted: a worker may store some after the first time.
    passes       integer NOT NULL,
    due_at       text NOT NULL
);

CREATE INDEX object_deletions_due ON object_deletions (due_at);
