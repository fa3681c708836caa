-- Files of personnel data, what they could not change at once, and what the data was before.

-- One open change of a kind for each employment.
CREATE UNIQUE INDEX cases_one_open_change ON cases (person_id, organisation_id, variant)
    WHERE closed_at IS NULL AND kind = 'personnel_change';
INSERT INTO services (name) VALUES ('personnel_import');

CREATE TABLE personnel_imports (
    case_id uuid PRIMARY KEY REFERENCES cases,
    organisation_id uuid NOT NULL REFERENCES organisations,
    file_key text NOT NULL,
    file_size bigint NOT NULL,
    file_sha256 bytea NOT NULL,
    rows_total int,
    -- The last row of the file that is done; an import that was cut off goes on after it.
    last_row int NOT NULL DEFAULT 0,
    rows_read int NOT NULL DEFAULT 0,
    rows_added int NOT NULL DEFAULT 0,
    rows_changed int NOT NULL DEFAULT 0,
    rows_unchanged int NOT NULL DEFAULT 0,
    rows_refused int NOT NULL DEFAULT 0,
    changes_opened int NOT NULL DEFAULT 0,
    changes_waiting int NOT NULL DEFAULT 0,
    error text,
    error_columns jsonb NOT NULL DEFAULT '[]',
    error_row int
);
CREATE INDEX personnel_imports_of_organisation ON personnel_imports (organisation_id, case_id DESC);
GRANT SELECT, INSERT, UPDATE ON personnel_imports TO amanat_app;
ALTER TABLE personnel_imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE personnel_imports FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON personnel_imports USING (sees_all());

CREATE TABLE personnel_refusals (
    case_id uuid NOT NULL REFERENCES personnel_imports,
    row_number int NOT NULL,
    field text NOT NULL,
    code text NOT NULL,
    PRIMARY KEY (case_id, row_number)
);
GRANT SELECT, INSERT ON personnel_refusals TO amanat_app;
ALTER TABLE personnel_refusals ENABLE ROW LEVEL SECURITY;
ALTER TABLE personnel_refusals FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON personnel_refusals USING (sees_all());

CREATE TABLE personnel_changes (
    case_id uuid PRIMARY KEY REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    employment_id uuid NOT NULL REFERENCES employments,
    what text NOT NULL CHECK (what IN ('mobile', 'sheba', 'exit')),
    value_index bytea,
    value_sealed bytea,
    import_case_id uuid NOT NULL REFERENCES personnel_imports
);
GRANT SELECT, INSERT, UPDATE ON personnel_changes TO amanat_app;
ALTER TABLE personnel_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE personnel_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON personnel_changes USING (sees_all() OR person_id = acting_person());

-- What a person's data was before something altered it: the changed fields alone (H2). What a file or a decision
-- replaced names its case; what an officer corrected by hand names the officer (A3). Postgres itself says who acts, so
-- that no writer can forget it; the machine acts as nobody.
CREATE TABLE personnel_versions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id uuid REFERENCES cases,
    actor_id uuid DEFAULT acting_person() REFERENCES persons,
    person_id uuid NOT NULL REFERENCES persons,
    employment_id uuid REFERENCES employments,
    at timestamptz NOT NULL DEFAULT now(),
    before jsonb NOT NULL,
    CONSTRAINT personnel_versions_source CHECK (case_id IS NOT NULL OR actor_id IS NOT NULL)
);
CREATE INDEX personnel_versions_of_person ON personnel_versions (person_id, id DESC);
CREATE INDEX personnel_versions_of_case ON personnel_versions (case_id);
CREATE TRIGGER personnel_versions_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON personnel_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON personnel_versions TO amanat_app;
ALTER TABLE personnel_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE personnel_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON personnel_versions USING (sees_all() OR person_id = acting_person());
