-- The chart of accounts. A kind says on which side its accounts stand and how low they may fall; both are rules,
-- so they come with a migration, never from a caller.
CREATE TABLE account_kinds (
    kind text PRIMARY KEY CHECK (kind ~ '^[a-z][a-z_]*(:[a-z][a-z_]*)*$' AND length(kind) <= 60),
    sign smallint NOT NULL CHECK (sign IN (1, -1)),
    floor bigint CHECK (abs(floor) <= 100000000000000000)
);
INSERT INTO account_kinds (kind, sign, floor) VALUES ('credit:granted', -1, NULL), ('credit:available', 1, 0);

-- An entry over 0 credits, one under 0 debits. sign * balance is what people read: 5 granted are 5, not -5.
-- floor NULL: never locked, nothing stored, the balance is a sum. Else the row is locked at each posting.
CREATE TABLE accounts (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    code text NOT NULL UNIQUE CHECK (code ~ '^[a-z][a-z_]*(:[a-z0-9_-]+)*$' AND length(code) <= 160),
    kind text NOT NULL REFERENCES account_kinds,
    unit text NOT NULL CHECK (unit ~ '^[A-Z]{3}$'),
    sign smallint NOT NULL,
    floor bigint,
    balance bigint NOT NULL DEFAULT 0 CHECK (balance BETWEEN -1000000000000000000 AND 1000000000000000000),
    held bigint NOT NULL DEFAULT 0 CHECK (held BETWEEN 0 AND 1000000000000000000),
    owner_person uuid REFERENCES persons,
    organisation_id uuid REFERENCES organisations,
    frozen_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT accounts_code_of_kind CHECK (code = kind OR starts_with(code, kind || ':')),
    CONSTRAINT accounts_floor CHECK (sign * balance - held >= floor),
    CONSTRAINT accounts_without_floor CHECK (floor IS NOT NULL OR (balance = 0 AND held = 0))
) WITH (fillfactor = 70);
CREATE INDEX accounts_of_person ON accounts (owner_person) WHERE owner_person IS NOT NULL;
CREATE INDEX accounts_of_organisation ON accounts (organisation_id) WHERE organisation_id IS NOT NULL;
CREATE INDEX accounts_summed ON accounts (kind, id) WHERE floor IS NULL;

-- case_id has no foreign key: the lines of one payroll case are posted by many connections at once, and each would
-- lock that one case row. `ledger check` looks for journals of unknown cases instead.
CREATE TABLE journals (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    key text NOT NULL UNIQUE CHECK (key ~ '^[!-~]{1,200}$'),
    content_hash bytea NOT NULL CHECK (length(content_hash) = 32),
    reason text NOT NULL CHECK (reason ~ '^[a-z][a-z0-9_]{1,59}$'),
    case_id uuid,
    actor text NOT NULL CHECK (actor ~ '^[!-~]{1,80}$'),
    event_at timestamptz NOT NULL CHECK (isfinite(event_at)),
    corrects uuid UNIQUE REFERENCES journals CHECK (corrects <> id),
    tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX journals_of_case ON journals (case_id, id) WHERE case_id IS NOT NULL;

-- Journal and account are looked up by the trigger below instead of by foreign keys, which would lock the row of a
-- shared account at each posting; neither can ever be deleted. An account has at most one entry in a journal.
-- balance_after is set exactly for accounts with a floor: there the lock makes id the true order.
CREATE TABLE entries (
    id bigint GENERATED ALWAYS AS IDENTITY,
    journal_id uuid NOT NULL,
    account_id uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount <> 0 AND amount BETWEEN -100000000000000000 AND 100000000000000000),
    unit text NOT NULL,
    balance_after bigint,
    tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (journal_id, account_id)
);
CREATE UNIQUE INDEX entries_stored ON entries (account_id, id) WHERE balance_after IS NOT NULL;
CREATE UNIQUE INDEX entries_summed ON entries (account_id, tx, id) INCLUDE (amount) WHERE balance_after IS NULL;

