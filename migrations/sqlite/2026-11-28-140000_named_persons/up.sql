-- Where the files of a study say several things of their patient, each of them as JSON; empty where all say the same.
ALTER TABLE study_identities ADD COLUMN persons text NOT NULL DEFAULT '';
