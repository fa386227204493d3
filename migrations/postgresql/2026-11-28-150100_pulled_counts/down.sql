ALTER TABLE pulled_studies DROP COLUMN expected;
