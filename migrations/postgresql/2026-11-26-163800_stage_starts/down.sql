DROP TABLE stage_starts;
