-- What the reconciler found, and how far it came (G5).

-- Where case and process disagree. While it does so it is one row, counted up each time it is seen again.
CREATE TABLE reconciliation_findings (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES cases,
    kind text NOT NULL
        CHECK (kind IN ('process_missing', 'process_not_startable', 'process_ended_early', 'process_outlives_case')),
    found_at timestamptz NOT NULL DEFAULT now(),
    seen_again_at timestamptz,
    times int NOT NULL DEFAULT 1 CHECK (times > 0),
    settled_at timestamptz
);
CREATE UNIQUE INDEX reconciliation_findings_one_open ON reconciliation_findings (case_id, kind)
    WHERE settled_at IS NULL;
CREATE INDEX reconciliation_findings_of_case ON reconciliation_findings (case_id, kind, id DESC);
CREATE INDEX reconciliation_findings_open ON reconciliation_findings (id DESC) WHERE settled_at IS NULL;
CREATE INDEX reconciliation_findings_by_sight ON reconciliation_findings (coalesce(seen_again_at, found_at), id)
    WHERE settled_at IS NULL;
GRANT SELECT, INSERT, UPDATE ON reconciliation_findings TO amanat_app;
ALTER TABLE reconciliation_findings ENABLE ROW LEVEL SECURITY;
ALTER TABLE reconciliation_findings FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON reconciliation_findings USING (sees_all());

-- One row: who compares at present, and how far the last one came.
CREATE TABLE reconciliation_rounds (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    started_at timestamptz NOT NULL DEFAULT '-infinity',
    claimed_until timestamptz,
    kind text,
    after_id uuid,
    CHECK ((kind IS NULL) = (after_id IS NULL))
);
INSERT INTO reconciliation_rounds DEFAULT VALUES;
GRANT SELECT, UPDATE ON reconciliation_rounds TO amanat_app;
ALTER TABLE reconciliation_rounds ENABLE ROW LEVEL SECURITY;
ALTER TABLE reconciliation_rounds FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON reconciliation_rounds USING (sees_all());
