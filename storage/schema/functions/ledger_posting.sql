-- What the app calls to write in the ledger. It cannot write a row by itself.

-- Plans: a custom plan would be made anew at each call and costs half of a posting (335 against 218 us, tried); and one
-- made while the tables are empty must not scan them for as long as its connection lives.

-- Only the machine writes here: a person's capacity is refused, and so is whoever did not say who acts.
CREATE OR REPLACE FUNCTION ledger_refuse_people() RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF current_setting('amanat.capacity', true) IS DISTINCT FROM 'service' THEN
        RAISE EXCEPTION 'only the machine writes in the ledger' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

-- What a key stands for: one text, hashed; the same text is built in domain/ledger.py. It holds account codes, not ids,
-- so that it can be read and recomputed without this database; entries in the order of their codes, so that order does
-- not matter. Single expressions become part of the statement that uses them (STABLE, because convert_to is).
CREATE OR REPLACE FUNCTION ledger_microseconds(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT coalesce((extract(epoch FROM moment) * 1000000)::bigint::text, '') $$;
CREATE OR REPLACE FUNCTION ledger_line(code text, unit text, amount bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT code || ' ' || unit || ' ' || amount::text $$;
CREATE OR REPLACE FUNCTION ledger_digest(reason text, case_id uuid, actor text, event_at timestamptz, hold uuid,
        corrects uuid, lines text) RETURNS bytea LANGUAGE sql STABLE AS $$
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
CREATE OR REPLACE FUNCTION ledger_hold_hash(code text, unit text, amount bigint, reason text, case_id uuid, actor text,
        expires_at timestamptz) RETURNS bytea
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT sha256(convert_to(concat_ws(chr(10), 'hold/1', code, unit, amount, reason, coalesce(case_id::text, ''),
        actor, ledger_microseconds(expires_at)), 'UTF8'))
$$;

-- Opens what is missing; an account that is there must be the same.
CREATE OR REPLACE FUNCTION ledger_open(p_codes text[], p_kinds text[], p_units text[], p_owners uuid[],
        p_organisations uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM ledger_refuse_people();
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

-- A frozen account refuses entries and new holds; what is held can still be released.
CREATE OR REPLACE FUNCTION ledger_freeze(p_code text, p_frozen boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM ledger_refuse_people();
    IF p_frozen IS NULL THEN
        RAISE EXCEPTION 'frozen or not?' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    UPDATE accounts SET frozen_at = CASE WHEN p_frozen THEN coalesce(frozen_at, now()) END WHERE code = p_code;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such account: %', p_code USING ERRCODE = 'AM002';
    END IF;
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
    PERFORM ledger_refuse_people();
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
CREATE OR REPLACE FUNCTION ledger_post_part(p_keys text[], p_reasons text[], p_cases uuid[], p_actors text[],
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
CREATE OR REPLACE FUNCTION ledger_post_batch(p_keys text[], p_reasons text[], p_cases uuid[], p_actors text[],
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
    PERFORM ledger_refuse_people();
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

-- A journal that turns another back, once. A correction is not corrected: post anew what was right.
CREATE OR REPLACE FUNCTION ledger_correct(p_journal uuid, p_key text, p_reason text, p_case uuid, p_actor text,
        p_event_at timestamptz, OUT journal uuid, OUT outcome text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    codes text[];
    units text[];
    amounts bigint[];
BEGIN
    PERFORM ledger_refuse_people();
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

-- Sets an amount apart. Outcomes: held, replayed, insufficient_funds, account_frozen.
CREATE OR REPLACE FUNCTION ledger_hold(p_key text, p_code text, p_unit text, p_amount bigint, p_reason text,
        p_case uuid, p_actor text, p_expires_at timestamptz, OUT hold uuid, OUT outcome text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    hash bytea := ledger_hold_hash(p_code, p_unit, p_amount, p_reason, p_case, p_actor, p_expires_at);
    account accounts%ROWTYPE;
    first holds%ROWTYPE;
BEGIN
    PERFORM ledger_refuse_people();
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
CREATE OR REPLACE FUNCTION ledger_release(p_hold uuid, p_state text, OUT outcome text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    found_state text;
BEGIN
    PERFORM ledger_refuse_people();
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

REVOKE ALL ON FUNCTION ledger_refuse_people, ledger_answered, ledger_post_part, ledger_microseconds, ledger_line,
    ledger_digest, ledger_journal_hash, ledger_hold_hash, ledger_open, ledger_freeze, ledger_post, ledger_post_batch,
    ledger_correct, ledger_hold, ledger_release FROM PUBLIC, amanat_app;
GRANT EXECUTE ON FUNCTION ledger_microseconds, ledger_line, ledger_digest, ledger_journal_hash, ledger_hold_hash,
    ledger_open, ledger_freeze, ledger_post, ledger_post_batch, ledger_correct, ledger_hold, ledger_release
    TO amanat_app;
