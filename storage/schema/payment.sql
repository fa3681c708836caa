-- Payments through a gateway (E2): what is paid for, each try to pay it, and what goes back.

INSERT INTO services (name) VALUES ('payment');
INSERT INTO account_kinds (kind, sign, floor) VALUES
    ('gateway:clearing', -1, NULL), ('payment:received', 1, 0), ('payment:refunding', 1, 0), ('bank', -1, NULL),
    ('expense:gateway', -1, NULL);

-- One a case. ``amount`` is what the payer pays: its items, and the gateway's fee where the payer bears it.
CREATE TABLE payments (
    case_id uuid PRIMARY KEY REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    amount bigint NOT NULL CHECK (amount > 0),
    fee bigint NOT NULL CHECK (fee >= 0 AND fee < amount),
    unit text NOT NULL CHECK (unit = 'IRR'),
    own_card boolean NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    -- Until then a new try may begin.
    pay_until timestamptz NOT NULL
);
CREATE INDEX payments_of_person ON payments (person_id, opened_at DESC);
CREATE INDEX payments_in_list ON payments (person_id, case_id DESC);
GRANT SELECT, INSERT ON payments TO amanat_app;
ALTER TABLE payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE payments FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON payments USING (sees_all() OR person_id = acting_person());

-- What a payment is for. The case that it belongs to takes it or refuses it, once.
CREATE TABLE payment_items (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    payment_id uuid NOT NULL REFERENCES payments,
    purpose text NOT NULL,
    purpose_id uuid NOT NULL REFERENCES cases,
    amount bigint NOT NULL CHECK (amount > 0),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'offered', 'taken', 'refused')),
    decided_at timestamptz,
    CHECK ((state IN ('taken', 'refused')) = (decided_at IS NOT NULL)),
    UNIQUE (payment_id, purpose_id)
);
-- Nobody pays for one thing by two payments at once.
CREATE UNIQUE INDEX payment_items_one_open ON payment_items (purpose_id) WHERE state IN ('open', 'offered');
CREATE INDEX payment_items_of_payment ON payment_items (payment_id);
CREATE INDEX payment_items_of_purpose ON payment_items (purpose_id);
GRANT SELECT, INSERT, UPDATE (state, decided_at) ON payment_items TO amanat_app;
ALTER TABLE payment_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE payment_items FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON payment_items
    USING (sees_all() OR EXISTS (SELECT FROM payments p WHERE p.case_id = payment_items.payment_id));

-- A try to pay: one link of one gateway. What the payer's browser brings back is a hint; ``token`` names the try then.
CREATE TABLE payment_attempts (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    payment_id uuid NOT NULL REFERENCES payments,
    token_hash bytea NOT NULL UNIQUE,
    token_sealed bytea,
    gateway text NOT NULL,
    -- By which name of ours its payer came, for their session is kept under it; the bank sends all back to one address.
    host text NOT NULL DEFAULT '' CHECK (length(host) <= 260),
    authority text,
    link text,
    state text NOT NULL DEFAULT 'requested'
        CHECK (state IN ('requested', 'open', 'unclear', 'paid', 'not_paid', 'failed', 'given_up')),
    reason text,
    begun_at timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz,
    called_back_at timestamptz,
    looked_at timestamptz,
    look_at timestamptz,
    unclear_since timestamptz,
    reference text,
    paid_amount bigint CHECK (paid_amount > 0),
    paid_at timestamptz,
    card text,
    fee bigint CHECK (fee >= 0),
    CHECK ((state = 'paid') = (reference IS NOT NULL AND paid_amount IS NOT NULL AND paid_at IS NOT NULL)),
    CHECK (state IN ('requested', 'failed') OR (authority IS NOT NULL AND ends_at IS NOT NULL))
);
CREATE INDEX payment_attempts_of_payment ON payment_attempts (payment_id);
CREATE UNIQUE INDEX payment_attempts_authority ON payment_attempts (gateway, authority);
-- One posting for each payment that a gateway knows.
CREATE UNIQUE INDEX payment_attempts_reference ON payment_attempts (gateway, reference);
GRANT SELECT, INSERT, UPDATE (gateway, token_sealed, authority, link, state, reason, ends_at, called_back_at, looked_at,
    look_at, unclear_since, reference, paid_amount, paid_at, card, fee) ON payment_attempts TO amanat_app;
ALTER TABLE payment_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE payment_attempts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON payment_attempts
    USING (sees_all() OR EXISTS (SELECT FROM payments p WHERE p.case_id = payment_attempts.payment_id));

-- Money that goes back to the payer, out of one paid try.
CREATE TABLE payment_returns (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    payment_id uuid NOT NULL REFERENCES payments,
    attempt_id uuid NOT NULL REFERENCES payment_attempts,
    amount bigint NOT NULL CHECK (amount > 0),
    reason text NOT NULL,
    way text NOT NULL DEFAULT 'reverse' CHECK (way IN ('reverse', 'refund', 'hand')),
    asked_at timestamptz,
    owed_since timestamptz NOT NULL DEFAULT now(),
    returned_at timestamptz,
    reference text,
    CHECK ((returned_at IS NULL) = (reference IS NULL))
);
CREATE INDEX payment_returns_of_payment ON payment_returns (payment_id);
CREATE INDEX payment_returns_of_attempt ON payment_returns (attempt_id);
GRANT SELECT, INSERT, UPDATE (way, asked_at, returned_at, reference) ON payment_returns TO amanat_app;
ALTER TABLE payment_returns ENABLE ROW LEVEL SECURITY;
ALTER TABLE payment_returns FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON payment_returns
    USING (sees_all() OR EXISTS (SELECT FROM payments p WHERE p.case_id = payment_returns.payment_id));
