DROP TABLE study_locks;
