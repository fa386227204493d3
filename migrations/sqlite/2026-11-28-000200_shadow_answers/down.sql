DROP INDEX reports_created;
DROP TABLE shadow_answers;
DROP TABLE shadow_reader;
DROP TABLE shadow_bundles;
