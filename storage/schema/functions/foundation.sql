-- Every function of the database stands once, in a file of this directory. Each migration run applies all of them,
-- before the tables: to change a function, edit it here. A new signature takes a new name, because processes of the
-- release before still call the old one; a later migration drops that.

-- Who acts in this transaction. A missing setting means: sees nothing.
CREATE OR REPLACE FUNCTION sees_all() RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT coalesce(current_setting('amanat.capacity', true), '') IN ('service', 'staff') $$;
CREATE OR REPLACE FUNCTION acting_person() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('amanat.person', true), '')::uuid $$;

-- For tables and columns that are append-only, whoever asks: the owner too.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$;

-- The one way to write the audit trail: a line that is chained to the line before it by its hash.
CREATE OR REPLACE FUNCTION audit_append(stream_name text, entry text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head audit_heads%ROWTYPE;
    moment timestamptz := clock_timestamp();
    link bytea;
BEGIN
    INSERT INTO audit_heads (stream, seq, hash) VALUES (stream_name, 0, ''::bytea) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT head FROM audit_heads WHERE stream = stream_name FOR UPDATE;
    link := sha256(head.hash || convert_to(stream_name || chr(10) || (head.seq + 1) || chr(10)
        || (extract(epoch FROM moment) * 1000000)::bigint || chr(10) || entry, 'UTF8'));
    INSERT INTO audit (stream, seq, at, content, hash) VALUES (stream_name, head.seq + 1, moment, entry, link);
    UPDATE audit_heads SET seq = head.seq + 1, hash = link WHERE stream = stream_name;
    RETURN head.seq + 1;
END $$;

REVOKE ALL ON FUNCTION audit_append FROM PUBLIC, amanat_app;
GRANT EXECUTE ON FUNCTION audit_append TO amanat_app;
