-- What every command leaves behind: an answer to be given again, and a line of the audit trail.

-- A process says whether it fits the database.
GRANT SELECT ON alembic_version TO amanat_app;

CREATE TABLE idempotency (
    actor_id uuid NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 8 AND 220),
    fingerprint bytea NOT NULL,
    status int NOT NULL CHECK (status BETWEEN 200 AND 299),
    answer_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor_id, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency TO amanat_app;
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON idempotency USING (sees_all() OR actor_id = acting_person());

-- A hash chain per stream. Rows come only through audit_append, which runs as the owner in any capacity: so
-- row-level security is not forced upon the owner here.
CREATE TABLE audit_heads (stream text PRIMARY KEY, seq bigint NOT NULL, hash bytea NOT NULL);
GRANT SELECT ON audit_heads TO amanat_app;
ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON audit_heads USING (sees_all());

CREATE TABLE audit (
    stream text NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    content text NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (stream, seq)
);
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON audit TO amanat_app;
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON audit USING (sees_all());
