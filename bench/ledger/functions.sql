-- What the scripts beside this file call, in the database that they post to.

-- The code of a credit line's account, `kind` being granted or available; books.py says which credit lines there are.
CREATE FUNCTION bench_code(kind text, line bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT 'credit:' || kind || ':' || CAST(md5('bench/line/' || line::text)::uuid AS text) $$;

-- Makes a refusal a transaction that failed, which pgbench counts: it goes on after this SQLSTATE, not after others.
CREATE FUNCTION bench_expect(expected boolean) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN IF expected IS NOT TRUE THEN RAISE 'refused' USING ERRCODE = '40001'; END IF; END $$;
