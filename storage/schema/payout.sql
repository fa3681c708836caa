-- Withdrawals from members' balances, and the batches in which the bank pays them (E3).

INSERT INTO services (name) VALUES ('payout');
INSERT INTO account_kinds (kind, sign, floor) VALUES ('revenue:withdrawal', 1, NULL);

-- One a case. Counted while it is cut; the sums of what the bank answered are counted from its lines.
CREATE TABLE payouts (
    case_id uuid PRIMARY KEY REFERENCES cases,
    made_by uuid NOT NULL REFERENCES persons,
    made_at timestamptz NOT NULL DEFAULT now(),
    most_lines int NOT NULL CHECK (most_lines > 0),
    most_amount bigint CHECK (most_amount > 0),
    lines int NOT NULL DEFAULT 0,
    amount bigint NOT NULL DEFAULT 0,
    cut_at timestamptz,
    csv_key text,
    csv_sha256 bytea,
    xlsx_key text,
    xlsx_sha256 bytea,
    confirmed_by uuid REFERENCES persons CHECK (confirmed_by <> made_by),
    confirmed_at timestamptz,
    handed_at timestamptz,
    CHECK ((csv_key IS NULL) = (csv_sha256 IS NULL)),
    CHECK ((xlsx_key IS NULL) = (xlsx_sha256 IS NULL)),
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    CHECK (confirmed_at IS NULL OR (cut_at IS NOT NULL AND csv_key IS NOT NULL AND xlsx_key IS NOT NULL)),
    CHECK (handed_at IS NULL OR confirmed_at IS NOT NULL)
);

-- A line of a batch once it is cut: in one batch at a time, paid once. The sheba is frozen as it was when it was asked.
CREATE TABLE withdrawals (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    person_id uuid NOT NULL REFERENCES persons,
    amount bigint NOT NULL CHECK (amount > 0),
    unit text NOT NULL CHECK (unit = 'IRR'),
    -- Frozen as they were shown; held with the amount, taken when it is paid.
    fee bigint NOT NULL DEFAULT 0 CHECK (fee >= 0),
    vat bigint NOT NULL DEFAULT 0,
    vat_rate int NOT NULL DEFAULT 0 CHECK (vat_rate BETWEEN 0 AND 10000),
    sheba_sealed bytea NOT NULL,
    sheba_masked text NOT NULL,
    hold_id uuid NOT NULL UNIQUE,
    -- Out of what it is paid, and which thing of that: a return of a payment has one line for ever.
    purpose text NOT NULL DEFAULT 'balance' CHECK (purpose IN ('balance', 'payment_return')),
    purpose_id uuid UNIQUE,
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'cut', 'paid', 'rejected', 'returned', 'taken_back')),
    asked_at timestamptz NOT NULL DEFAULT now(),
    payout_id uuid REFERENCES payouts,
    line int CHECK (line > 0),
    settled_at timestamptz,
    reference text,
    reason text,
    -- Of what the bank gave back after it was paid.
    returned_at timestamptz,
    return_reference text,
    CHECK (vat = fee * vat_rate / 10000),
    CHECK ((state IN ('cut', 'paid', 'rejected', 'returned')) = (payout_id IS NOT NULL)),
    CHECK ((payout_id IS NULL) = (line IS NULL)),
    CHECK ((state IN ('paid', 'rejected', 'returned', 'taken_back')) = (settled_at IS NOT NULL)),
    CHECK (state NOT IN ('paid', 'returned') OR reference IS NOT NULL),
    CHECK ((state = 'returned') = (returned_at IS NOT NULL AND return_reference IS NOT NULL)),
    CHECK ((purpose = 'balance') = (purpose_id IS NULL))
);
CREATE UNIQUE INDEX withdrawals_line ON withdrawals (payout_id, line);
CREATE INDEX withdrawals_waiting ON withdrawals (id) WHERE state = 'waiting';
CREATE INDEX withdrawals_of_person ON withdrawals (person_id, id DESC);
GRANT SELECT, INSERT, UPDATE (state, payout_id, line, settled_at, reference, reason, returned_at, return_reference)
    ON withdrawals TO amanat_app;
ALTER TABLE withdrawals ENABLE ROW LEVEL SECURITY;
ALTER TABLE withdrawals FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON withdrawals FOR SELECT USING (person_id = acting_person());
CREATE POLICY service ON withdrawals USING (sees_all());

GRANT SELECT, INSERT, UPDATE (lines, amount, cut_at, csv_key, csv_sha256, xlsx_key, xlsx_sha256, confirmed_by,
    confirmed_at, handed_at) ON payouts TO amanat_app;
