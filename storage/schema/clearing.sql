-- A gateway's day, or a statement of the bank, compared with the ledger (E2): what they list, and how that differs.
-- A statement is kept under the gateway ``bank`` and its last day.

INSERT INTO services (name) VALUES ('clearing');
INSERT INTO account_kinds (kind, sign, floor) VALUES ('expense:bank', -1, NULL), ('clearing:differences', 1, NULL);

CREATE TABLE clearings (
    case_id uuid PRIMARY KEY REFERENCES cases,
    gateway text NOT NULL,
    day date NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    compared_at timestamptz,
    -- The gateway gave no list: the day may be compared later, by a case of its own.
    unlisted boolean NOT NULL DEFAULT false,
    here_count bigint,
    here_sum bigint,
    there_count bigint,
    there_sum bigint,
    -- Of a gateway's day what it gave back, and the fees that it keeps, as its list says.
    here_back bigint,
    there_back bigint,
    there_fee bigint,
    -- Of a statement's file: sent twice, it is one.
    statement_sha256 bytea UNIQUE,
    CHECK (NOT (unlisted AND compared_at IS NOT NULL))
);
-- At one time; a day that was compared may be compared again.
CREATE UNIQUE INDEX clearings_one_a_day ON clearings (gateway, day)
    WHERE compared_at IS NULL AND NOT unlisted AND statement_sha256 IS NULL;
CREATE INDEX clearings_of_day ON clearings (gateway, day);
CREATE INDEX clearings_newest ON clearings (day, case_id);
GRANT SELECT, INSERT, UPDATE (compared_at, unlisted, here_count, here_sum, there_count, there_sum, here_back,
    there_back, there_fee) ON clearings TO amanat_app;
ALTER TABLE clearings ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearings FORCE ROW LEVEL SECURITY;
CREATE POLICY office ON clearings USING (sees_all());

-- A line of a gateway's list, once and as it was told last. ``order_id`` is our try's id, or something that is none of ours.
CREATE TABLE gateway_rows (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    gateway text NOT NULL,
    day date NOT NULL,
    order_id text NOT NULL CHECK (length(order_id) <= 100),
    reference text NOT NULL CHECK (length(reference) <= 100),
    what text NOT NULL CHECK (what IN ('taken', 'given_back')),
    amount bigint NOT NULL CHECK (amount > 0),
    fee bigint NOT NULL CHECK (fee >= 0),
    at timestamptz NOT NULL,
    UNIQUE (gateway, order_id, what, reference)
);
CREATE INDEX gateway_rows_of_day ON gateway_rows (gateway, day);
GRANT SELECT, INSERT, UPDATE (amount, fee) ON gateway_rows TO amanat_app;
ALTER TABLE gateway_rows ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway_rows FORCE ROW LEVEL SECURITY;
CREATE POLICY office ON gateway_rows USING (sees_all());

-- A row of the bank's account, once, whatever statements it stands in: ``fingerprint`` is of what it says, apart from the
-- description, and of its place among equal ones of a file. ``return_id`` is what it paid back, ``returned_line`` the
-- paid line of a batch that came back with it.
CREATE TABLE bank_rows (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES clearings,
    booked_on date NOT NULL,
    amount bigint NOT NULL CHECK (amount <> 0),
    reference text NOT NULL CHECK (length(reference) <= 100),
    description_sealed bytea NOT NULL,
    fingerprint text NOT NULL UNIQUE,
    return_id uuid UNIQUE REFERENCES payment_returns,
    returned_line uuid UNIQUE REFERENCES withdrawals
);
CREATE INDEX bank_rows_of_case ON bank_rows (case_id, id);
CREATE INDEX bank_rows_of_day ON bank_rows (booked_on);
GRANT SELECT, INSERT, UPDATE (return_id, returned_line) ON bank_rows TO amanat_app;
ALTER TABLE bank_rows ENABLE ROW LEVEL SECURITY;
ALTER TABLE bank_rows FORCE ROW LEVEL SECURITY;
CREATE POLICY office ON bank_rows USING (sees_all());

