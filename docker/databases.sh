#!/bin/bash
# Runs once, when the Postgres volume is new: roles and databases of Amanat, and Temporal's own, which
# neither can enter. psql reads the passwords from its environment: every process may read its arguments.
set -euo pipefail
for name in AMANAT_OWNER_PASSWORD AMANAT_APP_PASSWORD AMANAT_VAULT_PASSWORD TEMPORAL_DATABASE_PASSWORD; do
    file="${name}_FILE"
    export "$name=$(<"${!file:?}")"
    : "${!name:?}"
done

psql --no-psqlrc --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv owner_password AMANAT_OWNER_PASSWORD
\getenv app_password AMANAT_APP_PASSWORD
\getenv vault_password AMANAT_VAULT_PASSWORD
\getenv temporal_password TEMPORAL_DATABASE_PASSWORD
CREATE ROLE amanat_owner LOGIN CREATEDB CREATEROLE NOSUPERUSER NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE amanat_app NOLOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE amanat_vault NOLOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE amanat_app_login LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'app_password';
CREATE ROLE amanat_vault_login LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'vault_password';
GRANT amanat_app, amanat_vault TO amanat_owner WITH ADMIN OPTION;
GRANT amanat_app TO amanat_app_login;
GRANT amanat_vault TO amanat_vault_login;
CREATE DATABASE amanat OWNER amanat_owner;
REVOKE ALL ON DATABASE amanat FROM PUBLIC;
GRANT CONNECT ON DATABASE amanat TO amanat_app, amanat_vault;
GRANT TEMPORARY ON DATABASE amanat TO amanat_app;  -- an import lays its rows down in a temporary table

CREATE ROLE temporal LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'temporal_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE ALL ON DATABASE temporal, temporal_visibility FROM PUBLIC;
SQL
