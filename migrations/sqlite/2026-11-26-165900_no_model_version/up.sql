-- Written and never read: a stage's payload names its models with their hashes.
ALTER TABLE stage_results DROP COLUMN model_version;