-- One a try and kind in each comparison; what was found and has not changed since is not found again.
CREATE TABLE clearing_differences (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES clearings,
    gateway text NOT NULL,
    order_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN
        ('missing_here', 'missing_there', 'amount_differs', 'fee_differs', 'given_back_there', 'given_back_here',
        'bank_unmatched', 'bank_missing')),
    reference text NOT NULL,
    attempt_id uuid REFERENCES payment_attempts,
    payment_id uuid REFERENCES payments,
    -- The batch of pay-outs that the bank's statement lacks, or lines of it.
    payout_id uuid REFERENCES payouts,
    here bigint NOT NULL,
    there bigint NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'proposed', 'confirmed', 'explained', 'booked')),
    explanation text,
    note text,
    paid_back text,
    -- The gateway whose pay-out a row of the bank is said to be.
    settles text,
    -- The account against which it is corrected.
    against text CHECK (against IN ('expense:bank', 'clearing:differences')),
    proposed_by uuid REFERENCES persons,
    decided_by uuid REFERENCES persons,
    found_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (case_id, order_id, kind),
    CHECK (here <> there),
    CHECK ((attempt_id IS NULL) = (payment_id IS NULL)),
    CHECK (state <> 'explained' OR explanation IS NOT NULL),
    CHECK (state IN ('proposed', 'explained') OR explanation IS NULL),
    CHECK (state NOT IN ('proposed', 'confirmed') OR proposed_by IS NOT NULL),
    CHECK (state IN ('proposed', 'confirmed', 'booked') OR against IS NULL),
    -- One officer alone says only that it stands on another day; what is corrected has two.
    CONSTRAINT explained_by_two CHECK (state <> 'explained' OR explanation = 'on_another_day'
        OR (proposed_by IS NOT NULL AND decided_by IS NOT NULL)),
    CONSTRAINT corrected_by_two CHECK (state <> 'booked' OR against IS NULL
        OR (proposed_by IS NOT NULL AND decided_by IS NOT NULL)),
    CHECK (against <> 'expense:bank' OR (kind = 'bank_unmatched' AND there < 0)),
    CONSTRAINT two_officers CHECK (decided_by <> proposed_by)
);
CREATE INDEX clearing_differences_of_case ON clearing_differences (case_id, id);
CREATE INDEX clearing_differences_of_try ON clearing_differences (gateway, order_id);
CREATE INDEX clearing_differences_on_another_day ON clearing_differences (gateway, found_at)
    WHERE explanation = 'on_another_day';
CREATE INDEX clearing_differences_to_be_found ON clearing_differences (id) WHERE against = 'clearing:differences';
GRANT SELECT, INSERT, UPDATE (state, explanation, note, paid_back, settles, against, proposed_by, decided_by)
    ON clearing_differences TO amanat_app;
ALTER TABLE clearing_differences ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearing_differences FORCE ROW LEVEL SECURITY;
CREATE POLICY office ON clearing_differences USING (sees_all());

-- What the bank's statements say of a paid line of a batch, once: the row that it is, alone or with others of its batch,
-- or the difference that there was none.
CREATE TABLE bank_lines (
    withdrawal_id uuid PRIMARY KEY REFERENCES withdrawals,
    row_id uuid REFERENCES bank_rows,
    difference_id uuid REFERENCES clearing_differences,
    CHECK (row_id IS NOT NULL OR difference_id IS NOT NULL)
);
CREATE INDEX bank_lines_of_row ON bank_lines (row_id);
GRANT SELECT, INSERT, UPDATE (row_id) ON bank_lines TO amanat_app;
ALTER TABLE bank_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE bank_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY office ON bank_lines USING (sees_all());

-- What statements are compared with.
CREATE INDEX withdrawals_by_reference ON withdrawals (reference) WHERE state IN ('paid', 'returned');
CREATE INDEX withdrawals_paid ON withdrawals (settled_at) WHERE state IN ('paid', 'returned');
CREATE INDEX withdrawals_returned ON withdrawals (returned_at) WHERE state = 'returned';
CREATE INDEX withdrawals_cut ON withdrawals (payout_id) WHERE state = 'cut';
CREATE INDEX payment_returns_by_hand ON payment_returns (reference) WHERE way = 'hand';

-- The tries and returns of a day.
CREATE INDEX payment_attempts_begun_at ON payment_attempts (gateway, begun_at);
CREATE INDEX payment_attempts_looked_at ON payment_attempts (gateway, looked_at);
CREATE INDEX payment_returns_returned_at ON payment_returns (returned_at) WHERE returned_at IS NOT NULL;
-- What of payments stands apart; a balance would not be of an index, for it changes with each entry.
CREATE INDEX accounts_in_suspense ON accounts (created_at) WHERE kind IN ('payment:received', 'payment:refunding');

-- Of which payment money stands apart is found as where a case and its process disagree.
ALTER TABLE reconciliation_findings
    DROP CONSTRAINT reconciliation_findings_kind_check,
    ADD CONSTRAINT reconciliation_findings_kind_check CHECK (kind IN ('process_missing', 'process_ended_early',
        'process_outlives_case', 'process_fails', 'process_times_out', 'process_misfits', 'step_fails',
        'money_in_suspense'));
