-- Roles. Group roles only: what logs in is made by whoever runs the server and is a member of them.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'amanat_app') THEN CREATE ROLE amanat_app NOLOGIN; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'amanat_vault') THEN CREATE ROLE amanat_vault NOLOGIN; END IF;
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO amanat_app;
CREATE SCHEMA vault;
REVOKE ALL ON SCHEMA vault FROM PUBLIC;
GRANT USAGE ON SCHEMA vault TO amanat_vault;

-- Who acts in this transaction. A missing setting means: sees nothing.
CREATE FUNCTION sees_all() RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT coalesce(current_setting('amanat.capacity', true), '') IN ('service', 'staff') $$;
CREATE FUNCTION acting_person() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('amanat.person', true), '')::uuid $$;
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$;

-- People and organisations
CREATE TABLE regions (code text PRIMARY KEY CHECK (code ~ '^[0-9]{4}$'), name text NOT NULL);
CREATE TABLE organisations (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    code text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 2 AND 200),
    monthly_cap bigint CHECK (monthly_cap > 0),
    unit text NOT NULL DEFAULT 'IRR' CHECK (unit = 'IRR'),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE contracts (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    organisation_id uuid NOT NULL REFERENCES organisations,
    number text NOT NULL CHECK (length(number) BETWEEN 1 AND 60),
    starts_on date NOT NULL,
    ends_on date NOT NULL CHECK (ends_on >= starts_on),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'ended')),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, number)
);
CREATE TABLE persons (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    national_id_index bytea NOT NULL UNIQUE,
    national_id_sealed bytea NOT NULL,
    mobile_index bytea,
    mobile_sealed bytea,
    mobile_confirmed_at timestamptz,
    money_paused_until timestamptz,
    first_name text NOT NULL DEFAULT '',
    last_name text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE employments (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    organisation_id uuid NOT NULL REFERENCES organisations,
    person_id uuid NOT NULL REFERENCES persons,
    region_code text NOT NULL REFERENCES regions,
    hire_date date NOT NULL,
    net_pay bigint NOT NULL CHECK (net_pay > 0),
    unit text NOT NULL DEFAULT 'IRR' CHECK (unit = 'IRR'),
    sheba_index bytea NOT NULL,
    sheba_sealed bytea NOT NULL,
    state text NOT NULL DEFAULT 'employed' CHECK (state IN ('employed', 'exit_reported', 'left')),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, person_id)
);
CREATE INDEX employments_of_person ON employments (person_id);

