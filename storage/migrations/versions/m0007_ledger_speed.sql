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

DROP TRIGGER accounts_guard ON accounts;
-- Nothing looks accounts up by organisation.
DROP INDEX accounts_of_organisation;
ALTER TABLE accounts
    DROP CONSTRAINT accounts_code_check, ALTER code TYPE ledger_code,
    DROP CONSTRAINT accounts_unit_check, ALTER unit TYPE ledger_unit,
    DROP CONSTRAINT accounts_balance_check, ALTER balance TYPE ledger_balance,
    DROP CONSTRAINT accounts_held_check, ALTER held TYPE ledger_held,
    DROP CONSTRAINT accounts_code_of_kind, DROP CONSTRAINT accounts_without_floor, DROP CONSTRAINT accounts_floor,
    -- Where there is no floor, nothing can be held, and triggers store nothing.
    ADD CONSTRAINT accounts_floor CHECK (sign * balance - held >= coalesce(floor, 0));
ALTER TABLE journals
    DROP CONSTRAINT journals_key_check, ALTER key TYPE ledger_key,
    DROP CONSTRAINT journals_content_hash_check, ALTER content_hash TYPE ledger_hash,
    DROP CONSTRAINT journals_reason_check, ALTER reason TYPE ledger_reason,
    DROP CONSTRAINT journals_actor_check, ALTER actor TYPE ledger_actor,
    DROP CONSTRAINT journals_event_at_check, ALTER event_at TYPE ledger_moment,
    -- An index of all journals, nearly all of them NULL.
    DROP CONSTRAINT journals_corrects_key, DROP CONSTRAINT journals_check;
CREATE UNIQUE INDEX journals_corrects ON journals (corrects) WHERE corrects IS NOT NULL;
ALTER TABLE entries
    DROP CONSTRAINT entries_amount_check, ALTER amount TYPE ledger_amount;
DROP TRIGGER holds_close ON holds;
ALTER TABLE holds
    DROP CONSTRAINT holds_key_check, ALTER key TYPE ledger_key,
    DROP CONSTRAINT holds_content_hash_check, ALTER content_hash TYPE ledger_hash,
    DROP CONSTRAINT holds_reason_check, ALTER reason TYPE ledger_reason,
    DROP CONSTRAINT holds_actor_check, ALTER actor TYPE ledger_actor,
    DROP CONSTRAINT holds_expires_at_check, ALTER expires_at TYPE ledger_moment,
    DROP CONSTRAINT holds_amount_check, ALTER amount TYPE ledger_part,
    DROP CONSTRAINT holds_state_check, ALTER state TYPE ledger_hold_state,
    DROP CONSTRAINT holds_check, DROP CONSTRAINT holds_check1, DROP CONSTRAINT holds_check2,
    DROP CONSTRAINT holds_check3,
    ADD CONSTRAINT holds_resolution CHECK (CASE state
        WHEN 'posted' THEN resolved_at IS NOT NULL AND journal_id IS NOT NULL
            AND coalesce(posted_amount BETWEEN 1 AND amount, false)
        ELSE journal_id IS NULL AND posted_amount IS NULL AND (state = 'pending') = (resolved_at IS NULL) END),
    -- Its trigger finds the account, which never goes, and locks it for its own sake.
    DROP CONSTRAINT holds_account_id_fkey,
    DROP CONSTRAINT holds_journal_id_key,
    -- A hold says which journal posts it before that journal is written.
    ALTER CONSTRAINT holds_journal_id_fkey DEFERRABLE INITIALLY DEFERRED;
CREATE UNIQUE INDEX holds_journal ON holds (journal_id) WHERE journal_id IS NOT NULL;
CREATE CONSTRAINT TRIGGER holds_close AFTER UPDATE ON holds DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state = 'posted') EXECUTE FUNCTION ledger_hold_closes();

