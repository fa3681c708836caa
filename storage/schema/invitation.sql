-- Who invited which number to become a member. The number is that of somebody who may not even know of Amanat: a row goes
-- when it is over, unless somebody joined by it. The readable token goes with the SMS, its hash stays.

CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    inviter_id uuid NOT NULL REFERENCES persons,
    mobile_index bytea NOT NULL,
    mobile_sealed bytea NOT NULL,
    token_hash bytea NOT NULL UNIQUE,
    token_sealed bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    used_by uuid REFERENCES persons,
    CHECK ((used_at IS NULL) = (used_by IS NULL))
);
CREATE INDEX invitations_of_inviter ON invitations (inviter_id, created_at DESC);
CREATE INDEX invitations_unused ON invitations (expires_at) WHERE used_at IS NULL;
GRANT SELECT, INSERT, UPDATE (token_sealed, used_at, used_by), DELETE ON invitations TO amanat_app;
ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
-- Members add their own and see none: whether somebody joined by it is not theirs to know.
CREATE POLICY invite ON invitations FOR INSERT WITH CHECK (sees_all() OR inviter_id = acting_person());
CREATE POLICY service ON invitations USING (sees_all());

ALTER TABLE joinings ADD COLUMN invitation_hash bytea;
