-- Analyses wait here for their turn: they are released by priority, and within it by what their requesters have used.
ALTER TABLE analyses ADD COLUMN priority text NOT NULL DEFAULT 'routine' CHECK (priority IN ('urgent', 'routine'));
-- Who asked for it, named as owners are. NULL: nobody who is told apart.
ALTER TABLE analyses ADD COLUMN requested_by text;
-- When its request was announced to the workers. NULL: it waits for its turn.
ALTER TABLE analyses ADD COLUMN released_at text;
UPDATE analyses SET released_at = requested_at WHERE finished_at IS NULL;
CREATE INDEX analyses_released ON analyses (released_at) WHERE finished_at IS NULL AND released_at IS NOT NULL;
CREATE INDEX analyses_finished ON analyses (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE waiting_analyses (
    analysis_id  blob PRIMARY KEY NOT NULL REFERENCES analyses (id) ON DELETE CASCADE,
    priority     text NOT NULL CHECK (priority IN ('urgent', 'routine')),
    -- Empty: nobody who is told apart.
    requester    text NOT NULL,
    -- Milliseconds of work that it is reckoned to be.
    cost_ms      bigint NOT NULL CHECK (cost_ms > 0),
    requested_at text NOT NULL,
    -- What goes to the outbox when its turn has come.
    message_id   blob NOT NULL,
    routing_key  text NOT NULL,
    type_name    text NOT NULL,
    payload      blob NOT NULL,
    headers      text NOT NULL
);
CREATE INDEX waiting_analyses_turns ON waiting_analyses (priority, requester, requested_at, analysis_id);

-- What requesters have used of the workers, on the clock of their priority.
CREATE TABLE turn_shares (
    priority  text NOT NULL,
    requester text NOT NULL,
    used_ms   bigint NOT NULL,
    PRIMARY KEY (priority, requester)
);

-- Where on its clock each priority stands: what whoever was released last had used then. Whoever releases locks these rows.
CREATE TABLE turn_clocks (
    priority text PRIMARY KEY NOT NULL,
    used_ms  bigint NOT NULL
);
INSERT INTO turn_clocks (priority, used_ms) VALUES ('urgent', 0), ('routine', 0);
