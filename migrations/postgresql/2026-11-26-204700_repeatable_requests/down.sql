DROP TABLE predictions;
DROP TABLE repeatable_requests;
