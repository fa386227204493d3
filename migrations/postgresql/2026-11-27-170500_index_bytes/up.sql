-- What the index of a scan's instances takes of the objects, with what it holds unpacked. 0 of those made before this was noted.
ALTER TABLE dicom_studies ADD COLUMN index_bytes bigint NOT NULL DEFAULT 0;
