-- Safe payments held in trust (E1 to E8): the job that two members agreed on, each payment of it, what was decided to
-- leave it, and disputes with statements, offers and rulings. Members read what is theirs; only commands and the machine,
-- with the service's rights, write.

INSERT INTO services (name) VALUES ('escrow');
INSERT INTO account_kinds (kind, sign, floor) VALUES ('escrow:held', 1, 0), ('revenue:escrow', 1, NULL);

-- The other side is whom the number belongs to; the number goes as soon as nobody is waited for by it.
CREATE TABLE escrow_jobs (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    begun_by text NOT NULL CHECK (begun_by IN ('employer', 'contractor')),
    employer_id uuid REFERENCES persons,
    contractor_id uuid REFERENCES persons CHECK (contractor_id <> employer_id),
    mobile_index bytea,
    mobile_sealed bytea,
    title text NOT NULL CHECK (length(title) BETWEEN 3 AND 100),
    description text NOT NULL CHECK (length(description) <= 2000),
    price bigint NOT NULL CHECK (price > 0),
    unit text NOT NULL CHECK (unit = 'IRR'),
    -- The arbitration clause that both accept.
    clause_version int NOT NULL CHECK (clause_version > 0),
    begun_at timestamptz NOT NULL DEFAULT now(),
    -- Until then the other side may answer, since when they are a member makes no difference.
    answer_until timestamptz NOT NULL,
    accepted_at timestamptz,
    CHECK ((mobile_index IS NULL) = (mobile_sealed IS NULL)),
    CHECK (CASE begun_by WHEN 'employer' THEN employer_id ELSE contractor_id END IS NOT NULL),
    CHECK (accepted_at IS NULL OR num_nulls(employer_id, contractor_id) = 0)
);
CREATE INDEX escrow_jobs_awaited ON escrow_jobs (mobile_index) WHERE mobile_index IS NOT NULL;
CREATE INDEX escrow_jobs_of_employer ON escrow_jobs (employer_id, id DESC);
CREATE INDEX escrow_jobs_of_contractor ON escrow_jobs (contractor_id, id DESC);
GRANT SELECT, INSERT, UPDATE (employer_id, contractor_id, mobile_index, mobile_sealed, accepted_at)
    ON escrow_jobs TO amanat_app;
ALTER TABLE escrow_jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE escrow_jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON escrow_jobs FOR SELECT
    USING (employer_id = acting_person() OR contractor_id = acting_person());
CREATE POLICY service ON escrow_jobs USING (sees_all());

-- One a case. ``fee_rate`` and ``vat_rate`` are parts of ten thousand, as both saw them; ``payment_id`` is the payment
-- that funded it.
CREATE TABLE escrows (
    case_id uuid PRIMARY KEY REFERENCES cases,
    job_id uuid NOT NULL REFERENCES escrow_jobs,
    timing text NOT NULL CHECK (timing IN ('agreed', 'immediate')),
    proposed_by text NOT NULL CHECK (proposed_by IN ('employer', 'contractor')),
    title text NOT NULL CHECK (length(title) BETWEEN 3 AND 100),
    amount bigint NOT NULL CHECK (amount > 0),
    due_on date,
    fee_rate int NOT NULL CHECK (fee_rate BETWEEN 0 AND 10000),
    vat_rate int NOT NULL CHECK (vat_rate BETWEEN 0 AND 10000),
    proposed_at timestamptz NOT NULL DEFAULT now(),
    answer_until timestamptz NOT NULL,
    accepted_at timestamptz,
    payment_id uuid REFERENCES payments,
    funded_at timestamptz,
    -- When something was last done with the held money, from which dormancy counts; and how often it was reminded of.
    stirred_at timestamptz,
    dormant_times int NOT NULL DEFAULT 0,
    declared_at timestamptz,
    CHECK ((timing = 'agreed') = (due_on IS NOT NULL)),
    CHECK (timing = 'agreed' OR proposed_by = 'employer'),
    CHECK ((payment_id IS NULL) = (funded_at IS NULL)),
    CHECK (funded_at IS NULL OR accepted_at IS NOT NULL)
);
CREATE INDEX escrows_of_job ON escrows (job_id, case_id);
-- Figures look at those that ended, and at what was ruled, within a year.
CREATE INDEX cases_ended_escrows ON cases (closed_at) WHERE kind = 'escrow' AND closed_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (accepted_at, payment_id, funded_at, stirred_at, dormant_times, declared_at)
    ON escrows TO amanat_app;
ALTER TABLE escrows ENABLE ROW LEVEL SECURITY;
ALTER TABLE escrows FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON escrows FOR SELECT
    USING (EXISTS (SELECT FROM escrow_jobs j WHERE j.id = escrows.job_id));
CREATE POLICY service ON escrows USING (sees_all());

