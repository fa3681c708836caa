-- People and the organisations that employ them.

CREATE TABLE regions (code text PRIMARY KEY CHECK (code ~ '^[0-9]{4}$'), name text NOT NULL);
GRANT SELECT ON regions TO amanat_app;

CREATE TABLE organisations (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    code text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 2 AND 200),
    monthly_cap bigint CHECK (monthly_cap > 0),
    unit text NOT NULL DEFAULT 'IRR' CHECK (unit = 'IRR'),
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON organisations TO amanat_app;

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
GRANT SELECT, INSERT, UPDATE ON contracts TO amanat_app;

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
GRANT SELECT, INSERT, UPDATE ON persons TO amanat_app;
ALTER TABLE persons ENABLE ROW LEVEL SECURITY;
ALTER TABLE persons FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON persons USING (sees_all() OR id = acting_person());

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
GRANT SELECT, INSERT, UPDATE ON employments TO amanat_app;
ALTER TABLE employments ENABLE ROW LEVEL SECURITY;
ALTER TABLE employments FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON employments USING (sees_all() OR person_id = acting_person());
