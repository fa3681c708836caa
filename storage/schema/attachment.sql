-- Files of cases (G7): what each is and who added it. The content is sealed in the store of files, under a key that says
-- nothing. A row stays when its file is removed.

CREATE TABLE attachments (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    -- As what they added it: a part in the case, or a role.
    part text NOT NULL,
    -- The parts in the case whose members see it; staff see it by their roles.
    seen_by jsonb NOT NULL CHECK (jsonb_typeof(seen_by) = 'array'),
    purpose text NOT NULL,
    name_sealed bytea NOT NULL,
    media_type text NOT NULL CHECK (media_type IN ('application/pdf', 'image/jpeg')),
    size bigint NOT NULL CHECK (size > 0),
    sha256 bytea NOT NULL,
    file_key text NOT NULL UNIQUE,
    added_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz
);
CREATE INDEX attachments_of_case ON attachments (case_id, id);
GRANT SELECT, INSERT, UPDATE (removed_at) ON attachments TO amanat_app;
ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachments FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON attachments FOR SELECT USING (sees_all() OR EXISTS (SELECT FROM case_people p
    WHERE p.case_id = attachments.case_id AND p.person_id = acting_person() AND p.until IS NULL
    AND attachments.seen_by @> to_jsonb(p.part)));
-- A member adds what their own part sees.
CREATE POLICY adder ON attachments FOR INSERT WITH CHECK (sees_all() OR (person_id = acting_person() AND EXISTS (
    SELECT FROM case_people p WHERE p.case_id = attachments.case_id AND p.person_id = acting_person()
    AND p.until IS NULL AND p.part = attachments.part AND attachments.seen_by @> to_jsonb(p.part))));
CREATE POLICY remover ON attachments FOR UPDATE USING (sees_all() OR person_id = acting_person());
