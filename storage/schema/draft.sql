-- Drafts of forms: what somebody has typed so far, sealed. A row goes when its form is sent, or seven days after its
-- last change.

CREATE TABLE form_drafts (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES persons,
    form text NOT NULL CHECK (form ~ '^[a-z][a-z_]{0,39}$'),
    content_sealed bytea NOT NULL CHECK (length(content_sealed) <= 20500),
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    changed_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CHECK (expires_at > changed_at)
);
CREATE INDEX form_drafts_of_person ON form_drafts (person_id, form, changed_at DESC);
CREATE INDEX form_drafts_over ON form_drafts (expires_at);
GRANT SELECT, INSERT, UPDATE (content_sealed, version, changed_at, expires_at), DELETE ON form_drafts TO amanat_app;
ALTER TABLE form_drafts ENABLE ROW LEVEL SECURITY;
ALTER TABLE form_drafts FORCE ROW LEVEL SECURITY;
-- What is not sent yet is nobody's but its writer's: staff see none of it.
CREATE POLICY own ON form_drafts USING (
    (current_setting('amanat.capacity', true) = 'member' AND person_id = acting_person())
    OR current_setting('amanat.capacity', true) = 'service');
