ALTER TABLE feedback DROP COLUMN withdrawn_at;
DROP TABLE merged_patients;
DROP INDEX patients_dicom_patient_id;
ALTER TABLE patients DROP COLUMN sex;
ALTER TABLE patients DROP COLUMN birth_date;
ALTER TABLE patients DROP COLUMN issuer_of_patient_id;
ALTER TABLE patients DROP COLUMN dicom_patient_id;
DROP TABLE study_identities;
