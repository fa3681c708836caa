-- Journals of two entries in a batch, as at a month's end: each connection goes round credit lines of its own, each of
-- them once in a batch. `source`: as in post.sql. `step`: 1, or 0 for the same batch again, as whoever heard no answer
-- sends it. The arrays are made here, so their making counts.
\set number :number + :step
\set own :lines / :clients
\set first :number * :size
SELECT bench_expect(count(*) = :size AND bool_and(outcome IN ('posted', 'replayed')))
  FROM (SELECT array_agg(available || '/' || :run || '/' || :number || '/' || n ORDER BY n) AS keys,
               array_agg('bench_moved'::text) AS reasons, array_agg(NULL::uuid) AS cases,
               array_agg('system'::text) AS actors, array_agg(:at::timestamptz) AS moments
          FROM (SELECT n, bench_code('available', (:first + n) % :own * :clients + :client_id) AS available
                  FROM generate_series(0, :size - 1) AS n) AS journal) AS j
 CROSS JOIN (SELECT array_agg(n + 1 ORDER BY n, side) AS lines, array_agg(code ORDER BY n, side) AS codes,
                    array_agg('IRR'::text) AS units, array_agg(side * (1 + n % 1000)::bigint ORDER BY n, side) AS amounts
               FROM (SELECT n, (:first + n) % :own * :clients + :client_id AS line
                       FROM generate_series(0, :size - 1) AS n) AS journal
              CROSS JOIN LATERAL (
                        VALUES (-1, CASE :source WHEN 'own' THEN bench_code('granted', line) ELSE :source END),
                               (1, bench_code('available', line))) AS entry (side, code)) AS e
 CROSS JOIN LATERAL ledger_post_batch(keys, reasons, cases, actors, moments, lines, codes, units, amounts) AS b
 CROSS JOIN LATERAL unnest(outcomes) AS outcome;
