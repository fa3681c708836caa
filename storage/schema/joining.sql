-- Who wants to become a member: kept until their code has come back or is over; and which terms members accepted.

-- A code may go elsewhere than to its person's number: to one that is not theirs yet, or to an e-mail address.
ALTER TABLE one_time_codes
    ADD COLUMN channel text NOT NULL DEFAULT 'sms' CHECK (channel IN ('sms', 'mail')),
    ADD COLUMN sent_to bytea;

CREATE TABLE joinings (
    code_id uuid PRIMARY KEY REFERENCES one_time_codes ON DELETE CASCADE,
    national_id_index bytea NOT NULL,
    national_id_sealed bytea NOT NULL,
    mobile_index bytea NOT NULL,
    mobile_sealed bytea NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    terms_version int NOT NULL,
    -- What the registry said of national id and number; nothing before it has answered.
    is_matched boolean
);
GRANT SELECT, INSERT, UPDATE (is_matched), DELETE ON joinings TO amanat_app;
ALTER TABLE joinings ENABLE ROW LEVEL SECURITY;
ALTER TABLE joinings FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON joinings USING (sees_all());

CREATE TABLE terms_acceptances (
    person_id uuid NOT NULL REFERENCES persons,
    version int NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, version)
);
CREATE TRIGGER terms_acceptances_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON terms_acceptances
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON terms_acceptances TO amanat_app;
ALTER TABLE terms_acceptances ENABLE ROW LEVEL SECURITY;
ALTER TABLE terms_acceptances FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON terms_acceptances USING (sees_all() OR person_id = acting_person());

-- A list's number may be proposed because its person joined with another one: then no file says so.
ALTER TABLE personnel_changes ALTER COLUMN import_case_id DROP NOT NULL;
