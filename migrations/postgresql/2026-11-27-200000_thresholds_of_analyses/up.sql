-- The accepted proposal whose thresholds an analysis is held to, from its request on: what is accepted or taken back meanwhile changes
-- nothing of it. NULL: the bundle's own thresholds. Proposals are never deleted.
ALTER TABLE analyses ADD COLUMN threshold_proposal_id uuid;

-- Who took an accepted proposal back, beside who accepted it.
ALTER TABLE threshold_proposals ADD COLUMN withdrawn_at timestamp CHECK (withdrawn_at IS NULL OR state = 'withdrawn');
ALTER TABLE threshold_proposals ADD COLUMN withdrawn_by text;
ALTER TABLE threshold_proposals ADD COLUMN withdrawn_reason text;
-- Of those that were taken back before, nobody knows any more who had accepted them but the audit trail.
UPDATE threshold_proposals SET withdrawn_at = decided_at, withdrawn_by = decided_by, withdrawn_reason = comment WHERE state = 'withdrawn';
UPDATE threshold_proposals SET decided_by = NULL, comment = NULL WHERE state = 'withdrawn';
