ALTER TABLE stage_results ADD COLUMN model_version TEXT;
