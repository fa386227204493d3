-- Stages that a worker is at work on now. A stage without a row here waits for a worker: its time does not run.
CREATE TABLE stage_starts (
    analysis_id uuid NOT NULL REFERENCES analyses (id) ON DELETE CASCADE,
    stage       text NOT NULL,
    -- When its worker began, by the clock of the database.
    started_at  timestamp NOT NULL,
    PRIMARY KEY (analysis_id, stage)
);
CREATE INDEX stage_starts_started ON stage_starts (started_at);

-- `deadline_at` limits the whole of an analysis, waiting included; it was the limit of the work before.
UPDATE analyses SET deadline_at = requested_at + interval '7 days' WHERE finished_at IS NULL;
