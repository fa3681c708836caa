-- How people sign in, and what they may do.

CREATE TABLE role_grants (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    person_id uuid NOT NULL REFERENCES persons,
    role text NOT NULL,
    scope_kind text NOT NULL CHECK (scope_kind IN ('platform', 'region', 'organisation', 'merchant')),
    scope text NOT NULL DEFAULT '' CHECK ((scope = '') = (scope_kind = 'platform')),
    granted_by text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE UNIQUE INDEX role_grants_in_force ON role_grants (person_id, role, scope_kind, scope) WHERE revoked_at IS NULL;
CREATE INDEX role_grants_by_role ON role_grants (role, scope_kind, scope) WHERE revoked_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON role_grants TO amanat_app;
ALTER TABLE role_grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE role_grants FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON role_grants USING (sees_all() OR person_id = acting_person());

CREATE TABLE staff_credentials (
    person_id uuid PRIMARY KEY REFERENCES persons,
    username text NOT NULL UNIQUE CHECK (username ~ '^[a-z0-9][a-z0-9._-]{2,39}$'),
    password_hash text NOT NULL,
    totp_sealed bytea NOT NULL,
    totp_last_step bigint NOT NULL DEFAULT 0,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON staff_credentials TO amanat_app;
ALTER TABLE staff_credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE staff_credentials FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON staff_credentials USING (sees_all() OR person_id = acting_person());

CREATE TABLE sessions (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    token_hash bytea NOT NULL UNIQUE,
    person_id uuid NOT NULL REFERENCES persons,
    capacity text NOT NULL CHECK (capacity IN ('member', 'staff')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    idle_after interval NOT NULL,
    last_used_at timestamptz NOT NULL DEFAULT now(),
    strong_until timestamptz NOT NULL DEFAULT '-infinity',
    ended_at timestamptz
);
CREATE INDEX sessions_of_person ON sessions (person_id) WHERE ended_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON sessions TO amanat_app;
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON sessions USING (sees_all() OR person_id = acting_person());

CREATE TABLE one_time_codes (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    purpose text NOT NULL,
    person_id uuid REFERENCES persons,
    binding bytea NOT NULL,
    code_hash bytea NOT NULL,
    code_sealed bytea,
    tries int NOT NULL DEFAULT 0 CHECK (tries <= 5),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX one_time_codes_of_person ON one_time_codes (person_id, purpose, created_at DESC);
CREATE INDEX one_time_codes_by_expiry ON one_time_codes (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON one_time_codes TO amanat_app;
ALTER TABLE one_time_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE one_time_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON one_time_codes USING (sees_all() OR person_id = acting_person());

-- How often something was tried lately. A bucket is a keyed hash and names nobody; who signs in is nobody yet.
CREATE TABLE rate_windows (
    bucket bytea NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    used int NOT NULL,
    PRIMARY KEY (bucket, starts_at)
);
CREATE INDEX rate_windows_by_end ON rate_windows (ends_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON rate_windows TO amanat_app;
