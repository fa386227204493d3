DROP FUNCTION norma_prune_audit(bigint, text);
DROP TRIGGER audit_events_stay ON audit_events;
DROP TRIGGER audit_events_append_only ON audit_events;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION norma_refuse_change();
DROP FUNCTION norma_audit_event_stays();
DROP TABLE audit_pruned;
DROP FUNCTION norma_audit_pruned_moves_on();
