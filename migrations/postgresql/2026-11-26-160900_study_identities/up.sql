-- Whose study the files say it is (PS3.3 C.7.1.1, C.7.2.1, C.7.5.1). Identifying: no other table holds it.
CREATE TABLE study_identities (
    scan_id              uuid PRIMARY KEY REFERENCES scans (id) ON DELETE CASCADE,
    patient_id           text,
    issuer_of_patient_id text,
    patient_name         text,
    birth_date           text,
    sex                  text,
    accession_number     text,
    study_date           text,
    study_time           text,
    study_description    text,
    referring_physician  text,
    institution          text,
    is_deidentified      boolean NOT NULL,
    -- Name, Patient ID and Accession Number folded to lower case by the application.
    search_text          text NOT NULL,
    -- Attributes in which the study contradicts the patient that a person chose for it nonetheless, with blanks between.
    confirmed_conflicts  text NOT NULL
);

CREATE INDEX study_identities_patient_id ON study_identities (patient_id) WHERE patient_id IS NOT NULL;
CREATE INDEX study_identities_accession ON study_identities (accession_number) WHERE accession_number IS NOT NULL;

-- What a hospital knows a patient by; none where nobody said.
ALTER TABLE patients ADD COLUMN dicom_patient_id text;
ALTER TABLE patients ADD COLUMN issuer_of_patient_id text;
ALTER TABLE patients ADD COLUMN birth_date text;
ALTER TABLE patients ADD COLUMN sex text;
CREATE INDEX patients_dicom_patient_id ON patients (dicom_patient_id) WHERE dicom_patient_id IS NOT NULL;

-- Patients that are another's record now: who asks for one is told which.
CREATE TABLE merged_patients (
    id          uuid PRIMARY KEY,
    merged_into uuid NOT NULL REFERENCES patients (id) ON DELETE CASCADE,
    merged_at   timestamp NOT NULL
);
CREATE INDEX merged_patients_into ON merged_patients (merged_into);

-- A reader's word that was taken back stays, and is no longer shown.
ALTER TABLE feedback ADD COLUMN withdrawn_at timestamp;
