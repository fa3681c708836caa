-- Fees of the platform with their VAT, and the invoice of each (E3); papers about one of several things of a case.

INSERT INTO account_kinds (kind, sign, floor) VALUES ('vat:payable', 1, NULL);

-- What was booked as a fee, once a journal. The number is given as the transaction commits: a year of invoices has no
-- gap, and nobody waits for another one's number while accounts are locked. ``policy_id`` says who the seller was.
CREATE TABLE invoices (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    case_id uuid NOT NULL REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    journal_id uuid NOT NULL UNIQUE,
    policy_id uuid NOT NULL REFERENCES policies,
    fee bigint NOT NULL CHECK (fee > 0),
    vat bigint NOT NULL,
    vat_rate int NOT NULL CHECK (vat_rate BETWEEN 0 AND 10000),
    issued_at timestamptz NOT NULL,
    year int NOT NULL,
    number int CHECK (number > 0),
    CHECK (vat = fee * vat_rate / 10000),
    UNIQUE (kind, subject_id),
    UNIQUE (year, number)
);
CREATE TRIGGER invoices_keep BEFORE DELETE OR TRUNCATE OR UPDATE OF id, kind, subject_id, case_id, person_id, journal_id,
    policy_id, fee, vat, vat_rate, issued_at, year ON invoices FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoices_keep_number BEFORE UPDATE OF number ON invoices
    FOR EACH ROW WHEN (OLD.number IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE CONSTRAINT TRIGGER invoices_number AFTER INSERT ON invoices DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION number_invoice();
GRANT SELECT, INSERT (kind, subject_id, case_id, person_id, journal_id, policy_id, fee, vat, vat_rate, issued_at, year)
    ON invoices TO amanat_app;
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoices FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON invoices FOR SELECT USING (sees_all() OR person_id = acting_person());
CREATE POLICY service ON invoices USING (sees_all());

-- The last number of each year, of the Jalali calendar.
CREATE TABLE invoice_years (
    year int PRIMARY KEY,
    last int NOT NULL CHECK (last > 0)
);
ALTER TABLE invoice_years ENABLE ROW LEVEL SECURITY;
ALTER TABLE invoice_years FORCE ROW LEVEL SECURITY;
GRANT SELECT ON invoice_years TO amanat_app;
CREATE POLICY service ON invoice_years USING (sees_all());

-- Of one case a person may have several papers of a kind, each about something else: the lines of a batch.
ALTER TABLE papers
    ADD COLUMN subject_id uuid,
    DROP CONSTRAINT papers_kind_case_id_person_id_key,
    ADD CONSTRAINT papers_once UNIQUE NULLS NOT DISTINCT (kind, case_id, person_id, subject_id);
