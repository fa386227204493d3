-- What waited for its turn is announced at once.
INSERT INTO outbox (id, routing_key, type_name, payload, headers, created_at)
SELECT message_id, routing_key, type_name, payload, headers, requested_at FROM waiting_analyses;
DROP TABLE waiting_analyses;
DROP TABLE turn_shares;
DROP TABLE turn_clocks;
DROP INDEX analyses_finished;
DROP INDEX analyses_released;
ALTER TABLE analyses DROP COLUMN released_at;
ALTER TABLE analyses DROP COLUMN requested_by;
ALTER TABLE analyses DROP COLUMN priority;
