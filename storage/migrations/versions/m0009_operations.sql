-- What operators may close to new cases, one row each for good; who did it and why stands in the audit trail as well.
CREATE TABLE services (
    name text PRIMARY KEY,
    is_open boolean NOT NULL DEFAULT true,
    reason text CHECK (reason ~ '\S' AND length(reason) <= 500),
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by uuid REFERENCES persons,
    CONSTRAINT services_closed_by_somebody CHECK (is_open OR (reason IS NOT NULL AND changed_by IS NOT NULL))
);
INSERT INTO services (name) VALUES ('onboarding'), ('substitution'), ('personnel_import');
CREATE TRIGGER services_keep BEFORE DELETE OR TRUNCATE ON services FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, UPDATE (is_open, reason, changed_at, changed_by) ON services TO amanat_app;
-- Whoever applies must know whether they may; only staff switch.
ALTER TABLE services ENABLE ROW LEVEL SECURITY;
ALTER TABLE services FORCE ROW LEVEL SECURITY;
CREATE POLICY everybody ON services FOR SELECT USING (true);
CREATE POLICY service ON services FOR UPDATE USING (sees_all());

-- Why a notice failed for good: a short code, never an address or a number.
ALTER TABLE notices ADD COLUMN failure text,
    ADD CONSTRAINT notices_failure CHECK (failure IS NULL OR (state = 'failed' AND length(failure) <= 100));
CREATE INDEX notices_pending ON notices (id) WHERE state = 'pending';
-- The notice of a promise as a column, for the reason that its case is one: how often it was tried already.
ALTER TABLE outbox ADD COLUMN notice_id uuid GENERATED ALWAYS AS ((payload ->> 'notice_id')::uuid) STORED;
CREATE INDEX outbox_of_notice ON outbox (notice_id) WHERE sent_at IS NULL AND notice_id IS NOT NULL;

-- Late cases of all kinds, the oldest first. What is over is due no more.
CREATE INDEX cases_by_due ON cases (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX certificates_of_organisation ON certificates (organisation_id, id DESC);
