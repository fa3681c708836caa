-- Policies: data, versioned, changed by two people. Those that ship come from the files in policies/.

CREATE TABLE policies (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_:.-]{1,79}$'),
    version int NOT NULL CHECK (version > 0),
    value jsonb NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL DEFAULT now(),
    approved_by text,
    approved_at timestamptz,
    rejected_at timestamptz,
    UNIQUE (name, version),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (approved_by IS NULL OR rejected_at IS NULL),
    CONSTRAINT two_people CHECK (approved_by <> proposed_by OR approved_by = 'system')
);
CREATE INDEX policies_in_force ON policies (name, version DESC) WHERE approved_at IS NOT NULL;
CREATE TRIGGER policies_keep BEFORE UPDATE ON policies FOR EACH ROW EXECUTE FUNCTION keep_policy_version();
GRANT SELECT, INSERT, UPDATE ON policies TO amanat_app;
