-- The rules of the ledger's tables, as triggers: they hold whoever writes, the owner included.

-- Those without settings of their own run within the functions that write, as the owner and with their settings, which
-- would cost more to make anew than what the triggers do: hence the names of schemas, and no settings. A plan is kept
-- for as long as a connection lives, whether a statement brought one journal or thousands: the settings of the writing
-- functions have each row looked up by index, never by reading a table.

-- An account takes its sign and floor from its kind and begins with nothing.
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

-- Each journal is written by one statement with its entries. That they sum to zero is the entries' rule; none of them
-- is zero, so there are two or more.
CREATE OR REPLACE FUNCTION ledger_journals_close() RETURNS trigger
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

-- A correction, at COMMIT: it mirrors what it corrects, which is no correction.
CREATE OR REPLACE FUNCTION ledger_correction_mirrors() RETURNS trigger
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

-- A posted hold, at COMMIT: its journal is of this transaction and takes the posted amount from the hold's account.
CREATE OR REPLACE FUNCTION ledger_hold_closes() RETURNS trigger
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

REVOKE ALL ON FUNCTION ledger_account_opens, ledger_journals_close, ledger_entries_apply, ledger_correction_mirrors,
    ledger_hold_moves, ledger_hold_closes FROM PUBLIC, amanat_app;
