-- Where an application's review stands: facts say who did it, these say what holds now.
ALTER TABLE applications
    ADD COLUMN approved_at timestamptz,
    ADD COLUMN approved_by uuid REFERENCES persons,
    ADD COLUMN activates_at timestamptz,
    ADD COLUMN returned_at timestamptz,
    ADD CONSTRAINT applications_approval CHECK ((approved_at IS NULL) = (approved_by IS NULL)
        AND (approved_at IS NULL) = (activates_at IS NULL) AND (approved_at IS NULL OR returned_at IS NULL));

-- Whoever stands, stood or was asked to stand for somebody's credit, and the terms they answered.
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
-- An answer is given once, and what ended stays ended.
CREATE FUNCTION keep_guarantee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL OR (OLD.status = 'accepted' AND NEW.ended_at IS NULL)
       OR (OLD.accepted_at IS NOT NULL AND (NEW.accepted_at, NEW.mandate_version) IS DISTINCT FROM
          (OLD.accepted_at, OLD.mandate_version))
       OR (NEW.id, NEW.case_id, NEW.credit_case_id, NEW.applicant_id, NEW.person_id, NEW.employment_id, NEW.monthly,
           NEW.instalments, NEW.replaces_id, NEW.named_at) IS DISTINCT FROM
          (OLD.id, OLD.case_id, OLD.credit_case_id, OLD.applicant_id, OLD.person_id, OLD.employment_id, OLD.monthly,
           OLD.instalments, OLD.replaces_id, OLD.named_at) THEN
        RAISE EXCEPTION 'a guarantee that was answered never changes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarantees_keep BEFORE UPDATE ON guarantees FOR EACH ROW EXECUTE FUNCTION keep_guarantee();
GRANT SELECT, INSERT, UPDATE ON guarantees TO amanat_app;
ALTER TABLE guarantees ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarantees FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON guarantees USING (sees_all() OR person_id = acting_person() OR applicant_id = acting_person());

-- Whoever no longer takes part no longer sees the case.
DROP POLICY own ON cases;
CREATE POLICY own ON cases USING (sees_all() OR person_id = acting_person() OR EXISTS (SELECT FROM case_people p
    WHERE p.case_id = cases.id AND p.person_id = acting_person() AND p.until IS NULL));

-- Waits are told in seconds from here on: a stand-alone demonstration waits for seconds, not for days.
UPDATE tasks SET details = details - 'remind_hours'
    || jsonb_build_object('remind_seconds', (details ->> 'remind_hours')::bigint * 3600)
    WHERE status = 'open' AND details ? 'remind_hours' AND kind IN ('issue_certificate', 'clear_obstacle');
