DROP TABLE feedback;
DROP TABLE outbox;
DROP TABLE reports;
DROP TABLE stage_results;
DROP TABLE analyses;
DROP TABLE scans;
DROP TABLE patients;
