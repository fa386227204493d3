DROP INDEX analyses_unfinished;
CREATE INDEX analyses_unfinished_deadline ON analyses (deadline_at)
    WHERE status IN ('queued', 'preparing', 'analyzing');

DROP INDEX scans_suspicion;
ALTER TABLE scans DROP COLUMN suspicion;
ALTER TABLE scans DROP COLUMN suspicion_group;