-- What is paid outside escrow for a job (E7) stands beside its safe payments, and counts in none of their sums.
ALTER TABLE normal_payments ADD COLUMN job_id uuid REFERENCES escrow_jobs;
CREATE INDEX normal_payments_of_job ON normal_payments (job_id, case_id) WHERE job_id IS NOT NULL;

-- Arbitration on one safe payment: ``hold_id`` freezes what was not on its way yet.
CREATE TABLE escrow_disputes (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES escrows,
    opened_by text NOT NULL CHECK (opened_by IN ('employer', 'contractor', 'arbitrator')),
    about text NOT NULL CHECK (about IN ('work', 'amount')),
    frozen bigint NOT NULL CHECK (frozen > 0),
    hold_id uuid NOT NULL UNIQUE,
    opened_at timestamptz NOT NULL DEFAULT now(),
    evidence_closed_at timestamptz,
    ended_at timestamptz,
    ended_as text CHECK (ended_as IN ('withdrawn', 'split', 'ruled')),
    CHECK ((ended_at IS NULL) = (ended_as IS NULL))
);
CREATE UNIQUE INDEX escrow_disputes_one_open ON escrow_disputes (case_id) WHERE ended_at IS NULL;
CREATE INDEX escrow_disputes_of_case ON escrow_disputes (case_id, id DESC);
GRANT SELECT, INSERT, UPDATE (evidence_closed_at, ended_at, ended_as) ON escrow_disputes TO amanat_app;
ALTER TABLE escrow_disputes ENABLE ROW LEVEL SECURITY;
ALTER TABLE escrow_disputes FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON escrow_disputes FOR SELECT
    USING (EXISTS (SELECT FROM escrows e WHERE e.case_id = escrow_disputes.case_id));
CREATE POLICY service ON escrow_disputes USING (sees_all());

-- What was decided to leave the held money, and why: once decided it is on its way. A dispute is settled once.
CREATE TABLE escrow_moves (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES escrows,
    cause text NOT NULL CHECK (cause IN ('release', 'auto_release', 'refund', 'split', 'ruling')),
    -- The release, agreement or ruling; none where the policy releases.
    fact_id uuid REFERENCES facts,
    dispute_id uuid UNIQUE REFERENCES escrow_disputes,
    to_contractor bigint NOT NULL CHECK (to_contractor >= 0),
    fee bigint NOT NULL CHECK (fee >= 0),
    vat bigint NOT NULL CHECK (vat >= 0 AND fee + vat <= to_contractor),
    to_employer bigint NOT NULL CHECK (to_employer >= 0),
    hold_id uuid NOT NULL UNIQUE,
    decided_at timestamptz NOT NULL DEFAULT now(),
    booked_at timestamptz,
    -- The payment that gives the employer's part back.
    refund_id uuid REFERENCES payments,
    CHECK (to_contractor + to_employer > 0),
    CHECK ((cause IN ('split', 'ruling')) = (dispute_id IS NOT NULL)),
    CHECK ((cause = 'auto_release') = (fact_id IS NULL)),
    CHECK (cause NOT IN ('release', 'auto_release') OR to_employer = 0),
    CHECK (cause <> 'refund' OR to_contractor = 0),
    CHECK ((refund_id IS NOT NULL) = (booked_at IS NOT NULL AND to_employer > 0))
);
CREATE INDEX escrow_moves_of_case ON escrow_moves (case_id, id);
GRANT SELECT, INSERT, UPDATE (booked_at, refund_id) ON escrow_moves TO amanat_app;
ALTER TABLE escrow_moves ENABLE ROW LEVEL SECURITY;
ALTER TABLE escrow_moves FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON escrow_moves FOR SELECT
    USING (EXISTS (SELECT FROM escrows e WHERE e.case_id = escrow_moves.case_id));
CREATE POLICY service ON escrow_moves USING (sees_all());

-- The employer asks for money back; the contractor agrees to all or a part of it, or to nothing.
CREATE TABLE escrow_refund_asks (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES escrows,
    amount bigint NOT NULL CHECK (amount > 0),
    reason text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
    asked_at timestamptz NOT NULL DEFAULT now(),
    answered_at timestamptz,
    agreed bigint CHECK (agreed BETWEEN 0 AND amount),
    CHECK (agreed IS NULL OR answered_at IS NOT NULL)
);
CREATE UNIQUE INDEX escrow_refund_asks_one_open ON escrow_refund_asks (case_id) WHERE answered_at IS NULL;
CREATE INDEX escrow_refund_asks_of_case ON escrow_refund_asks (case_id, id);
GRANT SELECT, INSERT, UPDATE (answered_at, agreed) ON escrow_refund_asks TO amanat_app;
ALTER TABLE escrow_refund_asks ENABLE ROW LEVEL SECURITY;
ALTER TABLE escrow_refund_asks FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON escrow_refund_asks FOR SELECT
    USING (EXISTS (SELECT FROM escrows e WHERE e.case_id = escrow_refund_asks.case_id));
CREATE POLICY service ON escrow_refund_asks USING (sees_all());

