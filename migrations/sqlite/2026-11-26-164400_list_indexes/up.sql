-- A search by the study's UID, lists by time and retention, and the search for the same bytes read no whole table.
CREATE INDEX scans_study_uid ON scans (study_uid) WHERE study_uid IS NOT NULL;
CREATE INDEX scans_created ON scans (created_at);
CREATE INDEX scans_sha256 ON scans (sha256);
-- The analyses that run, by how far they are.
CREATE INDEX analyses_unfinished_status ON analyses (status) WHERE finished_at IS NULL;