-- Accounts of people
CREATE TABLE role_grants (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    person_id uuid NOT NULL REFERENCES persons,
    role text NOT NULL,
    scope_kind text NOT NULL CHECK (scope_kind IN ('platform', 'region', 'organisation', 'merchant')),
    scope text NOT NULL DEFAULT '' CHECK ((scope = '') = (scope_kind = 'platform')),
    granted_by text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE UNIQUE INDEX role_grants_in_force ON role_grants (person_id, role, scope_kind, scope) WHERE revoked_at IS NULL;
CREATE INDEX role_grants_by_role ON role_grants (role, scope_kind, scope) WHERE revoked_at IS NULL;
CREATE TABLE staff_credentials (
    person_id uuid PRIMARY KEY REFERENCES persons,
    username text NOT NULL UNIQUE CHECK (username ~ '^[a-z0-9][a-z0-9._-]{2,39}$'),
    password_hash text NOT NULL,
    totp_sealed bytea NOT NULL,
    totp_last_step bigint NOT NULL DEFAULT 0,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE sessions (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    token_hash bytea NOT NULL UNIQUE,
    person_id uuid NOT NULL REFERENCES persons,
    capacity text NOT NULL CHECK (capacity IN ('member', 'staff')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    idle_after interval NOT NULL,
    last_used_at timestamptz NOT NULL DEFAULT now(),
    strong_until timestamptz NOT NULL DEFAULT '-infinity',
    ended_at timestamptz
);
CREATE INDEX sessions_of_person ON sessions (person_id) WHERE ended_at IS NULL;
CREATE TABLE one_time_codes (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    purpose text NOT NULL,
    person_id uuid REFERENCES persons,
    binding bytea NOT NULL,
    code_hash bytea NOT NULL,
    code_sealed bytea,
    tries int NOT NULL DEFAULT 0 CHECK (tries <= 5),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX one_time_codes_of_person ON one_time_codes (person_id, purpose, created_at DESC);
CREATE INDEX one_time_codes_by_expiry ON one_time_codes (expires_at);
CREATE TABLE rate_windows (
    bucket bytea NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    used int NOT NULL,
    PRIMARY KEY (bucket, starts_at)
);
CREATE INDEX rate_windows_by_end ON rate_windows (ends_at);

-- Policies: data, versioned, changed by two people
CREATE TABLE policies (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_:.-]{1,79}$'),
    version int NOT NULL CHECK (version > 0),
    value jsonb NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL DEFAULT now(),
    approved_by text,
    approved_at timestamptz,
    rejected_at timestamptz,
    UNIQUE (name, version),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (approved_by IS NULL OR rejected_at IS NULL),
    CONSTRAINT two_people CHECK (approved_by <> proposed_by OR approved_by = 'system')
);
CREATE INDEX policies_in_force ON policies (name, version DESC) WHERE approved_at IS NOT NULL;
CREATE FUNCTION keep_policy_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.approved_at IS NOT NULL OR OLD.rejected_at IS NOT NULL
       OR (NEW.name, NEW.version, NEW.value, NEW.proposed_by) IS DISTINCT FROM
          (OLD.name, OLD.version, OLD.value, OLD.proposed_by) THEN
        RAISE EXCEPTION 'a policy version never changes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policies_keep BEFORE UPDATE ON policies FOR EACH ROW EXECUTE FUNCTION keep_policy_version();

-- Cases and all that hangs on them
CREATE TABLE cases (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    kind text NOT NULL,
    variant text NOT NULL DEFAULT '',
    phase text NOT NULL,
    outcome text,
    person_id uuid REFERENCES persons,
    organisation_id uuid REFERENCES organisations,
    region_code text REFERENCES regions,
    next_actor text,
    due_at timestamptz,
    policy_id uuid NOT NULL REFERENCES policies,
    version bigint NOT NULL DEFAULT 1,
    opened_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    CHECK ((closed_at IS NULL) = (outcome IS NULL)),
    CHECK (closed_at IS NULL OR (next_actor IS NULL AND due_at IS NULL))
);
CREATE UNIQUE INDEX cases_one_open ON cases (person_id, kind, variant)
    WHERE closed_at IS NULL AND kind = 'onboarding';
CREATE UNIQUE INDEX cases_one_open_change ON cases (person_id, organisation_id, variant)
    WHERE closed_at IS NULL AND kind = 'personnel_change';
CREATE INDEX cases_of_person ON cases (person_id, id DESC);
CREATE INDEX cases_of_organisation ON cases (organisation_id, id DESC);
CREATE INDEX cases_of_region ON cases (region_code, id DESC);
CREATE INDEX cases_by_kind ON cases (kind, id DESC);
CREATE INDEX cases_open ON cases (kind, due_at) WHERE closed_at IS NULL;
CREATE TABLE case_people (
    case_id uuid NOT NULL REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    part text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    until timestamptz,
    PRIMARY KEY (case_id, person_id, part)
);
CREATE INDEX case_people_of_person ON case_people (person_id, case_id DESC);
CREATE TABLE facts (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES cases,
    kind text NOT NULL,
    actor_id uuid REFERENCES persons,
    capacity text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX facts_of_case ON facts (case_id, kind, id DESC);
CREATE TABLE tasks (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES cases,
    kind text NOT NULL,
    person_id uuid REFERENCES persons,
    role text,
    scope_kind text CHECK (scope_kind IN ('platform', 'region', 'organisation', 'merchant')),
    scope text,
    details jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'moot', 'expired')),
    outcome text,
    opened_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL,
    claimed_by uuid REFERENCES persons,
    claimed_at timestamptz,
    decided_by uuid REFERENCES persons,
    closed_at timestamptz,
    fact_id uuid REFERENCES facts,
    version bigint NOT NULL DEFAULT 1,
    CHECK ((person_id IS NULL) <> (role IS NULL)),
    CHECK ((role IS NULL) = (scope_kind IS NULL)),
    CHECK ((status = 'open') = (closed_at IS NULL)),
    CHECK ((status = 'done') = (fact_id IS NOT NULL))
);
CREATE UNIQUE INDEX tasks_one_open ON tasks (case_id, kind, coalesce(person_id, '00000000-0000-0000-0000-000000000000'))
    WHERE status = 'open';
CREATE INDEX tasks_of_case ON tasks (case_id);
CREATE INDEX tasks_of_person ON tasks (person_id, due_at, id) WHERE status = 'open';
CREATE INDEX tasks_of_role ON tasks (role, scope_kind, scope, due_at, id) WHERE status = 'open';
CREATE INDEX tasks_ever_of_role ON tasks (role, scope_kind, scope, case_id DESC);
CREATE TABLE transitions (
    key text PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    input_hash bytea NOT NULL,
    result jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX transitions_of_case ON transitions (case_id);
CREATE TABLE timeline (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    code text NOT NULL,
    params jsonb NOT NULL DEFAULT '{}',
    actor text NOT NULL
);
CREATE INDEX timeline_of_case ON timeline (case_id, id);
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz,
    attempts int NOT NULL DEFAULT 0,
    last_error text,
    sent_at timestamptz
);
CREATE INDEX outbox_waiting ON outbox (message, due_at, id) WHERE sent_at IS NULL;
CREATE INDEX outbox_of_case ON outbox ((payload ->> 'case_id')) WHERE payload ? 'case_id';
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
CREATE TABLE notices (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    person_id uuid NOT NULL REFERENCES persons,
    case_id uuid REFERENCES cases,
    channel text NOT NULL CHECK (channel IN ('sms', 'mail')),
    -- Set when it goes to another number than the person's present one: to the one that was replaced (G2).
    mobile_sealed bytea,
    template text NOT NULL,
    params jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed')),
    provider_ref text,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz
);
CREATE INDEX notices_of_person ON notices (person_id, id DESC);
CREATE INDEX notices_of_case ON notices (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX notices_failed ON notices (id) WHERE state = 'failed';
CREATE TABLE idempotency (
    actor_id uuid NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 8 AND 220),
    fingerprint bytea NOT NULL,
    status int NOT NULL CHECK (status BETWEEN 200 AND 299),
    answer_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor_id, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- Audit: a hash chain per stream; rows come only through audit_append
CREATE TABLE audit_heads (stream text PRIMARY KEY, seq bigint NOT NULL, hash bytea NOT NULL);
CREATE TABLE audit (
    stream text NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    content text NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (stream, seq)
);
CREATE FUNCTION audit_append(stream_name text, entry text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head audit_heads%ROWTYPE;
    moment timestamptz := clock_timestamp();
    link bytea;
BEGIN
    INSERT INTO audit_heads (stream, seq, hash) VALUES (stream_name, 0, ''::bytea) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT head FROM audit_heads WHERE stream = stream_name FOR UPDATE;
    link := sha256(head.hash || convert_to(stream_name || chr(10) || (head.seq + 1) || chr(10)
        || (extract(epoch FROM moment) * 1000000)::bigint || chr(10) || entry, 'UTF8'));
    INSERT INTO audit (stream, seq, at, content, hash) VALUES (stream_name, head.seq + 1, moment, entry, link);
    UPDATE audit_heads SET seq = head.seq + 1, hash = link WHERE stream = stream_name;
    RETURN head.seq + 1;
END $$;
REVOKE ALL ON FUNCTION audit_append(text, text) FROM PUBLIC;

-- Onboarding
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
    unit text NOT NULL DEFAULT 'IRR' CHECK (unit = 'IRR')
);
CREATE INDEX applications_of_person ON applications (person_id);
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

-- Personnel files
CREATE TABLE personnel_imports (
    case_id uuid PRIMARY KEY REFERENCES cases,
    organisation_id uuid NOT NULL REFERENCES organisations,
    file_key text NOT NULL,
    file_size bigint NOT NULL,
    file_sha256 bytea NOT NULL,
    rows_total int,
    -- The last row of the file that is done; an import that was cut off goes on after it.
    last_row int NOT NULL DEFAULT 0,
    rows_read int NOT NULL DEFAULT 0,
    rows_added int NOT NULL DEFAULT 0,
    rows_changed int NOT NULL DEFAULT 0,
    rows_unchanged int NOT NULL DEFAULT 0,
    rows_refused int NOT NULL DEFAULT 0,
    changes_opened int NOT NULL DEFAULT 0,
    changes_waiting int NOT NULL DEFAULT 0,
    error text,
    error_columns jsonb NOT NULL DEFAULT '[]',
    error_row int
);
CREATE INDEX personnel_imports_of_organisation ON personnel_imports (organisation_id, case_id DESC);
CREATE TABLE personnel_refusals (
    case_id uuid NOT NULL REFERENCES personnel_imports,
    row_number int NOT NULL,
    field text NOT NULL,
    code text NOT NULL,
    PRIMARY KEY (case_id, row_number)
);
CREATE TABLE personnel_changes (
    case_id uuid PRIMARY KEY REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    employment_id uuid NOT NULL REFERENCES employments,
    what text NOT NULL CHECK (what IN ('mobile', 'sheba', 'exit')),
    value_index bytea,
    value_sealed bytea,
    import_case_id uuid NOT NULL REFERENCES personnel_imports
);
-- What a person's data was before a file or a confirmed change altered it: the changed fields alone (H2)
CREATE TABLE personnel_versions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    employment_id uuid REFERENCES employments,
    at timestamptz NOT NULL DEFAULT now(),
    before jsonb NOT NULL
);
CREATE INDEX personnel_versions_of_person ON personnel_versions (person_id, id DESC);
CREATE INDEX personnel_versions_of_case ON personnel_versions (case_id);

-- Append-only, whoever asks
CREATE TRIGGER facts_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON facts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER timeline_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON timeline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transitions_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON transitions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER personnel_versions_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON personnel_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What the app may do
GRANT SELECT ON ALL TABLES IN SCHEMA public TO amanat_app;
GRANT INSERT, UPDATE ON organisations, contracts, persons, employments, role_grants, staff_credentials, sessions,
    policies, cases, case_people, tasks, notices, applications, certificates, credit_lines, personnel_imports,
    personnel_changes TO amanat_app;
GRANT INSERT ON facts, timeline, transitions, personnel_refusals, personnel_versions TO amanat_app;
GRANT INSERT, UPDATE, DELETE ON one_time_codes, rate_windows, outbox, idempotency TO amanat_app;
GRANT EXECUTE ON FUNCTION audit_append(text, text) TO amanat_app;

-- The second wall: a member's transaction sees only rows of that member
ALTER TABLE persons ENABLE ROW LEVEL SECURITY;
ALTER TABLE persons FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON persons USING (sees_all() OR id = acting_person());
ALTER TABLE cases ENABLE ROW LEVEL SECURITY;
ALTER TABLE cases FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON cases USING (sees_all() OR person_id = acting_person()
    OR EXISTS (SELECT FROM case_people p WHERE p.case_id = cases.id AND p.person_id = acting_person()));
ALTER TABLE case_people ENABLE ROW LEVEL SECURITY;
ALTER TABLE case_people FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON case_people FOR SELECT USING (sees_all() OR person_id = acting_person());
CREATE POLICY service ON case_people FOR UPDATE USING (sees_all());
-- A member takes part in what they open themselves, and in nothing else.
CREATE POLICY opener ON case_people FOR INSERT WITH CHECK (sees_all() OR (person_id = acting_person()
    AND EXISTS (SELECT FROM cases c WHERE c.id = case_id AND c.person_id = acting_person())));
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON idempotency USING (sees_all() OR actor_id = acting_person());
-- Whoever acts may promise; only the relay reads what was promised.
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY promise ON outbox FOR INSERT WITH CHECK (true);
CREATE POLICY service ON outbox USING (sees_all());
-- The trail is written through audit_append, which runs as the owner.
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON audit USING (sees_all());
ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON audit_heads USING (sees_all());
DO $$
DECLARE
    member_table text;
BEGIN
    FOREACH member_table IN ARRAY ARRAY['transitions', 'personnel_imports', 'personnel_refusals'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', member_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', member_table);
        EXECUTE format('CREATE POLICY service ON %I USING (sees_all())', member_table);
    END LOOP;
    FOREACH member_table IN ARRAY ARRAY['employments', 'sessions', 'role_grants', 'staff_credentials', 'one_time_codes', 'notices', 'applications',
        'certificates', 'credit_lines', 'personnel_changes', 'personnel_versions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', member_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', member_table);
        EXECUTE format('CREATE POLICY own ON %I USING (sees_all() OR person_id = acting_person())', member_table);
    END LOOP;
    FOREACH member_table IN ARRAY ARRAY['facts', 'timeline', 'tasks'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', member_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', member_table);
        EXECUTE format('CREATE POLICY own ON %I USING (sees_all() OR EXISTS '
            '(SELECT FROM cases c WHERE c.id = %I.case_id))', member_table, member_table);
    END LOOP;
END $$;
