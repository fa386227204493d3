DROP INDEX analyses_unfinished_status;
DROP INDEX scans_sha256;
DROP INDEX scans_created;
DROP INDEX scans_study_uid;
