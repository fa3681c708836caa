-- Fills a ledger with millions of entries, as posting would have written them, in minutes; past the triggers, so by the
-- superuser and while nobody else posts. `ledger check` proves afterwards that the triggers would have let the rows in.
-- First each credit line is opened; of the journals that follow, every few one goes to the busy credit line, the others
-- to any; of five, two take from the shared account, so that a fifth of all entries is its. Each third gives back.
CREATE PROCEDURE bench_fill(p_lines bigint, p_journals bigint, p_busy text, p_every bigint, p_shared text)
    LANGUAGE plpgsql AS $$
DECLARE
    step CONSTANT bigint := 100000;
    ceiling CONSTANT bigint := 1000000000;
BEGIN
    SET session_replication_role = replica;
    CREATE UNLOGGED TABLE bench_lines AS
    SELECT row_number() OVER (ORDER BY a.code <> p_busy, a.id) - 1 AS number, a.id AS available,
           a.code AS available_code, a.balance, g.id AS granted, g.code AS granted_code
      FROM accounts a
      JOIN accounts g ON g.kind = 'credit:granted' AND g.owner_person = a.owner_person
     WHERE a.kind = 'credit:available';
    CREATE UNLOGGED TABLE bench_plan AS
    SELECT n, reason, amount, available, available_code,
           CASE WHEN shared THEN c.id ELSE granted END AS source,
           CASE WHEN shared THEN c.code ELSE granted_code END AS source_code,
           balance + sum(amount) OVER (PARTITION BY number ORDER BY n) AS after
      FROM (SELECT n, 'credit_line_opened' AS reason, n - 1 AS line, false AS shared, ceiling AS amount
              FROM generate_series(1, p_lines) AS n
             UNION ALL
            SELECT n, 'bench_moved', CASE WHEN n % p_every = 0 THEN 0 ELSE floor(random() * p_lines)::bigint END,
                   n % 5 < 2, CASE WHEN n % 3 = 0 THEN -1 ELSE 1 END * (1 + n % 1000)
              FROM generate_series(p_lines + 1, p_journals) AS n) AS drawn
      JOIN bench_lines ON number = line
     CROSS JOIN (SELECT id, code FROM accounts WHERE code = p_shared) AS c
     ORDER BY n;
    CREATE INDEX ON bench_plan (n);
    ANALYZE bench_plan;
    COMMIT;
    FOR done IN 0 .. p_journals - 1 BY step LOOP
        WITH chunk AS MATERIALIZED (
            SELECT uuidv7() AS journal, now() AS at, * FROM bench_plan WHERE n > done AND n <= done + step ORDER BY n
        ), made AS (
            INSERT INTO journals (id, key, content_hash, reason, actor, event_at)
            SELECT journal, available_code || '/bench/' || n,
                   ledger_journal_hash(reason, NULL, 'system', at, NULL, NULL, ARRAY[source_code, available_code],
                                       ARRAY['IRR', 'IRR'], ARRAY[-amount, amount]),
                   reason, 'system', at
              FROM chunk ORDER BY n
        )
        INSERT INTO entries (journal_id, account_id, amount, unit, balance_after)
        SELECT journal, e.account, e.amount, 'IRR', e.after
          FROM chunk CROSS JOIN LATERAL (
                   VALUES (1, source, -chunk.amount, CAST(NULL AS bigint)), (2, available, chunk.amount, chunk.after)
               ) AS e (place, account, amount, after)
         ORDER BY n, place;
        COMMIT;
    END LOOP;
    UPDATE accounts SET balance = last.after
      FROM (SELECT DISTINCT ON (available) available, after FROM bench_plan ORDER BY available, n DESC) AS last
     WHERE id = last.available;
    DROP TABLE bench_plan, bench_lines;
END $$;
