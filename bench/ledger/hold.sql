-- A hold on the hot account, as much as hot.py expects of this client.
\set number :number + 1
\set amount 1 + :client_id
SELECT bench_expect(outcome = 'held')
  FROM ledger_hold(:run || '/' || :client_id || '/' || :number, bench_code('available', 0), 'IRR', :amount,
                   'bench_held', NULL, 'system', NULL);
