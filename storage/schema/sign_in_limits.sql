-- What keeps strangers from shutting people out (G1): devices that signed in before, and failures, counted.

-- A device is known for a person in a capacity. Of its token only the hash is stored.
CREATE TABLE known_devices (
    token_hash bytea NOT NULL,
    person_id uuid NOT NULL REFERENCES persons,
    capacity text NOT NULL CHECK (capacity IN ('member', 'staff')),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (token_hash, person_id, capacity)
);
CREATE INDEX known_devices_of_person ON known_devices (person_id, capacity, expires_at);
CREATE INDEX known_devices_by_expiry ON known_devices (expires_at);
GRANT SELECT, INSERT, UPDATE (expires_at), DELETE ON known_devices TO amanat_app;
ALTER TABLE known_devices ENABLE ROW LEVEL SECURITY;
ALTER TABLE known_devices FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON known_devices USING (sees_all() OR person_id = acting_person());

-- Failed sign-ins of a minute, until housekeeping tells the audit trail of them. The shard is chosen without regard to
-- the person; nobody's failures have a person_id of zeros, which is no reference, so that both are the same work.
CREATE TABLE failed_sign_ins (
    minute timestamptz NOT NULL,
    shard smallint NOT NULL,
    person_id uuid NOT NULL,
    capacity text NOT NULL CHECK (capacity IN ('member', 'staff')),
    failures int NOT NULL,
    origin text NOT NULL,
    PRIMARY KEY (minute, shard, person_id, capacity)
);
GRANT SELECT, INSERT, UPDATE (failures, origin), DELETE ON failed_sign_ins TO amanat_app;
ALTER TABLE failed_sign_ins ENABLE ROW LEVEL SECURITY;
ALTER TABLE failed_sign_ins FORCE ROW LEVEL SECURITY;
CREATE POLICY service ON failed_sign_ins USING (sees_all());
