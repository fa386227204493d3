-- The order of changes for whoever follows them: numbers that the database gives after a change was committed, so that
-- neither the clocks of many machines nor the order of their commits can hide one. NULL: changed, not numbered yet.
ALTER TABLE analyses ADD COLUMN change_sequence bigint;
UPDATE analyses SET change_sequence = 0;

CREATE INDEX analyses_change_sequence ON analyses (change_sequence);
CREATE INDEX analyses_unnumbered ON analyses (id) WHERE change_sequence IS NULL;

-- The last number given. Its row is the turn of those that give numbers.
CREATE TABLE change_head (
    id       integer PRIMARY KEY NOT NULL CHECK (id = 1),
    sequence bigint NOT NULL
);

INSERT INTO change_head (id, sequence) VALUES (1, 0);

-- Whoever changes an analysis, whatever for, says when: then it waits for a new number.
CREATE TRIGGER analyses_changed AFTER UPDATE OF updated_at ON analyses
BEGIN
    UPDATE analyses SET change_sequence = NULL WHERE id = NEW.id;
END;
