-- Studies that came by DICOM: which instances a scan holds, so that the same ones are known again.
CREATE TABLE received_studies (
    scan_id          uuid PRIMARY KEY REFERENCES scans (id) ON DELETE CASCADE,
    -- Stands for the Study Instance UID: SHA-256, lower-case hexadecimal, as the next.
    study_key        text NOT NULL,
    instances        integer NOT NULL,
    -- Of the sorted SOP Instance UIDs.
    instances_sha256 text NOT NULL,
    -- The scan with fewer instances that this one adds to.
    predecessor      uuid REFERENCES scans (id) ON DELETE SET NULL
);

CREATE INDEX received_studies_study ON received_studies (study_key, scan_id);
CREATE INDEX received_studies_predecessor ON received_studies (predecessor) WHERE predecessor IS NOT NULL;
