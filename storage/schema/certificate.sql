-- Certificates of deduction, which employers issue and may revoke (A12).

CREATE TABLE certificates (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    organisation_id uuid NOT NULL REFERENCES organisations,
    monthly bigint NOT NULL CHECK (monthly > 0),
    instalments int NOT NULL CHECK (instalments > 0),
    unit text NOT NULL DEFAULT 'IRR' CHECK (unit = 'IRR'),
    valid_until date NOT NULL,
    issued_by uuid NOT NULL REFERENCES persons,
    issued_at timestamptz NOT NULL DEFAULT now(),
    revoked_by uuid REFERENCES persons,
    revoked_at timestamptz,
    revoke_reason text
);
CREATE INDEX certificates_of_case ON certificates (case_id);
CREATE INDEX certificates_of_organisation ON certificates (organisation_id, id DESC);
GRANT SELECT, INSERT, UPDATE ON certificates TO amanat_app;
ALTER TABLE certificates ENABLE ROW LEVEL SECURITY;
ALTER TABLE certificates FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON certificates USING (sees_all() OR person_id = acting_person());
