//! The PostgreSQL role of the gateway, report, shadow and the command line: it reads and writes rows, and owns nothing. Tables, triggers and
//! rights are changed by their owner alone, who signs in to bring the schema up to date. The audit trail takes further events and no
//! change; what is older than thirty days is taken out by a function of the owner's, once it was archived.

/// Statements that give it to a role, whose name is quoted as the schema's.
pub(crate) fn statements(schema: &str, role: &str) -> String {
    format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}; \
         REVOKE INSERT, UPDATE, DELETE ON __diesel_schema_migrations FROM {role}; \
         REVOKE UPDATE, DELETE ON audit_events FROM {role}; \
         REVOKE INSERT, DELETE ON audit_head FROM {role}; \
         REVOKE INSERT, UPDATE, DELETE ON audit_pruned FROM {role}; \
         GRANT EXECUTE ON FUNCTION norma_prune_audit(bigint, text) TO {role}; "
    )
}
