-- What a search by DICOMweb looks at: a row for each scan whose instances are indexed. Identifying, as study_identities. Texts
-- are empty where the files say nothing.
CREATE TABLE dicom_studies (
    scan_id             uuid PRIMARY KEY REFERENCES scans (id) ON DELETE CASCADE,
    -- None where the scan has no instance that can be named: NIfTI, UIDs that are none by the standard.
    study_uid           text,
    study_date          text NOT NULL,
    study_time          text NOT NULL,
    study_id            text NOT NULL,
    accession_number    text NOT NULL,
    patient_id          text NOT NULL,
    -- Folded to lower case by the application, as the next.
    patient_name        text NOT NULL,
    referring_physician text NOT NULL,
    -- Each with a blank before and after it.
    modalities          text NOT NULL,
    series_count        integer NOT NULL,
    instance_count      integer NOT NULL,
    -- What is answered of the study, as DICOM JSON.
    attributes          text NOT NULL
);

CREATE INDEX dicom_studies_uid ON dicom_studies (study_uid, scan_id);
CREATE INDEX dicom_studies_accession ON dicom_studies (accession_number) WHERE accession_number <> '';
CREATE INDEX dicom_studies_patient ON dicom_studies (patient_id) WHERE patient_id <> '';
