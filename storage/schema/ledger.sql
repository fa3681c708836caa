-- The ledger: accounts, journals, entries, holds, and the sums over them.

-- amanat_app may read these tables and call the ledger_… functions; it cannot write a row by itself. What the functions
-- refuse, the triggers and constraints here refuse as well, the owner included. docs/performance.md tells what the form
-- of some of them is for.

-- What never changes in a row is checked when it is written, by a domain: Postgres parses every CHECK of a table anew
-- for each statement, which was a third of a posting, while a domain is parsed once a session and skipped where its
-- column is not set. A bounded repetition such as {1,200} makes a regular expression a hundred times slower.
CREATE DOMAIN ledger_key AS text CHECK (VALUE ~ '^[!-~]+$' AND length(VALUE) <= 200);
CREATE DOMAIN ledger_reason AS text CHECK (VALUE ~ '^[a-z][a-z0-9_]+$' AND length(VALUE) <= 60);
CREATE DOMAIN ledger_actor AS text CHECK (VALUE ~ '^[!-~]+$' AND length(VALUE) <= 80);
CREATE DOMAIN ledger_code AS text CHECK (VALUE ~ '^[a-z][a-z_]*(:[a-z0-9_-]+)*$' AND length(VALUE) <= 160);
CREATE DOMAIN ledger_unit AS text CHECK (VALUE ~ '^[A-Z][A-Z][A-Z]$');
CREATE DOMAIN ledger_hash AS bytea CHECK (length(VALUE) = 32);
CREATE DOMAIN ledger_moment AS timestamptz CHECK (isfinite(VALUE));
CREATE DOMAIN ledger_amount AS bigint CHECK (VALUE <> 0 AND VALUE BETWEEN -100000000000000000 AND 100000000000000000);
CREATE DOMAIN ledger_balance AS bigint CHECK (VALUE BETWEEN -1000000000000000000 AND 1000000000000000000);
CREATE DOMAIN ledger_part AS bigint CHECK (VALUE BETWEEN 1 AND 100000000000000000);
CREATE DOMAIN ledger_hold_state AS text CHECK (VALUE IN ('pending', 'posted', 'voided', 'expired'));
CREATE DOMAIN ledger_held AS bigint CHECK (VALUE BETWEEN 0 AND 1000000000000000000);

-- Row-level security throughout: the settings are read once a statement, not once a row, for sums go over millions.
-- The owner, as whom the functions run, sees every row in whatever capacity they are called (the policies `machine`).
-- A member's accounts are found by their owner: the policy of accounts alone would read them all.

-- The chart of accounts. A kind says on which side its accounts stand and how low they may fall; both are rules, so they
-- come with the schema of the process that needs them, never from a caller.
CREATE TABLE account_kinds (
    kind text PRIMARY KEY CHECK (kind ~ '^[a-z][a-z_]*(:[a-z][a-z_]*)*$' AND length(kind) <= 60),
    sign smallint NOT NULL CHECK (sign IN (1, -1)),
    floor bigint CHECK (abs(floor) <= 100000000000000000)
);
CREATE TRIGGER account_kinds_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON account_kinds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON account_kinds TO amanat_app;

-- An entry over 0 credits, one under 0 debits. sign * balance is what people read: 5 granted are 5, not -5.
-- floor NULL: never locked, nothing stored, the balance is a sum. Else the row is locked at each posting.
CREATE TABLE accounts (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    code ledger_code NOT NULL UNIQUE,
    kind text NOT NULL REFERENCES account_kinds,
    unit ledger_unit NOT NULL,
    sign smallint NOT NULL,
    floor bigint,
    balance ledger_balance NOT NULL DEFAULT 0,
    held ledger_held NOT NULL DEFAULT 0,
    owner_person uuid REFERENCES persons,
    organisation_id uuid REFERENCES organisations,
    frozen_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Where there is no floor, nothing can be held, and triggers store nothing.
    CONSTRAINT accounts_floor CHECK (sign * balance - held >= coalesce(floor, 0))
) WITH (fillfactor = 70);
CREATE INDEX accounts_of_person ON accounts (owner_person) WHERE owner_person IS NOT NULL;
CREATE INDEX accounts_summed ON accounts (kind, id) WHERE floor IS NULL;
CREATE TRIGGER accounts_open BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION ledger_account_opens();
CREATE TRIGGER accounts_keep BEFORE DELETE OR TRUNCATE ON accounts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- An account's identity never changes; its balance and what is held on it move only through entries and holds, whose
-- triggers run at depth 1. Both look at the columns that a statement names, which costs nothing where it names others.
CREATE TRIGGER accounts_keep_identity BEFORE UPDATE OF id, code, kind, unit, sign, floor, owner_person,
    organisation_id, created_at ON accounts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER accounts_move BEFORE UPDATE OF balance, held ON accounts
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();
GRANT SELECT ON accounts TO amanat_app;
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY machine ON accounts TO CURRENT_ROLE USING (true);
CREATE POLICY own ON accounts USING ((SELECT sees_all()) OR owner_person = (SELECT acting_person()));

