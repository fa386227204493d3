DROP TABLE dicom_studies;