-- An account's identity never changes; its balance and what is held on it move only through entries and holds, whose
-- triggers run at depth 1. Both look at the columns that a statement names, which costs nothing where it names others.
CREATE TRIGGER accounts_keep_identity BEFORE UPDATE OF id, code, kind, unit, sign, floor, owner_person,
    organisation_id, created_at ON accounts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER accounts_move BEFORE UPDATE OF balance, held ON accounts
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE FUNCTION ledger_account_opens() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    SELECT k.sign, k.floor INTO NEW.sign, NEW.floor FROM account_kinds k WHERE k.kind = NEW.kind;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such kind of account: %', NEW.kind USING ERRCODE = 'AM006';
    END IF;
    IF NEW.code <> NEW.kind AND NOT starts_with(NEW.code, NEW.kind || ':') THEN
        RAISE EXCEPTION 'the code of an account begins with its kind' USING ERRCODE = 'check_violation';
    END IF;
    NEW.balance := 0;
    NEW.held := 0;
    RETURN NEW;
END $$;

-- The triggers below run within the functions that write, as the owner and with their settings, which would cost more
-- to make anew than what the triggers do: hence the names of schemas, and no settings. A plan is kept for as long as a
-- connection lives, whether a statement brought one journal or thousands: the settings of the writing functions have
-- each row looked up by index, never by reading a table.

-- Each journal is written by one statement with its entries. That they sum to zero is the entries' rule; none of them is
-- zero, so there are two or more. Asked with EXISTS, Postgres might read every entry there is instead of looking them up.
DROP TRIGGER journals_close ON journals;
DROP FUNCTION ledger_journal_closes();
CREATE FUNCTION ledger_journals_close() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM made j WHERE j.tx <> pg_current_xact_id()
        -- Not by EXISTS, for which Postgres may read all entries there are.
        OR (SELECT e.journal_id FROM public.entries e WHERE e.journal_id = j.id LIMIT 1) IS NULL;
    IF FOUND THEN
        RAISE EXCEPTION 'a journal has no entries' USING ERRCODE = 'AM003';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER journals_close AFTER INSERT ON journals REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_journals_close();

-- A correction, at COMMIT: it mirrors what it corrects, which is no correction.
CREATE FUNCTION ledger_correction_mirrors() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF NEW.corrects = NEW.id
       OR EXISTS (SELECT FROM journals WHERE id = NEW.corrects AND corrects IS NOT NULL)
       OR EXISTS (SELECT FROM entries WHERE journal_id IN (NEW.id, NEW.corrects)
                   GROUP BY account_id HAVING sum(amount) <> 0) THEN
        RAISE EXCEPTION 'journal % does not mirror what it corrects', NEW.id USING ERRCODE = 'AM009';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER journals_mirror AFTER INSERT ON journals DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.corrects IS NOT NULL) EXECUTE FUNCTION ledger_correction_mirrors();

-- Each entry: of a journal of this very transaction, on an open account, in its unit. What a statement brings sums to
-- zero in each journal and unit. Then the balances follow.
CREATE OR REPLACE FUNCTION ledger_entries_apply() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    fault text;
    stored bigint;
    places bigint;
    moved bigint;
BEGIN
    PERFORM FROM added e LEFT JOIN public.accounts a ON a.id = e.account_id
      WHERE a.id IS NULL OR a.unit <> e.unit OR a.frozen_at IS NOT NULL
         OR (a.floor IS NULL) <> (e.balance_after IS NULL) OR e.tx <> pg_current_xact_id() LIMIT 1;
    IF FOUND THEN
        -- A frozen account was open when the journal was judged: to try again is right, and will be refused.
        SELECT min(CASE WHEN a.id IS NULL THEN 'AM002' WHEN a.unit <> e.unit THEN 'AM004'
                        WHEN a.frozen_at IS NOT NULL THEN '40001' ELSE 'AM010' END)
          INTO fault FROM added e LEFT JOIN public.accounts a ON a.id = e.account_id;
        RAISE EXCEPTION 'an entry does not fit its account' USING ERRCODE = fault;
    END IF;
    SELECT CASE WHEN j.tx = pg_current_xact_id() THEN 'AM003' ELSE 'AM010' END INTO fault
      FROM (SELECT journal_id, sum(amount) AS total FROM added GROUP BY journal_id, unit) sums
      LEFT JOIN public.journals j ON j.id = sums.journal_id
     WHERE sums.total <> 0 OR j.tx IS DISTINCT FROM pg_current_xact_id() LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a journal does not balance, or is of another transaction' USING ERRCODE = fault;
    END IF;
    SELECT count(*), count(DISTINCT account_id) INTO stored, places FROM added WHERE balance_after IS NOT NULL;
    IF places = stored THEN
        UPDATE public.accounts a SET balance = e.balance_after FROM added e
         WHERE a.id = e.account_id AND e.balance_after IS NOT NULL AND a.balance = e.balance_after - e.amount;
    ELSE
        UPDATE public.accounts a SET balance = m.last FROM (
            SELECT account_id, max(balance_after) FILTER (WHERE following IS NULL) AS last,
                   max(balance_after - amount) FILTER (WHERE previous IS NULL) AS first,
                   bool_or(previous <> balance_after - amount) AS broken
              FROM (SELECT account_id, amount, balance_after, lag(balance_after) OVER w AS previous,
                           lead(balance_after) OVER w AS following
                      FROM added WHERE balance_after IS NOT NULL WINDOW w AS (PARTITION BY account_id ORDER BY id)) chain
             GROUP BY account_id) m
         WHERE a.id = m.account_id AND a.balance = m.first AND m.broken IS NOT TRUE;
    END IF;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> places THEN
        RAISE EXCEPTION 'a running balance is wrong' USING ERRCODE = 'AM010';
    END IF;
    RETURN NULL;
