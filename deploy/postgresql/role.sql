-- Makes a role that processes of Norma sign in as, or gives it a new password. It may do nothing until whoever owns the tables has
-- started with `database.application_role` or `database.worker_role` set to its name (`norma migrate` does that alone): that one
-- grants it what it needs, at each start.
--
--   psql postgresql://OWNER@HOST/norma --set=role=norma_worker --set=password="$(cat deploy/secrets/postgresql_worker_password)" \
--     --file=deploy/postgresql/role.sql
--
-- The owner has to be a superuser or one that may make roles.
\set ON_ERROR_STOP on
-- The password stands in no log of the server, where that is ours to say.
SELECT rolsuper AS is_superuser FROM pg_roles WHERE rolname = current_user \gset
\if :is_superuser
  SET log_statement = 'none';
  SET log_min_duration_statement = -1;
  SET log_min_error_statement = 'panic';
\endif
SELECT format('CREATE ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN PASSWORD :'password';
-- Whoever may connect could otherwise make tables of its own.
SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()) \gexec
