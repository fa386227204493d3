-- How far an export of the audit trail to another system has come.
CREATE TABLE audit_exports (
    name     text PRIMARY KEY NOT NULL,
    sequence bigint NOT NULL
);
