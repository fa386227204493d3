DROP TABLE prediction_scans;
