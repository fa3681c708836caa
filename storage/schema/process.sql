-- Cases and all that hangs on them, whatever their kind: what people did, what waits for whom, what is to be sent.

CREATE TABLE cases (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    -- What people call it by, on the telephone too (G6).
    number text NOT NULL UNIQUE DEFAULT new_case_number(),
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
CREATE INDEX cases_of_person ON cases (person_id, id DESC);
CREATE INDEX cases_of_organisation ON cases (organisation_id, id DESC);
CREATE INDEX cases_of_region ON cases (region_code, id DESC);
CREATE INDEX cases_by_kind ON cases (kind, id DESC);
CREATE INDEX cases_open ON cases (kind, due_at) WHERE closed_at IS NULL;
-- The reconciler walks through the open cases of a kind by id.
CREATE INDEX cases_open_by_id ON cases (kind, id) WHERE closed_at IS NULL;
-- Late cases of all kinds, the oldest first. What is over is due no more.
CREATE INDEX cases_by_due ON cases (due_at, id) WHERE due_at IS NOT NULL;

CREATE TABLE case_people (
    case_id uuid NOT NULL REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    part text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    until timestamptz,
    PRIMARY KEY (case_id, person_id, part)
);
CREATE INDEX case_people_of_person ON case_people (person_id, case_id DESC);

GRANT SELECT, INSERT, UPDATE ON cases TO amanat_app;
ALTER TABLE cases ENABLE ROW LEVEL SECURITY;
ALTER TABLE cases FORCE ROW LEVEL SECURITY;
-- Who no longer takes part no longer sees the case.
CREATE POLICY own ON cases USING (sees_all() OR person_id = acting_person() OR EXISTS (SELECT FROM case_people p
    WHERE p.case_id = cases.id AND p.person_id = acting_person() AND p.until IS NULL));

GRANT SELECT, INSERT, UPDATE ON case_people TO amanat_app;
ALTER TABLE case_people ENABLE ROW LEVEL SECURITY;
ALTER TABLE case_people FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON case_people FOR SELECT USING (sees_all() OR person_id = acting_person());
CREATE POLICY service ON case_people FOR UPDATE USING (sees_all());
-- A member takes part in what they open themselves, and in nothing else.
CREATE POLICY opener ON case_people FOR INSERT WITH CHECK (sees_all() OR (person_id = acting_person()
    AND EXISTS (SELECT FROM cases c WHERE c.id = case_id AND c.person_id = acting_person())));

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
CREATE TRIGGER facts_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON facts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON facts TO amanat_app;
ALTER TABLE facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE facts FORCE ROW LEVEL SECURITY;
-- A fact, a task and a line of the timeline are seen with their case.
CREATE POLICY own ON facts USING (sees_all() OR EXISTS (SELECT FROM cases c WHERE c.id = facts.case_id));

CREATE TABLE tasks (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES cases,
    kind text NOT NULL,
    person_id uuid REFERENCES persons,
    role text,
    scope_kind text CHECK (scope_kind IN ('platform', 'region', 'organisation', 'merchant')),
    scope text,
    -- What it is about, besides its case: a guarantee, say.
    subject_id uuid,
    details jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'moot', 'expired')),
    outcome text,
    opened_at timestamptz NOT NULL DEFAULT now(),
    remind_at timestamptz NOT NULL,
    reminded_at timestamptz,
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
GRANT SELECT, INSERT, UPDATE ON tasks TO amanat_app;
ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE tasks FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tasks USING (sees_all() OR EXISTS (SELECT FROM cases c WHERE c.id = tasks.case_id));

