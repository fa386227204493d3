ALTER TABLE analyses DROP COLUMN operating_point_named;
