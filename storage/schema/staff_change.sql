-- Changes of staff that one operator proposes and another confirms (G1), and credentials that their owner sets.

INSERT INTO services (name) VALUES ('staff_change');

-- Nobody confirms what they proposed, nor has a part in what concerns themselves. Who is added may be nobody yet; what
-- would make a person of them stays sealed until the change is applied.
CREATE TABLE staff_changes (
    case_id uuid PRIMARY KEY REFERENCES cases,
    action text NOT NULL CHECK (action IN ('add', 'grant', 'reset')),
    person_id uuid REFERENCES persons,
    proposed_by uuid NOT NULL REFERENCES persons,
    confirmed_by uuid REFERENCES persons,
    username text CHECK (username ~ '^[a-z0-9][a-z0-9._-]{2,39}$'),
    first_name text NOT NULL DEFAULT '',
    last_name text NOT NULL DEFAULT '',
    identity_sealed bytea,
    mobile_sealed bytea,
    grants jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT two_operators CHECK (confirmed_by <> proposed_by),
    CONSTRAINT not_for_oneself CHECK (person_id <> proposed_by AND person_id <> confirmed_by),
    CONSTRAINT whole CHECK (CASE action
        WHEN 'add' THEN num_nulls(username, identity_sealed, mobile_sealed) = 0
        ELSE num_nulls(person_id) = 0 AND num_nonnulls(username, identity_sealed, mobile_sealed) = 0 END)
);
GRANT SELECT, INSERT, UPDATE (confirmed_by) ON staff_changes TO amanat_app;
ALTER TABLE staff_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE staff_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY office ON staff_changes USING (sees_all());

-- Until their owner has followed the link, there are no credentials to sign in with.
ALTER TABLE staff_credentials ALTER password_hash DROP NOT NULL;
ALTER TABLE staff_credentials ALTER totp_sealed DROP NOT NULL;
ALTER TABLE staff_credentials ADD CONSTRAINT set_together CHECK ((password_hash IS NULL) = (totp_sealed IS NULL));