-- case_id has no foreign key: the lines of one payroll case are posted by many connections at once, and each would
-- lock that one case row. `ledger check` looks for journals of unknown cases instead.
CREATE TABLE journals (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    key ledger_key NOT NULL UNIQUE,
    content_hash ledger_hash NOT NULL,
    reason ledger_reason NOT NULL,
    case_id uuid,
    actor ledger_actor NOT NULL,
    event_at ledger_moment NOT NULL,
    corrects uuid REFERENCES journals,
    tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX journals_of_case ON journals (case_id, id) WHERE case_id IS NOT NULL;
-- A constraint would be an index of all journals, nearly all of them NULL.
CREATE UNIQUE INDEX journals_corrects ON journals (corrects) WHERE corrects IS NOT NULL;
CREATE TRIGGER journals_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON journals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journals_close AFTER INSERT ON journals REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_journals_close();
CREATE CONSTRAINT TRIGGER journals_mirror AFTER INSERT ON journals DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.corrects IS NOT NULL) EXECUTE FUNCTION ledger_correction_mirrors();

-- Journal and account are looked up by the trigger below instead of by foreign keys, which would lock the row of a
-- shared account at each posting; neither can ever be deleted. An account has at most one entry in a journal.
-- balance_after is set exactly for accounts with a floor: there the lock makes id the true order.
CREATE TABLE entries (
    id bigint GENERATED ALWAYS AS IDENTITY,
    journal_id uuid NOT NULL,
    account_id uuid NOT NULL,
    amount ledger_amount NOT NULL,
    unit text NOT NULL,
    balance_after bigint,
    tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (journal_id, account_id)
);
CREATE UNIQUE INDEX entries_stored ON entries (account_id, id) WHERE balance_after IS NOT NULL;
CREATE UNIQUE INDEX entries_summed ON entries (account_id, tx, id) INCLUDE (amount) WHERE balance_after IS NULL;
-- Which accounts to sum up: about one entry in 256, told by the hash of its id, marks its account. So what a round of
-- summing up reads grows with what was posted since the last one and not with how many accounts there are, and an
-- account has some thousand entries since its last snapshot however it is posted to. Posters lock and write nothing
-- more, but for one entry in 256.
CREATE INDEX entries_marked ON entries (tx, account_id) WHERE balance_after IS NULL AND hashint8(id) & 255 = 0;
CREATE TRIGGER entries_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entries_apply AFTER INSERT ON entries REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_apply();
GRANT SELECT ON entries TO amanat_app;
ALTER TABLE entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE entries FORCE ROW LEVEL SECURITY;
CREATE POLICY machine ON entries TO CURRENT_ROLE USING (true);
CREATE POLICY own ON entries USING ((SELECT sees_all()) OR account_id IN (
    SELECT id FROM accounts WHERE owner_person = (SELECT acting_person())));

-- A journal is seen with any of its entries.
GRANT SELECT ON journals TO amanat_app;
ALTER TABLE journals ENABLE ROW LEVEL SECURITY;
ALTER TABLE journals FORCE ROW LEVEL SECURITY;
CREATE POLICY machine ON journals TO CURRENT_ROLE USING (true);
CREATE POLICY own ON journals USING ((SELECT sees_all()) OR EXISTS (
    SELECT FROM entries e WHERE e.journal_id = journals.id));