END $$;

-- What a key stands for: one text, hashed; the same text is built in domain/ledger.py. As single expressions they
-- become part of the statement that uses them (STABLE, because convert_to is).
CREATE FUNCTION ledger_line(code text, unit text, amount bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT code || ' ' || unit || ' ' || amount::text $$;
CREATE FUNCTION ledger_digest(reason text, case_id uuid, actor text, event_at timestamptz, hold uuid, corrects uuid,
        lines text) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(format(E'journal/1\n%s\n%s\n%s\n%s\n%s\n%s\n%s', reason, case_id, actor,
        (extract(epoch FROM event_at) * 1000000)::bigint, hold, corrects, lines), 'UTF8'))
$$;
CREATE OR REPLACE FUNCTION ledger_journal_hash(reason text, case_id uuid, actor text, event_at timestamptz, hold uuid,
        corrects uuid, codes text[], units text[], amounts bigint[]) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE SET search_path = public, pg_temp AS $$
BEGIN
    RETURN ledger_digest(reason, case_id, actor, event_at, hold, corrects, (
        SELECT string_agg(ledger_line(code, unit, amount), chr(10) ORDER BY code COLLATE "C")
          FROM unnest(codes, units, amounts) AS line (code, unit, amount)));
END $$;

-- The first answer given to a key, if there is one.
CREATE OR REPLACE FUNCTION ledger_answered(p_key text, p_hash bytea) RETURNS uuid
    LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    first journals%ROWTYPE;
BEGIN
    SELECT * INTO first FROM journals WHERE key = p_key;
    IF FOUND AND first.content_hash IS DISTINCT FROM p_hash THEN
        RAISE EXCEPTION 'the key stands for another journal' USING ERRCODE = 'AM001';
    END IF;
    RETURN first.id;
END $$;

