-- Until where the audit trail was written out to its archive and taken out of here: number and hash of the last event that was. It only
-- moves on, to an event that is here, and never to one of the last thirty days or to the last of all.
CREATE TABLE audit_pruned (
    id       integer PRIMARY KEY NOT NULL CHECK (id = 1),
    sequence bigint NOT NULL,
    hash     text NOT NULL
);

INSERT INTO audit_pruned (id, sequence, hash) VALUES (1, 0, '');

CREATE TRIGGER audit_pruned_one BEFORE INSERT ON audit_pruned
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_pruned_stays BEFORE DELETE ON audit_pruned
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_pruned_moves_on BEFORE UPDATE ON audit_pruned
WHEN NEW.id <> OLD.id OR NEW.sequence <= OLD.sequence
    OR NEW.sequence >= (SELECT sequence FROM audit_head)
    OR NOT EXISTS (SELECT 1 FROM audit_events WHERE sequence = NEW.sequence AND hash = NEW.hash)
    OR EXISTS (SELECT 1 FROM audit_events WHERE sequence <= NEW.sequence AND sequence > OLD.sequence
               AND julianday(at) > julianday('now', '-30 days'))
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

-- What lies beyond stays, and so do statements of erasure, which are read.
DROP TRIGGER audit_events_no_delete;
CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
WHEN OLD.sequence > (SELECT sequence FROM audit_pruned) OR OLD.action = 'patient.erase'
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
