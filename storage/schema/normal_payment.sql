-- Normal payments (E7): one member pays another outside escrow, straight to the payee's balance.

INSERT INTO services (name) VALUES ('normal_payment');
INSERT INTO account_kinds (kind, sign, floor) VALUES ('member:payable', 1, 0);

-- Who is it that has this number, and has shown so?
CREATE INDEX persons_by_proved_mobile ON persons (mobile_index) WHERE mobile_confirmed_at IS NOT NULL;

-- One a case. The payee is whom the number belongs to; the number goes as soon as nobody is waited for by it.
CREATE TABLE normal_payments (
    case_id uuid PRIMARY KEY REFERENCES cases,
    payer_id uuid NOT NULL REFERENCES persons,
    payee_id uuid REFERENCES persons CHECK (payee_id <> payer_id),
    mobile_index bytea,
    mobile_sealed bytea,
    amount bigint NOT NULL CHECK (amount > 0),
    unit text NOT NULL CHECK (unit = 'IRR'),
    what_for text NOT NULL CHECK (length(what_for) BETWEEN 3 AND 200),
    terms_version int NOT NULL CHECK (terms_version > 0),
    -- Until then the payee may answer, whenever they became a member.
    answer_until timestamptz NOT NULL,
    accepted_at timestamptz,
    CHECK ((mobile_index IS NULL) = (mobile_sealed IS NULL)),
    CHECK (accepted_at IS NULL OR payee_id IS NOT NULL)
);
CREATE INDEX normal_payments_awaited ON normal_payments (mobile_index)
    WHERE payee_id IS NULL AND mobile_index IS NOT NULL;
CREATE INDEX normal_payments_of_payer ON normal_payments (payer_id, case_id DESC);
CREATE INDEX normal_payments_of_payee ON normal_payments (payee_id, case_id DESC);
GRANT SELECT, INSERT, UPDATE (payee_id, mobile_index, mobile_sealed, accepted_at) ON normal_payments TO amanat_app;
ALTER TABLE normal_payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE normal_payments FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON normal_payments
    USING (sees_all() OR payer_id = acting_person() OR payee_id = acting_person());