CREATE TABLE holds (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    key text NOT NULL UNIQUE CHECK (key ~ '^[!-~]{1,200}$'),
    content_hash bytea NOT NULL CHECK (length(content_hash) = 32),
    account_id uuid NOT NULL REFERENCES accounts,
    amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 100000000000000000),
    unit text NOT NULL,
    reason text NOT NULL CHECK (reason ~ '^[a-z][a-z0-9_]{1,59}$'),
    case_id uuid,
    actor text NOT NULL CHECK (actor ~ '^[!-~]{1,80}$'),
    expires_at timestamptz CHECK (isfinite(expires_at)),
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'posted', 'voided', 'expired')),
    posted_amount bigint CHECK (posted_amount BETWEEN 1 AND amount),
    journal_id uuid UNIQUE REFERENCES journals,
    created_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    CHECK ((state = 'pending') = (resolved_at IS NULL)),
    CHECK ((state = 'posted') = (journal_id IS NOT NULL)),
    CHECK ((state = 'posted') = (posted_amount IS NOT NULL))
);
CREATE INDEX holds_pending ON holds (account_id, id) WHERE state = 'pending';
CREATE INDEX holds_of_case ON holds (case_id, id) WHERE case_id IS NOT NULL;

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
CREATE FUNCTION ledger_server() RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT system_identifier FROM pg_control_system() $$;

-- Append-only, whoever asks
CREATE TRIGGER account_kinds_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON account_kinds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journals_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON journals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entries_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER balance_snapshots_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON balance_snapshots
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER holds_keep BEFORE DELETE OR TRUNCATE ON holds FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER accounts_keep BEFORE DELETE OR TRUNCATE ON accounts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Balance and held move only through entries and holds (their triggers run at depth 1); frozen_at alone is free.
CREATE TRIGGER accounts_guard BEFORE UPDATE ON accounts FOR EACH ROW
    WHEN ((NEW.id, NEW.code, NEW.kind, NEW.unit, NEW.sign, NEW.created_at) IS DISTINCT FROM
          (OLD.id, OLD.code, OLD.kind, OLD.unit, OLD.sign, OLD.created_at)
       OR NEW.floor IS DISTINCT FROM OLD.floor OR NEW.owner_person IS DISTINCT FROM OLD.owner_person
       OR NEW.organisation_id IS DISTINCT FROM OLD.organisation_id
       OR (pg_trigger_depth() = 0 AND (NEW.balance, NEW.held) IS DISTINCT FROM (OLD.balance, OLD.held)))
    EXECUTE FUNCTION refuse_change();

CREATE FUNCTION ledger_account_opens() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    SELECT k.sign, k.floor INTO NEW.sign, NEW.floor FROM account_kinds k WHERE k.kind = NEW.kind;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such kind of account: %', NEW.kind USING ERRCODE = 'AM006';
    END IF;
    NEW.balance := 0;
    NEW.held := 0;
    RETURN NEW;
END $$;
CREATE TRIGGER accounts_open BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION ledger_account_opens();

-- Each entry: of a journal of this very transaction, on an open account, in its unit; then the balances follow.
CREATE FUNCTION ledger_entries_apply() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    fault text;
    moved int;
BEGIN
    SELECT CASE WHEN a.id IS NULL THEN 'AM002' WHEN a.unit <> e.unit THEN 'AM004'
                WHEN a.frozen_at IS NOT NULL THEN 'AM011' ELSE 'AM010' END
      INTO fault
      FROM added e LEFT JOIN accounts a ON a.id = e.account_id LEFT JOIN journals j ON j.id = e.journal_id
     WHERE a.id IS NULL OR a.unit <> e.unit OR a.frozen_at IS NOT NULL
        OR (a.floor IS NULL) <> (e.balance_after IS NULL)
        OR j.tx IS DISTINCT FROM pg_current_xact_id() OR e.tx <> pg_current_xact_id()
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'an entry does not fit its journal or its account' USING ERRCODE = fault;
    END IF;
    WITH chain AS (
        SELECT account_id, amount, balance_after, id,
               lag(balance_after) OVER (PARTITION BY account_id ORDER BY id) AS previous
          FROM added WHERE balance_after IS NOT NULL
    ), moves AS (
        SELECT account_id, max(balance_after - amount) FILTER (WHERE previous IS NULL) AS first,
               sum(amount) AS delta, bool_or(previous <> balance_after - amount) AS broken
          FROM chain GROUP BY account_id
    ), applied AS (
        UPDATE accounts a SET balance = a.balance + m.delta::bigint FROM moves m
         WHERE a.id = m.account_id AND a.balance = m.first AND m.broken IS NOT TRUE
        RETURNING a.id
    )
    SELECT (SELECT count(*) FROM moves) - (SELECT count(*) FROM applied) INTO moved;
    IF moved <> 0 THEN
        RAISE EXCEPTION 'a running balance is wrong' USING ERRCODE = 'AM010';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_apply AFTER INSERT ON entries REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_apply();

