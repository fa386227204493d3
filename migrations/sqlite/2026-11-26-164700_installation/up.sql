-- Which object storage belongs to this database: the same id lies there. One row.
CREATE TABLE installation (
    singleton integer PRIMARY KEY CHECK (singleton = 1),
    id        uuid NOT NULL
);

-- Work that one process of an installation does at a time; times are by the clock of the database.
CREATE TABLE leases (
    name       text PRIMARY KEY,
    holder     uuid NOT NULL,
    held_until timestamp NOT NULL
);