-- The account has no foreign key: the trigger finds it, which never goes, and locks it for its own sake.
CREATE TABLE holds (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    key ledger_key NOT NULL UNIQUE,
    content_hash ledger_hash NOT NULL,
    account_id uuid NOT NULL,
    amount ledger_part NOT NULL,
    unit text NOT NULL,
    reason ledger_reason NOT NULL,
    case_id uuid,
    actor ledger_actor NOT NULL,
    expires_at ledger_moment,
    state ledger_hold_state NOT NULL DEFAULT 'pending',
    posted_amount bigint,
    -- A hold says which journal posts it before that journal is written.
    journal_id uuid REFERENCES journals DEFERRABLE INITIALLY DEFERRED,
    created_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    CONSTRAINT holds_resolution CHECK (CASE state
        WHEN 'posted' THEN resolved_at IS NOT NULL AND journal_id IS NOT NULL
            AND coalesce(posted_amount BETWEEN 1 AND amount, false)
        ELSE journal_id IS NULL AND posted_amount IS NULL AND (state = 'pending') = (resolved_at IS NULL) END)
);
CREATE INDEX holds_pending ON holds (account_id, id) WHERE state = 'pending';
CREATE INDEX holds_of_case ON holds (case_id, id) WHERE case_id IS NOT NULL;
CREATE UNIQUE INDEX holds_journal ON holds (journal_id) WHERE journal_id IS NOT NULL;
CREATE TRIGGER holds_keep BEFORE DELETE OR TRUNCATE ON holds FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER holds_move AFTER INSERT OR UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION ledger_hold_moves();
CREATE CONSTRAINT TRIGGER holds_close AFTER UPDATE ON holds DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state = 'posted') EXECUTE FUNCTION ledger_hold_closes();
GRANT SELECT ON holds TO amanat_app;
ALTER TABLE holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE holds FORCE ROW LEVEL SECURITY;
CREATE POLICY machine ON holds TO CURRENT_ROLE USING (true);
CREATE POLICY own ON holds USING ((SELECT sees_all()) OR account_id IN (
    SELECT id FROM accounts WHERE owner_person = (SELECT acting_person())));

-- Sums of the entries with tx < horizon, where every transaction below the horizon had ended. Transaction numbers
-- mean nothing on another server (a restored dump), so a snapshot counts only on the one that took it.
CREATE TABLE balance_snapshots (
    account_id uuid NOT NULL REFERENCES accounts,
    server bigint NOT NULL,
    horizon xid8 NOT NULL,
    balance numeric NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, server, horizon)
);
CREATE INDEX balance_snapshots_rounds ON balance_snapshots (server, horizon);
CREATE TRIGGER balance_snapshots_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON balance_snapshots
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON balance_snapshots TO amanat_app;
ALTER TABLE balance_snapshots ENABLE ROW LEVEL SECURITY;
ALTER TABLE balance_snapshots FORCE ROW LEVEL SECURITY;
CREATE POLICY machine ON balance_snapshots TO CURRENT_ROLE USING (true);
CREATE POLICY own ON balance_snapshots USING ((SELECT sees_all()) OR account_id IN (
    SELECT id FROM accounts WHERE owner_person = (SELECT acting_person())));

-- Sums over all accounts without a floor, by kind and unit: of the entries with tx < horizon, under the conditions of
-- balance_snapshots. All that have such accounts stand at each horizon.
CREATE TABLE kind_sums (
    server bigint NOT NULL,
    horizon xid8 NOT NULL,
    kind text NOT NULL REFERENCES account_kinds,
    unit text NOT NULL,
    total numeric NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (server, horizon, kind, unit)
);
CREATE TRIGGER kind_sums_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON kind_sums
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON kind_sums TO amanat_app;
ALTER TABLE kind_sums ENABLE ROW LEVEL SECURITY;
ALTER TABLE kind_sums FORCE ROW LEVEL SECURITY;
CREATE POLICY machine ON kind_sums TO CURRENT_ROLE USING (true);
CREATE POLICY own ON kind_sums USING ((SELECT sees_all()));
