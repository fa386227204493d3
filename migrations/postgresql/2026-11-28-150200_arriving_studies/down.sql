DROP TABLE pacs_callers;
DROP TABLE arriving_studies;
