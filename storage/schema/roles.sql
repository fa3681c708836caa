-- Applied first, by each migration run. Group roles only: what logs in is made by whoever runs the server and is a
-- member of them. amanat_app is what api and worker are; amanat_vault alone may use the schema vault, where credentials
-- that customers entrust go; the owner runs the migrations.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'amanat_app') THEN CREATE ROLE amanat_app NOLOGIN; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'amanat_vault') THEN CREATE ROLE amanat_vault NOLOGIN; END IF;
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO amanat_app;
CREATE SCHEMA IF NOT EXISTS vault;
REVOKE ALL ON SCHEMA vault FROM PUBLIC;
GRANT USAGE ON SCHEMA vault TO amanat_vault;
