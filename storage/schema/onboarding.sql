-- Applications for credit, and the credit lines that come of them.

-- One open application for each person and programme (A10).
CREATE UNIQUE INDEX cases_one_open ON cases (person_id, kind, variant)
    WHERE closed_at IS NULL AND kind = 'onboarding';
INSERT INTO services (name) VALUES ('onboarding');
-- What was granted, and what of it is still to be had: never under 0.
INSERT INTO account_kinds (kind, sign, floor) VALUES ('credit:granted', -1, NULL), ('credit:available', 1, 0);

CREATE TABLE applications (
    case_id uuid PRIMARY KEY REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    employment_id uuid NOT NULL REFERENCES employments,
    programme text NOT NULL,
    monthly bigint NOT NULL CHECK (monthly > 0),
    instalments int NOT NULL CHECK (instalments > 0),
    net_pay bigint NOT NULL CHECK (net_pay > 0),
    region_code text NOT NULL,
    hire_date date NOT NULL,
    mandate_version int NOT NULL,
    approved_monthly bigint CHECK (approved_monthly > 0),
    approved_instalments int CHECK (approved_instalments > 0),
    unit text NOT NULL DEFAULT 'IRR' CHECK (unit = 'IRR'),
    -- Where the review stands: facts say who did it, these say what holds now.
    approved_at timestamptz,
    approved_by uuid REFERENCES persons,
    activates_at timestamptz,
    returned_at timestamptz,
    CONSTRAINT applications_approval CHECK ((approved_at IS NULL) = (approved_by IS NULL)
        AND (approved_at IS NULL) = (activates_at IS NULL) AND (approved_at IS NULL OR returned_at IS NULL))
);
CREATE INDEX applications_of_person ON applications (person_id);
GRANT SELECT, INSERT, UPDATE ON applications TO amanat_app;
ALTER TABLE applications ENABLE ROW LEVEL SECURITY;
ALTER TABLE applications FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON applications USING (sees_all() OR person_id = acting_person());

CREATE TABLE credit_lines (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL UNIQUE REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    organisation_id uuid NOT NULL REFERENCES organisations,
    programme text NOT NULL,
    monthly bigint NOT NULL CHECK (monthly > 0),
    instalments int NOT NULL CHECK (instalments > 0),
    unit text NOT NULL DEFAULT 'IRR' CHECK (unit = 'IRR'),
    card_index bytea NOT NULL UNIQUE,
    card_sealed bytea NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    ends_on date NOT NULL,
    purchases_stopped_at timestamptz,
    closed_at timestamptz
);
CREATE INDEX credit_lines_of_person ON credit_lines (person_id, id DESC);
GRANT SELECT, INSERT, UPDATE ON credit_lines TO amanat_app;
ALTER TABLE credit_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON credit_lines USING (sees_all() OR person_id = acting_person());