-- Each journal, at COMMIT: two entries or more, zero in each unit; a correction mirrors what it corrects.
CREATE FUNCTION ledger_journal_closes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET enable_seqscan = off AS $$
BEGIN
    IF NEW.tx <> pg_current_xact_id() OR (
        SELECT coalesce(sum(n), 0) < 2 OR bool_or(total <> 0)
          FROM (SELECT count(*) AS n, sum(amount) AS total FROM entries WHERE journal_id = NEW.id GROUP BY unit) units
    ) THEN
        RAISE EXCEPTION 'journal % does not balance', NEW.id USING ERRCODE = 'AM003';
    END IF;
    IF NEW.corrects IS NOT NULL AND (
        EXISTS (SELECT FROM journals j WHERE j.id = NEW.corrects AND j.corrects IS NOT NULL)
        OR EXISTS (SELECT FROM entries WHERE journal_id IN (NEW.id, NEW.corrects)
                    GROUP BY account_id HAVING sum(amount) <> 0)
    ) THEN
        RAISE EXCEPTION 'journal % does not mirror what it corrects', NEW.id USING ERRCODE = 'AM009';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER journals_close AFTER INSERT ON journals DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger_journal_closes();

-- A hold is born pending, resolves once, and moves `held` with it.
CREATE FUNCTION ledger_hold_moves() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE accounts SET held = held + NEW.amount
         WHERE id = NEW.account_id AND unit = NEW.unit AND floor IS NOT NULL AND frozen_at IS NULL
           AND NEW.state = 'pending';
        IF NOT FOUND THEN
            RAISE EXCEPTION 'hold % does not fit its account', NEW.id USING ERRCODE = 'AM008';
        END IF;
    ELSE
        IF OLD.state <> 'pending' OR NEW.state = 'pending'
           OR (NEW.id, NEW.key, NEW.content_hash, NEW.account_id, NEW.amount, NEW.unit, NEW.reason, NEW.actor,
               NEW.created_at) IS DISTINCT FROM
              (OLD.id, OLD.key, OLD.content_hash, OLD.account_id, OLD.amount, OLD.unit, OLD.reason, OLD.actor,
               OLD.created_at)
           OR NEW.case_id IS DISTINCT FROM OLD.case_id OR NEW.expires_at IS DISTINCT FROM OLD.expires_at THEN
            RAISE EXCEPTION 'a hold resolves once and never changes' USING ERRCODE = 'insufficient_privilege';
        END IF;
        UPDATE accounts SET held = held - OLD.amount WHERE id = OLD.account_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER holds_move AFTER INSERT OR UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION ledger_hold_moves();
CREATE FUNCTION ledger_hold_closes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET enable_seqscan = off AS $$
BEGIN
    PERFORM FROM entries e JOIN accounts a ON a.id = e.account_id JOIN journals j ON j.id = e.journal_id
      WHERE e.journal_id = NEW.journal_id AND e.account_id = NEW.account_id
        AND e.amount = -a.sign * NEW.posted_amount AND j.tx = pg_current_xact_id();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'hold % was posted without its journal', NEW.id USING ERRCODE = 'AM008';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER holds_close AFTER UPDATE ON holds DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state = 'posted') EXECUTE FUNCTION ledger_hold_closes();

