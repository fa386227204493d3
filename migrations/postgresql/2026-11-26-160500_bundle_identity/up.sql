-- An analysis whose stages were read with different bundles is repeated once, when the workers agree again.
-- The analysis that this one repeats.
ALTER TABLE analyses ADD COLUMN repeat_of uuid;
ALTER TABLE analyses ADD COLUMN awaits_repeat boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX analyses_one_repeat ON analyses (repeat_of) WHERE repeat_of IS NOT NULL;
CREATE INDEX analyses_awaiting_repeat ON analyses (finished_at) WHERE awaits_repeat;

-- Workers that take messages, each with the bundle that it answers with.
CREATE TABLE workers (
    id             uuid PRIMARY KEY,
    stage          text NOT NULL,
    bundle_name    text NOT NULL,
    bundle_version text NOT NULL,
    bundle_sha256  text NOT NULL,
    -- By the clock of the database: the workers' own may differ.
    seen_at        timestamp NOT NULL
);
