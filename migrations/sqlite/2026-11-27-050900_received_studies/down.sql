DROP TABLE received_studies;
