-- Guarantors of a credit.

-- A person who stands, stood or was asked to stand for another one's credit, and the terms they answered.
-- case_id is the case in which they were asked, credit_case_id the application that they stand for.
CREATE TABLE guarantees (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES cases,
    credit_case_id uuid NOT NULL REFERENCES applications,
    applicant_id uuid NOT NULL REFERENCES persons,
    person_id uuid NOT NULL REFERENCES persons,
    employment_id uuid NOT NULL REFERENCES employments,
    monthly bigint NOT NULL CHECK (monthly > 0),
    instalments int NOT NULL CHECK (instalments > 0),
    unit text NOT NULL DEFAULT 'IRR' CHECK (unit = 'IRR'),
    replaces_id uuid REFERENCES guarantees,
    status text NOT NULL DEFAULT 'named'
        CHECK (status IN ('named', 'asked', 'accepted', 'refused', 'expired', 'replaced', 'released')),
    mandate_version int,
    named_at timestamptz NOT NULL DEFAULT now(),
    accepted_at timestamptz,
    ended_at timestamptz,
    CONSTRAINT guarantees_another_person CHECK (person_id <> applicant_id),
    CONSTRAINT guarantees_consent CHECK ((accepted_at IS NULL) = (mandate_version IS NULL)
        AND (status <> 'accepted' OR accepted_at IS NOT NULL)
        AND (status NOT IN ('named', 'asked', 'refused', 'expired') OR accepted_at IS NULL)),
    CONSTRAINT guarantees_end CHECK ((ended_at IS NULL) = (status IN ('named', 'asked', 'accepted')))
);
CREATE UNIQUE INDEX guarantees_once_a_case ON guarantees (case_id, person_id) WHERE ended_at IS NULL;
CREATE INDEX guarantees_of_credit ON guarantees (credit_case_id, id);
CREATE INDEX guarantees_of_person ON guarantees (person_id, id DESC);
CREATE TRIGGER guarantees_keep BEFORE UPDATE ON guarantees FOR EACH ROW EXECUTE FUNCTION keep_guarantee();
GRANT SELECT, INSERT, UPDATE ON guarantees TO amanat_app;
ALTER TABLE guarantees ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarantees FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON guarantees USING (sees_all() OR person_id = acting_person() OR applicant_id = acting_person());
