-- What rules go by of studies that came by C-STORE, and which of them decided.
CREATE TABLE study_routes (
    scan_id      blob PRIMARY KEY NOT NULL REFERENCES scans (id) ON DELETE CASCADE,
    -- JSON: modalities, body parts, descriptions, stations, institutions, callers.
    facts        text NOT NULL,
    -- The name of the rule; null where none decided.
    rule         text,
    -- Where results go: JSON, names of the settings (pacs.destinations); null: wherever they would.
    destinations text,
    decided_at   timestamp NOT NULL
);
