-- Members' own bank cards and shebas. A bank says whose they are: another person may have added the same number, and
-- learns nothing of it. Who is asked about what stays; what was removed stays too, and nobody is shown it.

CREATE TABLE bank_accounts (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    person_id uuid NOT NULL REFERENCES persons,
    kind text NOT NULL CHECK (kind IN ('card', 'sheba')),
    number_index bytea NOT NULL,
    number_sealed bytea NOT NULL,
    last_four text NOT NULL CHECK (last_four ~ '^[0-9]{4}$'),
    -- The bank's three digits; nothing for a bank that we do not know.
    bank text CHECK (bank ~ '^[0-9]{3}$'),
    state text NOT NULL DEFAULT 'checking' CHECK (state IN ('checking', 'confirmed', 'refused', 'failed')),
    reason text CHECK (reason IN ('not_owner', 'not_active')),
    is_default boolean NOT NULL DEFAULT false,
    tries int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    asked_at timestamptz,
    answered_at timestamptz,
    removed_at timestamptz,
    CHECK ((state = 'refused') = (reason IS NOT NULL)),
    CHECK ((state = 'checking') = (answered_at IS NULL)),
    CHECK (NOT is_default OR (state = 'confirmed' AND removed_at IS NULL))
);
CREATE UNIQUE INDEX bank_accounts_once ON bank_accounts (person_id, kind, number_index) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX bank_accounts_default ON bank_accounts (person_id, kind) WHERE is_default;
GRANT SELECT, INSERT, UPDATE (state, reason, is_default, tries, asked_at, answered_at, removed_at) ON bank_accounts
    TO amanat_app;
ALTER TABLE bank_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE bank_accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON bank_accounts USING (sees_all() OR person_id = acting_person());
