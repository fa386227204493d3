-- The order of the worklist, kept with the scan so that an index serves its first page however many scans there are.
-- 0 pathology, 1 undetermined, 2 failed, 3 running, 4 not analysed, 5 norm (crates/database/src/suspicion.rs).
ALTER TABLE scans ADD COLUMN suspicion_group integer NOT NULL DEFAULT 4;
-- Probability of pathology of the latest analysis; -1 where there is none.
ALTER TABLE scans ADD COLUMN suspicion double NOT NULL DEFAULT -1;

UPDATE scans SET
    suspicion_group = COALESCE(
        (SELECT CASE
                    WHEN reports.verdict = 'pathology' THEN 0
                    WHEN reports.verdict = 'undetermined' THEN 1
                    WHEN reports.verdict = 'norm' THEN 5
                    WHEN analyses.status = 'failed' THEN 2
                    ELSE 3
                END
         FROM analyses LEFT JOIN reports ON reports.analysis_id = analyses.id
         WHERE analyses.id = scans.latest_analysis_id),
        4),
    suspicion = COALESCE(
        (SELECT reports.probability FROM reports WHERE reports.analysis_id = scans.latest_analysis_id),
        -1);

CREATE INDEX scans_suspicion ON scans (suspicion_group, suspicion DESC, id DESC);

-- An analysis is unfinished exactly if it has no end (a check of the table). Unlike a comparison with statuses, which
-- come as parameters, this condition is literal in the query, so the index serves the deadline sweep and the refill.
DROP INDEX analyses_unfinished_deadline;
CREATE INDEX analyses_unfinished ON analyses (deadline_at) WHERE finished_at IS NULL;
