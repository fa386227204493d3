DROP TABLE storage_commitments;
DROP TABLE stored_instances;
