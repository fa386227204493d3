-- Files of an upload to /inference/predict that cannot be read and belong to none of its studies: a row of the answer
-- each, so that no study is missing from it in silence.
CREATE TABLE prediction_rejections (
    prediction_id uuid NOT NULL,
    position      integer NOT NULL,
    -- Where the file lies in the upload. May name a person: not for logs.
    location      text NOT NULL,
    code          text NOT NULL,
    message       text NOT NULL,
    created_at    timestamp NOT NULL,
    PRIMARY KEY (prediction_id, position)
);
