DROP TABLE threshold_proposals;
DROP TABLE drift_looks;
DROP TABLE observations;
