-- Where a login has signed in from before, by SHA-256 of both: failures from elsewhere do not lock it out there.
CREATE TABLE sign_in_sources (
    subject_hash    blob PRIMARY KEY NOT NULL,
    last_success_at text NOT NULL
);
