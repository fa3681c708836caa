-- A journal that raises the hot account or, from each third client, lowers it; as much as hot.py expects of this client.
\set number :number + 1
\set amount (1 + :client_id) * CASE WHEN :client_id % 3 = 0 THEN -1 ELSE 1 END
SELECT bench_expect(outcome = 'posted')
  FROM ledger_post(:run || '/' || :client_id || '/' || :number, 'bench_moved', NULL, 'system', now(),
                   ARRAY[bench_code('granted', 0), bench_code('available', 0)], ARRAY['IRR', 'IRR'],
                   ARRAY[-:amount::bigint, :amount::bigint]);
