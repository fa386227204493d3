UPDATE scans SET suspicion_group = 2 WHERE suspicion_group = 6;

UPDATE scans SET suspicion_group = 1
WHERE suspicion_group = 0
  AND EXISTS (SELECT 1 FROM reports
              WHERE reports.analysis_id = scans.latest_analysis_id AND reports.verdict = 'undetermined');
