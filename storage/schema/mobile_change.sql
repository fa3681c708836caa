-- Changes of mobile that the welfare office forwards (G2): one open change a person.

INSERT INTO services (name) VALUES ('mobile_change');
CREATE UNIQUE INDEX cases_one_open_mobile_change ON cases (person_id) WHERE closed_at IS NULL AND kind = 'mobile_change';

-- The new number stays sealed; its blind index tells it from others. A correction replaces both.
CREATE TABLE mobile_changes (
    case_id uuid PRIMARY KEY REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    employment_id uuid NOT NULL REFERENCES employments,
    forwarded_by uuid NOT NULL REFERENCES persons,
    scope_kind text NOT NULL CHECK (scope_kind IN ('organisation', 'region')),
    scope text NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
    mobile_index bytea NOT NULL,
    mobile_sealed bytea NOT NULL
);
GRANT SELECT, INSERT, UPDATE (mobile_index, mobile_sealed) ON mobile_changes TO amanat_app;
ALTER TABLE mobile_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE mobile_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON mobile_changes USING (sees_all() OR person_id = acting_person());
