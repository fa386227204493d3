-- 0 suspicious: pathology, and undetermined at or above the threshold; 1 undetermined; 2 failed; 3 running;
-- 4 not analysed; 5 norm; 6 failed because it holds no chest (crates/database/src/suspicion.rs).
UPDATE scans SET suspicion_group = 0
WHERE suspicion_group = 1
  AND EXISTS (SELECT 1 FROM reports
              WHERE reports.analysis_id = scans.latest_analysis_id AND reports.verdict = 'undetermined'
                AND reports.probability >= reports.threshold);

UPDATE scans SET suspicion_group = 6
WHERE suspicion_group = 2
  AND EXISTS (SELECT 1 FROM analyses
              WHERE analyses.id = scans.latest_analysis_id
                AND analyses.failure_code IN ('not_ct', 'no_chest_series', 'no_lungs'));
