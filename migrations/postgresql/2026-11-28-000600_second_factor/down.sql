ALTER TABLE api_keys DROP COLUMN allowed_addresses;
ALTER TABLE sessions DROP COLUMN verified_at;
DROP TABLE recovery_codes;
DROP TABLE second_factors;
ALTER TABLE users DROP COLUMN second_factor_at;