-- What a side says in a dispute. Each sees their own until the time to file is over, then both see both.
CREATE TABLE escrow_statements (
    id uuid PRIMARY KEY,
    dispute_id uuid NOT NULL REFERENCES escrow_disputes,
    side text NOT NULL CHECK (side IN ('employer', 'contractor')),
    author_id uuid NOT NULL REFERENCES persons,
    text_sealed bytea NOT NULL,
    filed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX escrow_statements_of_dispute ON escrow_statements (dispute_id, id);
CREATE TRIGGER escrow_statements_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_statements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON escrow_statements TO amanat_app;
ALTER TABLE escrow_statements ENABLE ROW LEVEL SECURITY;
ALTER TABLE escrow_statements FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON escrow_statements FOR SELECT USING (author_id = acting_person() OR EXISTS (
    SELECT FROM escrow_disputes d WHERE d.id = escrow_statements.dispute_id AND d.evidence_closed_at IS NOT NULL));
CREATE POLICY service ON escrow_statements USING (sees_all());

-- Evidence of the other side: disclosed with what both said, and with it what was filed in a dispute that was taken back
-- before: the arbitrator reads it too.
CREATE POLICY disclosed ON attachments FOR SELECT USING (purpose = 'dispute_evidence' AND EXISTS (
    SELECT FROM escrow_disputes d WHERE d.case_id = attachments.case_id
    AND attachments.added_at <= d.evidence_closed_at));

-- How a side would divide what is frozen. The other accepts or declines; a newer offer of the same side replaces it, and
-- a ruling overtakes it: who offered it could not know what would be ruled.
CREATE TABLE escrow_split_offers (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    dispute_id uuid NOT NULL REFERENCES escrow_disputes,
    offered_by text NOT NULL CHECK (offered_by IN ('employer', 'contractor')),
    to_contractor bigint NOT NULL CHECK (to_contractor >= 0),
    to_employer bigint NOT NULL CHECK (to_employer >= 0),
    offered_at timestamptz NOT NULL DEFAULT now(),
    answered_at timestamptz,
    answer text CHECK (answer IN ('accepted', 'declined', 'replaced', 'overtaken')),
    CHECK ((answered_at IS NULL) = (answer IS NULL))
);
CREATE UNIQUE INDEX escrow_split_offers_one_open ON escrow_split_offers (dispute_id, offered_by)
    WHERE answered_at IS NULL;
CREATE UNIQUE INDEX escrow_split_offers_one_accepted ON escrow_split_offers (dispute_id) WHERE answer = 'accepted';
CREATE INDEX escrow_split_offers_of_dispute ON escrow_split_offers (dispute_id, id);
GRANT SELECT, INSERT, UPDATE (answered_at, answer) ON escrow_split_offers TO amanat_app;
ALTER TABLE escrow_split_offers ENABLE ROW LEVEL SECURITY;
ALTER TABLE escrow_split_offers FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON escrow_split_offers FOR SELECT
    USING (EXISTS (SELECT FROM escrow_disputes d WHERE d.id = escrow_split_offers.dispute_id));
CREATE POLICY service ON escrow_split_offers USING (sees_all());

-- What an arbitrator ruled; the second one, after an objection, is another person's and final.
CREATE TABLE escrow_rulings (
    id uuid PRIMARY KEY,
    dispute_id uuid NOT NULL REFERENCES escrow_disputes,
    round int NOT NULL CHECK (round IN (1, 2)),
    arbitrator_id uuid NOT NULL REFERENCES persons,
    fact_id uuid NOT NULL REFERENCES facts,
    to_contractor bigint NOT NULL CHECK (to_contractor >= 0),
    to_employer bigint NOT NULL CHECK (to_employer >= 0),
    reasons_sealed bytea NOT NULL,
    ruled_at timestamptz NOT NULL DEFAULT now(),
    objected_at timestamptz,
    objected_by text CHECK (objected_by IN ('employer', 'contractor')),
    final_at timestamptz,
    UNIQUE (dispute_id, round),
    UNIQUE (dispute_id, arbitrator_id),
    CHECK ((objected_at IS NULL) = (objected_by IS NULL)),
    CHECK (round = 1 OR objected_at IS NULL),
    CHECK (objected_at IS NULL OR final_at IS NULL)
);
CREATE INDEX escrow_rulings_first ON escrow_rulings (ruled_at) WHERE round = 1;
CREATE UNIQUE INDEX escrow_rulings_one_final ON escrow_rulings (dispute_id) WHERE final_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (objected_at, objected_by, final_at) ON escrow_rulings TO amanat_app;
ALTER TABLE escrow_rulings ENABLE ROW LEVEL SECURITY;
ALTER TABLE escrow_rulings FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON escrow_rulings FOR SELECT
    USING (EXISTS (SELECT FROM escrow_disputes d WHERE d.id = escrow_rulings.dispute_id));
CREATE POLICY service ON escrow_rulings USING (sees_all());
