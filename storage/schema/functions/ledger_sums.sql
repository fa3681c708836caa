-- Balances and sums of accounts without a floor, on which nothing is stored.

-- The server by which snapshots and sums count: transaction numbers mean nothing on another one.
CREATE OR REPLACE FUNCTION ledger_server() RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT system_identifier FROM pg_control_system() $$;

-- The sum of an account's entries; NULL if there is no such account, or none that the acting person may see. The
-- horizon is compared with as it is: under row-level security Postgres takes what is wrapped in coalesce for a
-- condition that might leak, and filters all entries of the account with it, index or not.
CREATE OR REPLACE FUNCTION account_balance(account uuid) RETURNS numeric
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
    IF NOT FOUND THEN
        base := 0;
        since := '0';
    END IF;
    RETURN base + (
        SELECT coalesce(sum(e.amount), 0) FROM entries e
         WHERE e.account_id = account AND e.balance_after IS NULL AND e.tx >= since);
END $$;

-- How far a step of summing up goes: just over the first marks from a horizon on, so that it reads about 256 entries
-- for each after however long a pause. No marks, no horizon.
CREATE OR REPLACE FUNCTION ledger_step(p_since xid8, p_marks int, OUT marks int, OUT horizon xid8)
    LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    SELECT count(*), (max(tx::text::bigint) + 1)::text::xid8 INTO marks, horizon FROM (
        SELECT tx FROM entries
         WHERE balance_after IS NULL AND hashint8(id) & 255 = 0 AND tx >= coalesce(p_since, '0')
           AND tx < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY tx LIMIT greatest(p_marks, 1)) nearest;
END $$;

-- A snapshot for each account marked since the last ones; returns how many marks there were. As many as asked for:
-- others may wait. One at a time: another that comes meanwhile finds nothing.
CREATE OR REPLACE FUNCTION ledger_sum_accounts(p_marks int) RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    here bigint := ledger_server();
    since xid8;
    step record;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('ledger_sum_accounts', 0)) THEN
        RETURN 0;
    END IF;
    SELECT horizon INTO since FROM balance_snapshots WHERE server = here ORDER BY horizon DESC LIMIT 1;
    step := ledger_step(since, p_marks);
    INSERT INTO balance_snapshots (account_id, server, horizon, balance)
    SELECT m.account_id, here, step.horizon, coalesce(s.balance, 0) + n.total
      FROM (SELECT DISTINCT account_id FROM entries
             WHERE balance_after IS NULL AND hashint8(id) & 255 = 0
               AND tx >= coalesce(since, '0') AND tx < step.horizon) m
      LEFT JOIN LATERAL (
        SELECT balance, horizon FROM balance_snapshots WHERE account_id = m.account_id AND server = here
         ORDER BY horizon DESC LIMIT 1) s ON true
     CROSS JOIN LATERAL (
        SELECT sum(amount) AS total FROM entries e
         WHERE e.account_id = m.account_id AND e.balance_after IS NULL AND e.tx >= coalesce(s.horizon, '0')
           AND e.tx < step.horizon) n;
    RETURN step.marks;
END $$;

-- The sums by kind at a new horizon, as soon as so many marks came since the last; returns how many, 0 if too few.
CREATE OR REPLACE FUNCTION ledger_sum_kinds(p_marks int) RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    here bigint := ledger_server();
    since xid8;
    step record;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('ledger_sum_kinds', 0)) THEN
        RETURN 0;
    END IF;
    SELECT horizon INTO since FROM kind_sums WHERE server = here ORDER BY horizon DESC LIMIT 1;
    step := ledger_step(since, p_marks);
    IF step.marks < greatest(p_marks, 1) THEN
        RETURN 0;
    END IF;
    INSERT INTO kind_sums (server, horizon, kind, unit, total)
    SELECT here, step.horizon, kind, unit, sum(total) FROM (
        SELECT kind, unit, total FROM kind_sums WHERE server = here AND horizon = since
         UNION ALL
        SELECT a.kind, a.unit, coalesce(n.total, 0) FROM accounts a
         CROSS JOIN LATERAL (
            SELECT sum(amount) AS total FROM entries e
             WHERE e.account_id = a.id AND e.balance_after IS NULL AND e.tx >= coalesce(since, '0')
               AND e.tx < step.horizon) n
         WHERE a.floor IS NULL) parts
     GROUP BY kind, unit;
    RETURN step.marks;
END $$;

REVOKE ALL ON FUNCTION ledger_step, ledger_server, account_balance, ledger_sum_accounts, ledger_sum_kinds
    FROM PUBLIC, amanat_app;
GRANT EXECUTE ON FUNCTION ledger_server, account_balance, ledger_sum_accounts, ledger_sum_kinds TO amanat_app;
