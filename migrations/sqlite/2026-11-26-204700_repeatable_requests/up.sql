-- Requests with an Idempotency-Key: the same key again gets what the first request made.
CREATE TABLE repeatable_requests (
    -- Whose key it is: `user:{id}` or `key:{scope}`; empty where authentication is off.
    owner       text NOT NULL,
    key         text NOT NULL,
    -- SHA-256 over the operation and what was sent.
    fingerprint text NOT NULL,
    -- Which of the requests with this key is carried out: it alone may finish.
    holder      blob NOT NULL,
    -- The scan or the prediction that was made; none while the first request runs.
    object_id   blob,
    -- Moved on while the request is carried out: one that stands still has died.
    created_at  text NOT NULL,
    PRIMARY KEY (owner, key)
);

CREATE INDEX repeatable_requests_created ON repeatable_requests (created_at);

-- Each upload to /inference/predict, so that they can be listed.
CREATE TABLE predictions (
    id         blob PRIMARY KEY NOT NULL,
    owner      text,
    created_at text NOT NULL
);

INSERT INTO predictions (id, owner, created_at)
    SELECT prediction_scans.prediction_id, MIN(scans.owner), MIN(scans.created_at)
    FROM prediction_scans JOIN scans ON scans.id = prediction_scans.scan_id
    GROUP BY prediction_scans.prediction_id;

CREATE INDEX predictions_owner ON predictions (owner, id);
