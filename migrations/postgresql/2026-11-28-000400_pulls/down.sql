DROP TABLE pulled_studies;
DROP TABLE pulls;