-- What a key stands for. The same text is built in domain/ledger.py. It holds account codes, not ids, so that it can
-- be read and recomputed without this database; entries in the order of their codes, so that order does not matter.
CREATE FUNCTION ledger_microseconds(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT coalesce((extract(epoch FROM moment) * 1000000)::bigint::text, '') $$;
CREATE FUNCTION ledger_journal_hash(reason text, case_id uuid, actor text, event_at timestamptz, hold uuid,
        corrects uuid, codes text[], units text[], amounts bigint[]) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE SET search_path = public, pg_temp AS $$
BEGIN
    RETURN sha256(convert_to(concat_ws(chr(10), 'journal/1', reason, coalesce(case_id::text, ''), actor,
        ledger_microseconds(event_at), coalesce(hold::text, ''), coalesce(corrects::text, ''),
        (SELECT string_agg(concat_ws(' ', code, unit, amount), chr(10) ORDER BY code COLLATE "C")
           FROM unnest(codes, units, amounts) AS line (code, unit, amount))), 'UTF8'));
END $$;
CREATE FUNCTION ledger_hold_hash(code text, unit text, amount bigint, reason text, case_id uuid, actor text,
        expires_at timestamptz) RETURNS bytea
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT sha256(convert_to(concat_ws(chr(10), 'hold/1', code, unit, amount, reason, coalesce(case_id::text, ''),
        actor, ledger_microseconds(expires_at)), 'UTF8'))
$$;

-- Opens what is missing; an account that is there must be the same.
CREATE FUNCTION ledger_open(p_codes text[], p_kinds text[], p_units text[], p_owners uuid[], p_organisations uuid[])
    RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO accounts (code, kind, unit, owner_person, organisation_id)
        SELECT * FROM unnest(p_codes, p_kinds, p_units, p_owners, p_organisations) AS asked (code) ORDER BY code
        ON CONFLICT (code) DO NOTHING;
    IF EXISTS (
        SELECT FROM unnest(p_codes, p_kinds, p_units, p_owners, p_organisations) AS w (code, kind, unit, owner, org)
          LEFT JOIN accounts a ON a.code = w.code
         WHERE (a.kind, a.unit, a.owner_person, a.organisation_id) IS DISTINCT FROM (w.kind, w.unit, w.owner, w.org)
    ) THEN
        RAISE EXCEPTION 'an account of that code exists and is another' USING ERRCODE = 'AM005';
    END IF;
END $$;

-- The first answer given to a key, if there is one.
CREATE FUNCTION ledger_answered(p_key text, p_hash bytea) RETURNS uuid
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    first journals%ROWTYPE;
BEGIN
    SELECT * INTO first FROM journals WHERE key = p_key;
    IF first.content_hash <> p_hash THEN
        RAISE EXCEPTION 'the key stands for another journal' USING ERRCODE = 'AM001';
    END IF;
    RETURN first.id;
END $$;

-- Plans: a custom plan would be made anew at each call and costs half of a posting (335 against 218 us, tried); and one
-- made while the tables are empty must not scan them for as long as its connection lives.

-- One journal. Outcomes: posted, replayed, insufficient_funds, account_frozen, hold_resolved, already_corrected; after
-- the last four nothing is written and the transaction can go on. Everything else that is wrong raises.
-- With a hold, the journal takes from the hold's account at most what is held there; the rest is released.
CREATE FUNCTION ledger_post(p_key text, p_reason text, p_case uuid, p_actor text, p_event_at timestamptz,
        p_codes text[], p_units text[], p_amounts bigint[], p_hold uuid DEFAULT NULL, p_corrects uuid DEFAULT NULL,
        OUT journal uuid, OUT outcome text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    hash bytea := ledger_journal_hash(p_reason, p_case, p_actor, p_event_at, p_hold, p_corrects, p_codes, p_units,
                                      p_amounts);
    released bigint := 0;
    held_account uuid;
    taken bigint;
    pending boolean;
    ids uuid[];
    after_balances bigint[];
    frozen boolean;
    short boolean;
BEGIN
    journal := ledger_answered(p_key, hash);
    IF journal IS NOT NULL THEN
        outcome := 'replayed';
        RETURN;
    END IF;
    IF p_hold IS NOT NULL THEN
        SELECT account_id, amount INTO held_account, released FROM holds WHERE id = p_hold;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no such hold' USING ERRCODE = 'AM007';
        END IF;
    END IF;
    WITH locked AS MATERIALIZED (
        SELECT id, code, sign, floor, balance, held, frozen_at FROM accounts
         WHERE code = ANY (p_codes) AND floor IS NOT NULL ORDER BY id FOR NO KEY UPDATE
    ), touched AS (
        SELECT * FROM locked
        UNION ALL
        SELECT id, code, sign, floor, balance, held, frozen_at FROM accounts
         WHERE code = ANY (p_codes) AND floor IS NULL
    )
    SELECT array_agg(t.id ORDER BY w.n),
           array_agg(CASE WHEN t.floor IS NOT NULL THEN t.balance + w.amount END ORDER BY w.n),
           bool_or(t.frozen_at IS NOT NULL),
           bool_or(t.sign * (t.balance + w.amount) - t.held
                   + CASE WHEN t.id = held_account THEN released ELSE 0 END < t.floor),
           max(-t.sign * w.amount) FILTER (WHERE t.id = held_account)
      INTO ids, after_balances, frozen, short, taken
      FROM unnest(p_codes, p_amounts) WITH ORDINALITY AS w (code, amount, n) JOIN touched t ON t.code = w.code;
    IF cardinality(ids) IS DISTINCT FROM cardinality(p_codes) THEN
        RAISE EXCEPTION 'no such account among %', p_codes USING ERRCODE = 'AM002';
    END IF;
    IF p_hold IS NOT NULL THEN
        IF taken IS NULL OR taken < 1 OR taken > released THEN
            RAISE EXCEPTION 'the journal must take from the account of the hold, and not more than held'
                USING ERRCODE = 'AM008';
        END IF;
        SELECT state = 'pending' INTO pending FROM holds WHERE id = p_hold FOR NO KEY UPDATE;
    END IF;
    outcome := CASE WHEN NOT pending THEN 'hold_resolved' WHEN frozen THEN 'account_frozen'
                    WHEN short THEN 'insufficient_funds' ELSE 'posted' END;
    IF outcome = 'posted' THEN
        INSERT INTO journals (key, content_hash, reason, case_id, actor, event_at, corrects)
            VALUES (p_key, hash, p_reason, p_case, p_actor, p_event_at, p_corrects)
            ON CONFLICT DO NOTHING RETURNING id INTO journal;
    END IF;
    IF journal IS NULL THEN
        -- While this one waited for a lock, the same key may have been posted by another connection.
        journal := ledger_answered(p_key, hash);
        outcome := CASE WHEN journal IS NOT NULL THEN 'replayed' WHEN outcome = 'posted' THEN 'already_corrected'
                        ELSE outcome END;
        RETURN;
    END IF;
    IF p_hold IS NOT NULL THEN
        UPDATE holds SET state = 'posted', posted_amount = taken, journal_id = journal, resolved_at = now()
         WHERE id = p_hold;
    END IF;
    INSERT INTO entries (journal_id, account_id, amount, unit, balance_after)
        SELECT journal, w.account, w.amount, w.unit, w.balance_after
          FROM unnest(ids, p_amounts, p_units, after_balances) WITH ORDINALITY
            AS w (account, amount, unit, balance_after, n) ORDER BY w.n;
END $$;

-- Sets an amount apart. Outcomes: held, replayed, insufficient_funds, account_frozen.
CREATE FUNCTION ledger_hold(p_key text, p_code text, p_unit text, p_amount bigint, p_reason text, p_case uuid,
        p_actor text, p_expires_at timestamptz, OUT hold uuid, OUT outcome text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    hash bytea := ledger_hold_hash(p_code, p_unit, p_amount, p_reason, p_case, p_actor, p_expires_at);
    account accounts%ROWTYPE;
    first holds%ROWTYPE;
BEGIN
    SELECT * INTO account FROM accounts WHERE code = p_code;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such account: %', p_code USING ERRCODE = 'AM002';
    ELSIF account.floor IS NULL OR account.unit <> p_unit THEN
        RAISE EXCEPTION 'nothing can be held on % in %', p_code, p_unit USING ERRCODE = 'AM008';
    END IF;
    -- The lock comes before the look at the key: two holds of one key touch the same account or are a conflict.
    SELECT * INTO account FROM accounts WHERE id = account.id FOR NO KEY UPDATE;
    SELECT * INTO first FROM holds WHERE key = p_key;
    IF NOT FOUND THEN
        outcome := CASE WHEN account.frozen_at IS NOT NULL THEN 'account_frozen'
                        WHEN account.sign * account.balance - account.held - p_amount < account.floor
                        THEN 'insufficient_funds' ELSE 'held' END;
        IF outcome <> 'held' THEN
            RETURN;
        END IF;
        INSERT INTO holds (key, content_hash, account_id, amount, unit, reason, case_id, actor, expires_at)
            VALUES (p_key, hash, account.id, p_amount, p_unit, p_reason, p_case, p_actor, p_expires_at)
            ON CONFLICT (key) DO NOTHING RETURNING id INTO hold;
        IF FOUND THEN
            RETURN;
        END IF;
        SELECT * INTO first FROM holds WHERE key = p_key;
    END IF;
    IF first.content_hash <> hash THEN
        RAISE EXCEPTION 'the key stands for another hold' USING ERRCODE = 'AM001';
    END IF;
    hold := first.id;
    outcome := 'replayed';
END $$;

-- Gives back what is held, as voided or expired. Outcomes: released, replayed, hold_resolved. The clock has no say:
-- who comes first, decides.
CREATE FUNCTION ledger_release(p_hold uuid, p_state text, OUT outcome text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    found_state text;
BEGIN
    IF p_state NOT IN ('voided', 'expired') THEN
        RAISE EXCEPTION 'a hold is released as voided or expired' USING ERRCODE = 'AM008';
    END IF;
    PERFORM FROM accounts WHERE id = (SELECT account_id FROM holds WHERE id = p_hold) FOR NO KEY UPDATE;
    SELECT state INTO found_state FROM holds WHERE id = p_hold FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such hold' USING ERRCODE = 'AM007';
    END IF;
    outcome := CASE found_state WHEN 'pending' THEN 'released' WHEN p_state THEN 'replayed' ELSE 'hold_resolved' END;
    IF outcome = 'released' THEN
        UPDATE holds SET state = p_state, resolved_at = now() WHERE id = p_hold;
    END IF;
END $$;

-- A journal that turns another back, once. A correction is not corrected: post anew what was right.
CREATE FUNCTION ledger_correct(p_journal uuid, p_key text, p_reason text, p_case uuid, p_actor text,
        p_event_at timestamptz, OUT journal uuid, OUT outcome text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    codes text[];
    units text[];
    amounts bigint[];
BEGIN
    IF NOT EXISTS (SELECT FROM journals WHERE id = p_journal AND corrects IS NULL) THEN
        RAISE EXCEPTION 'no journal % that can be corrected', p_journal USING ERRCODE = 'AM009';
    END IF;
    SELECT array_agg(a.code ORDER BY e.id), array_agg(e.unit ORDER BY e.id), array_agg(-e.amount ORDER BY e.id)
      INTO codes, units, amounts FROM entries e JOIN accounts a ON a.id = e.account_id WHERE e.journal_id = p_journal;
    SELECT p.journal, p.outcome INTO journal, outcome
      FROM ledger_post(p_key, p_reason, p_case, p_actor, p_event_at, codes, units, amounts, NULL, p_journal) p;
    -- The first correction may have taken what this one lacks: say what really stands in the way.
    IF journal IS NULL AND EXISTS (SELECT FROM journals WHERE corrects = p_journal) THEN
        outcome := 'already_corrected';
    END IF;
END $$;

-- A frozen account refuses entries and new holds; what is held can still be released.
CREATE FUNCTION ledger_freeze(p_code text, p_frozen boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE accounts SET frozen_at = CASE WHEN p_frozen THEN coalesce(frozen_at, now()) END WHERE code = p_code;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such account: %', p_code USING ERRCODE = 'AM002';
    END IF;
END $$;

-- A snapshot for each account without a floor that has gained `least` entries since its last one.
CREATE FUNCTION ledger_snapshot(p_kinds text[], p_least int) RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    taken int;
BEGIN
    INSERT INTO balance_snapshots (account_id, server, horizon, balance)
    SELECT a.id, ledger_server(), pg_snapshot_xmin(pg_current_snapshot()), coalesce(s.balance, 0) + n.total
      FROM accounts a
      LEFT JOIN LATERAL (
        SELECT balance, horizon FROM balance_snapshots WHERE account_id = a.id AND server = (SELECT ledger_server())
         ORDER BY horizon DESC LIMIT 1) s ON true
     CROSS JOIN LATERAL (
        SELECT count(*) AS many, sum(amount) AS total FROM entries e
         WHERE e.account_id = a.id AND e.balance_after IS NULL AND e.tx >= coalesce(s.horizon, '0')
           AND e.tx < pg_snapshot_xmin(pg_current_snapshot())) n
     WHERE a.floor IS NULL AND a.kind = ANY (p_kinds) AND n.many >= greatest(p_least, 1)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS taken = ROW_COUNT;
    RETURN taken;
END $$;

-- The sum of an account's entries; NULL if there is no such account, or none that the acting person may see.
CREATE FUNCTION account_balance(account uuid) RETURNS numeric
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    stored bigint;
    base numeric;
    since xid8;
BEGIN
    SELECT CASE WHEN a.floor IS NOT NULL THEN a.balance END INTO stored FROM accounts a WHERE a.id = account;
    IF NOT FOUND OR stored IS NOT NULL THEN
        RETURN stored;
    END IF;
    SELECT s.balance, s.horizon INTO base, since FROM balance_snapshots s
     WHERE s.account_id = account AND s.server = (SELECT ledger_server()) ORDER BY s.horizon DESC LIMIT 1;
    RETURN coalesce(base, 0) + (
        SELECT coalesce(sum(e.amount), 0) FROM entries e
         WHERE e.account_id = account AND e.balance_after IS NULL AND e.tx >= coalesce(since, '0'));
END $$;

-- What the app may do: read, and call
GRANT SELECT ON account_kinds, accounts, journals, entries, holds, balance_snapshots TO amanat_app;
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND (proname LIKE 'ledger\_%' OR proname = 'account_balance') LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', name);
        IF name !~ '^ledger_(account_opens|entries_apply|journal_closes|hold_moves|hold_closes|answered)\(' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO amanat_app', name);
        END IF;
    END LOOP;
END $$;

-- The second wall. The settings are read once a statement, not once a row: sums go over millions. The owner, as whom
-- the functions and triggers above run, sees every row in whatever capacity they are called.
DO $$
DECLARE
    ledger_table text;
BEGIN
    FOREACH ledger_table IN ARRAY ARRAY['accounts', 'journals', 'entries', 'holds', 'balance_snapshots'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', ledger_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', ledger_table);
        EXECUTE format('CREATE POLICY machine ON %I TO CURRENT_ROLE USING (true)', ledger_table);
    END LOOP;
    FOREACH ledger_table IN ARRAY ARRAY['entries', 'holds', 'balance_snapshots'] LOOP
        EXECUTE format('CREATE POLICY own ON %I USING ((SELECT sees_all()) OR account_id IN (SELECT id FROM accounts))',
            ledger_table);
    END LOOP;
END $$;
CREATE POLICY own ON accounts USING ((SELECT sees_all()) OR owner_person = (SELECT acting_person()));
CREATE POLICY own ON journals USING ((SELECT sees_all()) OR EXISTS (
    SELECT FROM entries e WHERE e.journal_id = journals.id));
