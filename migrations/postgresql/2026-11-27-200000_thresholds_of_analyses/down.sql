UPDATE threshold_proposals SET decided_at = withdrawn_at, decided_by = withdrawn_by, comment = withdrawn_reason WHERE state = 'withdrawn';
ALTER TABLE threshold_proposals DROP COLUMN withdrawn_reason;
ALTER TABLE threshold_proposals DROP COLUMN withdrawn_by;
ALTER TABLE threshold_proposals DROP COLUMN withdrawn_at;
ALTER TABLE analyses DROP COLUMN threshold_proposal_id;
