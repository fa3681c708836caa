-- A journal of two entries on a random credit line, a transaction of its own. `source`: the account that all of them take
-- from, or own: the credit line's.
\set number :number + 1
\set line random(0, :lines - 1)
\set amount 1 + :number % 1000
SELECT bench_expect(outcome = 'posted')
  FROM ledger_post(bench_code('available', :line) || '/' || :run || '/' || :client_id || '/' || :number,
                   'bench_moved', NULL, 'system', now(),
                   ARRAY[CASE :source WHEN 'own' THEN bench_code('granted', :line) ELSE :source END,
                         bench_code('available', :line)],
                   ARRAY['IRR', 'IRR'], ARRAY[-:amount::bigint, :amount::bigint]);
