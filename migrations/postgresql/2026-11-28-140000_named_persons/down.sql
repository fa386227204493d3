ALTER TABLE study_identities DROP COLUMN persons;
