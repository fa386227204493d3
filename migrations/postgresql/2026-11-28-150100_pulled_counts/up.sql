-- How many instances of a study the archive has, as it says; null where it does not say.
ALTER TABLE pulled_studies ADD COLUMN expected integer;