ALTER TABLE payouts ENABLE ROW LEVEL SECURITY;
ALTER TABLE payouts FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON payouts FOR SELECT
    USING (EXISTS (SELECT FROM withdrawals w WHERE w.payout_id = payouts.case_id));
CREATE POLICY service ON payouts USING (sees_all());

-- A file of the bank that says what became of lines; ``rows_read`` is how far it is applied. What it calls rejected is
-- kept apart, and counts once another officer than its sender has confirmed it.
CREATE TABLE payout_answers (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    payout_id uuid NOT NULL REFERENCES payouts,
    file_key text NOT NULL UNIQUE,
    sha256 bytea NOT NULL,
    sent_by uuid NOT NULL REFERENCES persons,
    received_at timestamptz NOT NULL DEFAULT now(),
    rows_read int NOT NULL DEFAULT 0,
    paid int NOT NULL DEFAULT 0,
    rejected int NOT NULL DEFAULT 0,
    repeated int NOT NULL DEFAULT 0,
    refused int NOT NULL DEFAULT 0,
    read_at timestamptz,
    decided_by uuid REFERENCES persons CHECK (decided_by <> sent_by),
    is_confirmed boolean,
    ended_at timestamptz,
    error text,
    CHECK (error IS NULL OR ended_at IS NOT NULL),
    CHECK ((decided_by IS NULL) = (is_confirmed IS NULL)),
    CHECK (decided_by IS NULL OR read_at IS NOT NULL),
    CHECK (ended_at IS NULL OR error IS NOT NULL OR rejected = 0 OR is_confirmed IS NOT NULL)
);
CREATE INDEX payout_answers_of_payout ON payout_answers (payout_id);
GRANT SELECT, INSERT, UPDATE (rows_read, paid, rejected, repeated, refused, read_at, decided_by, is_confirmed, ended_at,
    error) ON payout_answers TO amanat_app;
ALTER TABLE payout_answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE payout_answers FORCE ROW LEVEL SECURITY;
CREATE POLICY staff ON payout_answers USING (sees_all());

-- A line that such a file calls rejected.
CREATE TABLE payout_rejections (
    answer_id uuid NOT NULL REFERENCES payout_answers,
    withdrawal_id uuid NOT NULL REFERENCES withdrawals,
    reference text,
    reason text NOT NULL,
    PRIMARY KEY (answer_id, withdrawal_id)
);
GRANT SELECT, INSERT ON payout_rejections TO amanat_app;
ALTER TABLE payout_rejections ENABLE ROW LEVEL SECURITY;
ALTER TABLE payout_rejections FORCE ROW LEVEL SECURITY;
CREATE POLICY staff ON payout_rejections USING (sees_all());

-- A row of such a file from which nothing followed, and why.
CREATE TABLE payout_refusals (
    answer_id uuid NOT NULL REFERENCES payout_answers,
    number int NOT NULL CHECK (number > 0),
    line_key text NOT NULL,
    code text NOT NULL,
    PRIMARY KEY (answer_id, number)
);
GRANT SELECT, INSERT ON payout_refusals TO amanat_app;
ALTER TABLE payout_refusals ENABLE ROW LEVEL SECURITY;
ALTER TABLE payout_refusals FORCE ROW LEVEL SECURITY;
CREATE POLICY staff ON payout_refusals USING (sees_all());

-- What an officer recorded of one line by hand; another one confirms it.
CREATE TABLE payout_settlements (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    payout_id uuid NOT NULL REFERENCES payouts,
    withdrawal_id uuid NOT NULL REFERENCES withdrawals,
    result text NOT NULL CHECK (result IN ('paid', 'rejected', 'returned')),
    reference text,
    note text NOT NULL CHECK (length(note) BETWEEN 3 AND 500),
    recorded_by uuid NOT NULL REFERENCES persons,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    decided_by uuid REFERENCES persons CHECK (decided_by <> recorded_by),
    is_confirmed boolean,
    decided_at timestamptz,
    ended_at timestamptz,
    CHECK ((result = 'rejected') = (reference IS NULL)),
    CHECK ((decided_by IS NULL) = (is_confirmed IS NULL)),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL))
);
CREATE UNIQUE INDEX payout_settlements_one_open ON payout_settlements (payout_id) WHERE ended_at IS NULL;
CREATE INDEX payout_settlements_of_line ON payout_settlements (withdrawal_id);
GRANT SELECT, INSERT, UPDATE (decided_by, is_confirmed, decided_at, ended_at) ON payout_settlements TO amanat_app;
ALTER TABLE payout_settlements ENABLE ROW LEVEL SECURITY;
ALTER TABLE payout_settlements FORCE ROW LEVEL SECURITY;
CREATE POLICY staff ON payout_settlements USING (sees_all());
