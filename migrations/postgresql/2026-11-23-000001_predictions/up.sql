-- The scans of one upload to /inference/predict, in their order: many studies may come in one archive.
CREATE TABLE prediction_scans (
    prediction_id uuid NOT NULL,
    position      integer NOT NULL,
    scan_id       uuid NOT NULL REFERENCES scans (id) ON DELETE CASCADE,
    PRIMARY KEY (prediction_id, position)
);

CREATE INDEX prediction_scans_scan ON prediction_scans (scan_id);
