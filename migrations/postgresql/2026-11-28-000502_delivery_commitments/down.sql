DROP TABLE delivery_commitments;
