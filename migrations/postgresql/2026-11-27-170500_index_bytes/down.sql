ALTER TABLE dicom_studies DROP COLUMN index_bytes;
