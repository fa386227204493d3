-- Until where the audit trail was written out to its archive and taken out of here: number and hash of the last event that was. It only
-- moves on, to an event that is here, and never to one of the last thirty days or to the last of all.
CREATE TABLE audit_pruned (
    id       integer PRIMARY KEY CHECK (id = 1),
    sequence bigint NOT NULL,
    hash     text NOT NULL
);

INSERT INTO audit_pruned (id, sequence, hash) VALUES (1, 0, '');

CREATE FUNCTION norma_audit_pruned_moves_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.sequence <= OLD.sequence
        OR NEW.sequence >= (SELECT sequence FROM audit_head)
        OR NOT EXISTS (SELECT FROM audit_events WHERE sequence = NEW.sequence AND hash = NEW.hash)
        OR EXISTS (SELECT FROM audit_events WHERE sequence <= NEW.sequence AND sequence > OLD.sequence
                   AND at > (now() AT TIME ZONE 'UTC') - interval '30 days') THEN
        RAISE EXCEPTION 'the audit trail is append-only';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER audit_pruned_stays BEFORE INSERT OR DELETE OR TRUNCATE ON audit_pruned
    FOR EACH STATEMENT EXECUTE FUNCTION norma_refuse_change();
CREATE TRIGGER audit_pruned_moves_on BEFORE UPDATE ON audit_pruned
    FOR EACH ROW EXECUTE FUNCTION norma_audit_pruned_moves_on();

-- What lies beyond stays, and so do statements of erasure, which are read.
CREATE FUNCTION norma_audit_event_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.sequence > (SELECT sequence FROM audit_pruned) OR OLD.action = 'patient.erase' THEN
        RAISE EXCEPTION 'the audit trail is append-only';
    END IF;
    RETURN OLD;
END $$;

DROP TRIGGER audit_events_append_only ON audit_events;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION norma_refuse_change();
CREATE TRIGGER audit_events_stay BEFORE DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION norma_audit_event_stays();

-- In the name of who owns the tables: the application's role neither changes nor deletes an event otherwise.
CREATE FUNCTION norma_prune_audit(up_to bigint, up_to_hash text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE pruned bigint;
BEGIN
    UPDATE audit_pruned SET sequence = up_to, hash = up_to_hash;
    DELETE FROM audit_events WHERE sequence <= up_to AND action <> 'patient.erase';
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END $$;
REVOKE EXECUTE ON FUNCTION norma_prune_audit(bigint, text) FROM PUBLIC;