-- One journal. Outcomes: posted, replayed, insufficient_funds, account_frozen, hold_resolved, already_corrected; after
-- the last four nothing is written and the transaction can go on. Everything else that is wrong raises.
-- With a hold, the journal takes from the hold's account at most what is held there; the rest is released.
CREATE OR REPLACE FUNCTION ledger_post(p_key text, p_reason text, p_case uuid, p_actor text, p_event_at timestamptz,
        p_codes text[], p_units text[], p_amounts bigint[], p_hold uuid DEFAULT NULL, p_corrects uuid DEFAULT NULL,
        OUT journal uuid, OUT outcome text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    hash bytea;
    released bigint := 0;
    held_account uuid;
    taken bigint;
    ids uuid[];
    after_balances bigint[];
BEGIN
    IF p_hold IS NOT NULL THEN
        SELECT account_id, amount INTO held_account, released FROM holds WHERE id = p_hold;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no such hold' USING ERRCODE = 'AM007';
        ELSIF p_corrects IS NOT NULL THEN
            RAISE EXCEPTION 'a correction posts no hold' USING ERRCODE = 'AM009';
        END IF;
    END IF;
    PERFORM FROM accounts WHERE code = ANY (p_codes) AND floor IS NOT NULL ORDER BY id FOR NO KEY UPDATE;
    SELECT array_agg(a.id ORDER BY w.n),
           array_agg(CASE WHEN a.floor IS NOT NULL THEN a.balance + w.amount END ORDER BY w.n),
           -- The worst that stands in the way; their names happen to be in that order.
           min(CASE WHEN a.frozen_at IS NOT NULL THEN 'account_frozen'
                    WHEN a.sign * (a.balance + w.amount) - a.held
                         + CASE WHEN a.id = held_account THEN released ELSE 0 END < a.floor
                    THEN 'insufficient_funds' ELSE 'posted' END),
           ledger_digest(p_reason, p_case, p_actor, p_event_at, p_hold, p_corrects,
                         string_agg(coalesce(ledger_line(w.code, w.unit, w.amount), ''), chr(10)
                                    ORDER BY w.code COLLATE "C"))
      INTO ids, after_balances, outcome, hash
      FROM unnest(p_codes, p_units, p_amounts) WITH ORDINALITY AS w (code, unit, amount, n)
      JOIN accounts a ON a.code = w.code;
    IF ids IS NULL
       OR cardinality(ids) <> greatest(cardinality(p_codes), cardinality(p_units), cardinality(p_amounts)) THEN
        RAISE EXCEPTION 'no such account among %', p_codes USING ERRCODE = 'AM002';
    END IF;
    IF p_hold IS NOT NULL THEN
        taken := (SELECT -a.sign * p_amounts[array_position(ids, a.id)] FROM accounts a WHERE a.id = held_account);
        IF taken IS NULL OR taken < 1 OR taken > released THEN
            RAISE EXCEPTION 'the journal must take from the account of the hold, and not more than held'
                USING ERRCODE = 'AM008';
        END IF;
        PERFORM FROM holds WHERE id = p_hold AND state = 'pending' FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            outcome := 'hold_resolved';
        END IF;
    END IF;
    IF outcome = 'posted' THEN
        journal := uuidv7();
        IF p_hold IS NOT NULL THEN
            -- The account gets back what was held before the entries take from it.
            UPDATE holds SET state = 'posted', posted_amount = taken, journal_id = journal, resolved_at = now()
             WHERE id = p_hold;
        END IF;
        WITH made AS (
            INSERT INTO journals (id, key, content_hash, reason, case_id, actor, event_at, corrects)
            VALUES (journal, p_key, hash, p_reason, p_case, p_actor, p_event_at, p_corrects)
            ON CONFLICT DO NOTHING RETURNING id
        )
        INSERT INTO entries (journal_id, account_id, amount, unit, balance_after)
        SELECT made.id, w.account, w.amount, w.unit, w.balance_after
          FROM made, unnest(ids, p_amounts, p_units, after_balances) AS w (account, amount, unit, balance_after);
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    -- Posted before, or by another connection while this one waited for a lock.
    journal := ledger_answered(p_key, hash);
    outcome := CASE WHEN journal IS NOT NULL THEN 'replayed' WHEN outcome = 'posted' THEN 'already_corrected'
                    ELSE outcome END;
    IF outcome = 'account_frozen' THEN
        -- Another connection may have posted this key before the account was frozen, and not committed yet. Where no
        -- account was locked, only the index of keys makes this one wait for it; alone, the row is refused again.
        BEGIN
            INSERT INTO journals (key, content_hash, reason, case_id, actor, event_at)
            VALUES (p_key, hash, p_reason, p_case, p_actor, p_event_at);
        EXCEPTION
            WHEN SQLSTATE 'AM003' THEN
                NULL;
            WHEN unique_violation THEN
                journal := ledger_answered(p_key, hash);
                outcome := 'replayed';
        END;
    END IF;
END $$;

-- Journals of a part of a batch. Without any trouble they are written together; else the part is halved, until it is
-- small or much of it is in trouble, and then posted one by one: so the outcome is the same as one after another. The
-- accounts are locked.
CREATE FUNCTION ledger_post_part(p_keys text[], p_reasons text[], p_cases uuid[], p_actors text[],
        p_event_ats timestamptz[], p_lines int[], p_codes text[], p_units text[], p_amounts bigint[],
        OUT journals uuid[], OUT outcomes text[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    many int := cardinality(p_keys);
    half int := many / 2;
    cut int;
    base int := p_lines[1] - 1;
    texts text[];
    hashes bytea[];
    ids uuid[];
    after_balances bigint[];
    known uuid[];
    trouble bigint := 0;
    replayed boolean;
    alone record;
    answer record;
BEGIN
    SELECT array_agg(l.text ORDER BY l.line) INTO texts FROM (
        SELECT line, string_agg(coalesce(ledger_line(code, unit, amount), ''), chr(10) ORDER BY code COLLATE "C") AS text
          FROM unnest(p_lines, p_codes, p_units, p_amounts) AS w (line, code, unit, amount) GROUP BY line) l;
    SELECT array_agg(ledger_digest(j.reason, j.case_id, j.actor, j.event_at, NULL, NULL, j.text) ORDER BY j.n),
           array_agg(uuidv7() ORDER BY j.n)
      INTO hashes, journals
      FROM unnest(p_reasons, p_cases, p_actors, p_event_ats, texts) WITH ORDINALITY
        AS j (reason, case_id, actor, event_at, text, n);
    BEGIN
        SELECT array_agg(line.account ORDER BY line.i), array_agg(line.after ORDER BY line.i),
               count(*) FILTER (WHERE line.account IS NULL OR line.frozen
                                   OR line.sign * line.after - line.held < line.floor
                                   OR line.after NOT BETWEEN -1000000000000000000 AND 1000000000000000000)
          INTO ids, after_balances, trouble
          FROM (SELECT w.i, a.id AS account, a.floor, a.sign, a.held, a.frozen_at IS NOT NULL AS frozen,
                       CASE WHEN a.floor IS NOT NULL
                            THEN (a.balance + sum(w.amount) OVER (PARTITION BY a.id ORDER BY w.i))::bigint END AS after
                  FROM unnest(p_codes, p_amounts) WITH ORDINALITY AS w (code, amount, i)
                  LEFT JOIN accounts a ON a.code = w.code) line;
        IF trouble = 0 THEN
            -- By key, so that two batches with the same keys wait for one another instead of crosswise.
            WITH made AS (
                INSERT INTO journals (id, key, content_hash, reason, case_id, actor, event_at)
                SELECT * FROM unnest(ledger_post_part.journals, p_keys, hashes, p_reasons, p_cases, p_actors, p_event_ats)
                    AS j (id, key, hash, reason, case_id, actor, event_at) ORDER BY key
            )
            INSERT INTO entries (journal_id, account_id, amount, unit, balance_after)
            SELECT ledger_post_part.journals[w.line - base], w.account, w.amount, w.unit, w.after
              FROM unnest(p_lines, ids, p_amounts, p_units, after_balances) WITH ORDINALITY
                AS w (line, account, amount, unit, after, i) ORDER BY w.i;
            outcomes := array_fill('posted'::text, ARRAY[many]);
            RETURN;
        END IF;
    EXCEPTION WHEN unique_violation OR numeric_value_out_of_range THEN
        -- A key that was used before, in this part or by somebody else; or a sum that only a refusal can prevent.
        NULL;
    END;
    -- Answered before, all of it, as after a lost connection: nothing is judged again.
    SELECT array_agg(k.id ORDER BY j.n), bool_and(coalesce(k.content_hash = j.hash, false))
      INTO known, replayed
      FROM unnest(p_keys, hashes) WITH ORDINALITY AS j (key, hash, n)
      LEFT JOIN public.journals k ON k.key = j.key;
    IF replayed THEN
        journals := known;
        outcomes := array_fill('replayed'::text, ARRAY[many]);
        RETURN;
    END IF;
    IF many < 16 OR trouble * 50 > many THEN
        journals := '{}';
        outcomes := '{}';
        FOR alone IN
            SELECT line - base AS n, array_agg(code ORDER BY i) AS codes, array_agg(unit ORDER BY i) AS units,
                   array_agg(amount ORDER BY i) AS amounts
              FROM unnest(p_lines, p_codes, p_units, p_amounts) WITH ORDINALITY AS w (line, code, unit, amount, i)
             GROUP BY line ORDER BY line
        LOOP
            SELECT * INTO answer
              FROM ledger_post(p_keys[alone.n], p_reasons[alone.n], p_cases[alone.n], p_actors[alone.n],
                               p_event_ats[alone.n], alone.codes, alone.units, alone.amounts);
            journals := journals || answer.journal;
            outcomes := outcomes || answer.outcome;
        END LOOP;
        RETURN;
    END IF;
    cut := (SELECT count(*) FROM unnest(p_lines) AS w (line) WHERE line <= base + half);
    SELECT p.journals, p.outcomes INTO journals, outcomes
      FROM ledger_post_part(p_keys[:half], p_reasons[:half], p_cases[:half], p_actors[:half], p_event_ats[:half],
                            p_lines[:cut], p_codes[:cut], p_units[:cut], p_amounts[:cut]) p;
    SELECT ledger_post_part.journals || p.journals, ledger_post_part.outcomes || p.outcomes INTO journals, outcomes
      FROM ledger_post_part(p_keys[half + 1:], p_reasons[half + 1:], p_cases[half + 1:], p_actors[half + 1:],
                            p_event_ats[half + 1:], p_lines[cut + 1:], p_codes[cut + 1:], p_units[cut + 1:],
                            p_amounts[cut + 1:]) p;
END $$;

-- Journals as if posted one after another in their order: those that are refused leave the others as they are.
-- p_lines says of each entry to which journal it belongs, counted from 1, in ascending order.
CREATE FUNCTION ledger_post_batch(p_keys text[], p_reasons text[], p_cases uuid[], p_actors text[],
        p_event_ats timestamptz[], p_lines int[], p_codes text[], p_units text[], p_amounts bigint[],
        OUT journals uuid[], OUT outcomes text[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off AS $$
DECLARE
    many int := cardinality(p_keys);
    lines int := cardinality(p_lines);
    of_journals text := format('[1:%s]', many);
    of_entries text := format('[1:%s]', lines);
BEGIN
    IF many IS NULL OR many NOT BETWEEN 1 AND 5000 OR lines > 50000
       OR (array_dims(p_keys), array_dims(p_reasons), array_dims(p_cases), array_dims(p_actors), array_dims(p_event_ats))
          IS DISTINCT FROM (of_journals, of_journals, of_journals, of_journals, of_journals)
       OR (array_dims(p_lines), array_dims(p_codes), array_dims(p_units), array_dims(p_amounts))
          IS DISTINCT FROM (of_entries, of_entries, of_entries, of_entries)
       OR EXISTS (SELECT FROM (SELECT line, lag(line, 1, 0) OVER (ORDER BY i) AS previous
                                 FROM unnest(p_lines) WITH ORDINALITY AS w (line, i)) step
                   WHERE line IS NULL OR line NOT IN (previous, previous + 1) OR line = 0)
       OR p_lines[lines] <> many THEN
        RAISE EXCEPTION 'the arrays of a batch do not fit together' USING ERRCODE = 'AM012';
    END IF;
    -- The same batch from two connections: one after the other, for halving follows no order of keys.
    PERFORM pg_advisory_xact_lock(hashtextextended((SELECT min(key) FROM unnest(p_keys) AS w (key)), 7));
    PERFORM FROM accounts WHERE code = ANY (p_codes) AND floor IS NOT NULL ORDER BY id FOR NO KEY UPDATE;
    SELECT p.journals, p.outcomes INTO journals, outcomes
      FROM ledger_post_part(p_keys, p_reasons, p_cases, p_actors, p_event_ats, p_lines, p_codes, p_units,
                            p_amounts) p;
END $$;

-- A frozen account refuses entries and new holds; what is held can still be released.
CREATE OR REPLACE FUNCTION ledger_freeze(p_code text, p_frozen boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF p_frozen IS NULL THEN
        RAISE EXCEPTION 'frozen or not?' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    UPDATE accounts SET frozen_at = CASE WHEN p_frozen THEN coalesce(frozen_at, now()) END WHERE code = p_code;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such account: %', p_code USING ERRCODE = 'AM002';
    END IF;
END $$;

-- A hold is born pending, resolves once, and moves `held` with it.
CREATE OR REPLACE FUNCTION ledger_hold_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE public.accounts SET held = held + NEW.amount
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
        UPDATE public.accounts SET held = held - OLD.amount WHERE id = OLD.account_id;
    END IF;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION ledger_journals_close, ledger_correction_mirrors, ledger_post_part, ledger_post_batch, ledger_line, ledger_digest
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_post_batch, ledger_line, ledger_digest TO amanat_app;