-- What the machine waits for though nobody is asked: the step is taken when its time has come.
CREATE TABLE deadlines (
    case_id uuid NOT NULL REFERENCES cases,
    step text NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (case_id, step)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON deadlines TO amanat_app;
ALTER TABLE deadlines ENABLE ROW LEVEL SECURITY;
ALTER TABLE deadlines FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON deadlines USING (sees_all() OR EXISTS (SELECT FROM cases c WHERE c.id = deadlines.case_id));

CREATE TABLE transitions (
    case_id uuid NOT NULL REFERENCES cases,
    step text NOT NULL,
    round int NOT NULL,
    result jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (case_id, step, round)
);
CREATE TRIGGER transitions_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON transitions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON transitions TO amanat_app;
ALTER TABLE transitions ENABLE ROW LEVEL SECURITY;
ALTER TABLE transitions FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON transitions USING (sees_all());

CREATE TABLE timeline (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    code text NOT NULL,
    params jsonb NOT NULL DEFAULT '{}',
    actor text NOT NULL
);
CREATE INDEX timeline_of_case ON timeline (case_id, id);
CREATE TRIGGER timeline_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON timeline
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON timeline TO amanat_app;
ALTER TABLE timeline ENABLE ROW LEVEL SECURITY;
ALTER TABLE timeline FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON timeline USING (sees_all() OR EXISTS (SELECT FROM cases c WHERE c.id = timeline.case_id));

-- Case and notice of a message are columns: row-level security keeps an index on payload ->> 'case_id' from being used,
-- because that operator is not leakproof.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message text NOT NULL,
    payload jsonb NOT NULL,
    case_id uuid GENERATED ALWAYS AS ((payload ->> 'case_id')::uuid) STORED,
    notice_id uuid GENERATED ALWAYS AS ((payload ->> 'notice_id')::uuid) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz,
    attempts int NOT NULL DEFAULT 0,
    last_error text,
    sent_at timestamptz
);
CREATE INDEX outbox_waiting ON outbox (message, due_at, id) WHERE sent_at IS NULL;
CREATE INDEX outbox_of_case ON outbox (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX outbox_of_notice ON outbox (notice_id) WHERE sent_at IS NULL AND notice_id IS NOT NULL;
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO amanat_app;
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
-- Everybody who acts may add a message; only the relay reads them.
CREATE POLICY promise ON outbox FOR INSERT WITH CHECK (true);
CREATE POLICY service ON outbox USING (sees_all());

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
    -- Why it failed for good: a short code, never an address or a number.
    failure text,
    provider_ref text,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    CONSTRAINT notices_failure CHECK (failure IS NULL OR (state = 'failed' AND length(failure) <= 100))
);
CREATE INDEX notices_of_person ON notices (person_id, id DESC);
CREATE INDEX notices_of_case ON notices (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX notices_pending ON notices (id) WHERE state = 'pending';
CREATE INDEX notices_failed ON notices (id) WHERE state = 'failed';
GRANT SELECT, INSERT, UPDATE ON notices TO amanat_app;
ALTER TABLE notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE notices FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON notices USING (sees_all() OR person_id = acting_person());

-- What operators may close to new cases, one row each for good; who did it and why stands in the audit trail as well.
-- Each row comes with its capability's schema, so the owner may add one.
CREATE TABLE services (
    name text PRIMARY KEY,
    is_open boolean NOT NULL DEFAULT true,
    reason text CHECK (reason ~ '\S' AND length(reason) <= 500),
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by uuid REFERENCES persons,
    CONSTRAINT services_closed_by_somebody CHECK (is_open OR (reason IS NOT NULL AND changed_by IS NOT NULL))
);
CREATE TRIGGER services_keep BEFORE DELETE OR TRUNCATE ON services FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, UPDATE (is_open, reason, changed_at, changed_by) ON services TO amanat_app;
ALTER TABLE services ENABLE ROW LEVEL SECURITY;
ALTER TABLE services FORCE ROW LEVEL SECURITY;
-- Members who apply must know whether they may; only staff switch.
CREATE POLICY everybody ON services FOR SELECT USING (true);
CREATE POLICY service ON services FOR UPDATE USING (sees_all());
CREATE POLICY machine ON services FOR INSERT TO CURRENT_ROLE WITH CHECK (true);
