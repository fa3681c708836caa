-- Secrets that members entrust to a case (F2). What was entrusted lies in the schema vault, which amanat_vault alone may
-- enter, sealed with a key of its own that is kept outside the database: no dump of this database opens an entry whose
-- key was destroyed.

-- Whose keys these entries need, so that another directory of keys is never taken for this one.
CREATE TABLE vault.directory (
    is_this boolean PRIMARY KEY DEFAULT true CHECK (is_this),
    id uuid NOT NULL
);
GRANT SELECT, INSERT ON vault.directory TO amanat_vault;

CREATE TABLE vault.secrets (
    id uuid PRIMARY KEY,
    -- The entry's data key, wrapped by its key outside the database; the content, sealed by the data key.
    data_key bytea NOT NULL,
    sealed bytea NOT NULL CHECK (length(sealed) <= 8192),
    kept_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, DELETE ON vault.secrets TO amanat_vault;

-- What is known of each to those who may not read it. The id is its entry's, which is gone when this says so.
CREATE TABLE entrusted_secrets (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    owner_id uuid NOT NULL REFERENCES persons,
    -- As what they entrusted it: a part in the case.
    part text NOT NULL,
    kind text NOT NULL,
    host_sealed bytea NOT NULL,
    entrusted_at timestamptz NOT NULL DEFAULT now(),
    -- When its time is over: its case's end, its owner's word or its longest life, whatever comes first.
    erase_at timestamptz NOT NULL,
    why text CHECK (why IN ('case_ended', 'not_needed', 'taken_back', 'time_over')),
    erased_at timestamptz,
    CHECK (erased_at IS NULL OR why IS NOT NULL),
    -- Nothing lives longer than the key of its day (domain/vault.py, LONGEST_LIFE).
    CHECK (erase_at <= entrusted_at + interval '60 days')
);
CREATE INDEX entrusted_secrets_of_case ON entrusted_secrets (case_id, entrusted_at);
CREATE INDEX entrusted_secrets_kept ON entrusted_secrets (erase_at) WHERE erased_at IS NULL;
GRANT SELECT, INSERT, UPDATE (erase_at, why, erased_at) ON entrusted_secrets TO amanat_app;
ALTER TABLE entrusted_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE entrusted_secrets FORCE ROW LEVEL SECURITY;
-- Members see their own; what changes one runs with service rights.
CREATE POLICY own ON entrusted_secrets FOR SELECT USING (owner_id = acting_person());
CREATE POLICY service ON entrusted_secrets USING (sees_all());

-- Who has seen one, and when: for its owner.
CREATE TABLE secret_views (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret_id uuid NOT NULL REFERENCES entrusted_secrets,
    task_id uuid NOT NULL REFERENCES tasks,
    viewer_id uuid NOT NULL REFERENCES persons,
    role text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX secret_views_of_secret ON secret_views (secret_id, id);
GRANT SELECT, INSERT ON secret_views TO amanat_app;
ALTER TABLE secret_views ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret_views FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON secret_views FOR SELECT USING (EXISTS (
    SELECT FROM entrusted_secrets s WHERE s.id = secret_views.secret_id AND s.owner_id = acting_person()));
CREATE POLICY service ON secret_views USING (sees_all());

-- A secret that should have been erased is a finding of its case (H8).
ALTER TABLE reconciliation_findings
    DROP CONSTRAINT reconciliation_findings_kind_check,
    ADD CONSTRAINT reconciliation_findings_kind_check CHECK (kind IN ('process_missing', 'process_ended_early',
        'process_outlives_case', 'process_fails', 'process_times_out', 'process_misfits', 'step_fails',
        'money_in_suspense', 'gateway_refuses', 'gateway_not_set_up', 'gateway_fails', 'schedule_fails',
        'schedule_stands', 'erasure_late'));
