-- Words on cases (G7): what a member who takes part in a case and the office that deals with it write to each other.
-- What was written stays as it is.

CREATE TABLE correspondence (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    case_id uuid NOT NULL REFERENCES cases,
    -- Whose thread it is.
    member_id uuid NOT NULL REFERENCES persons,
    author_id uuid NOT NULL REFERENCES persons,
    capacity text NOT NULL CHECK (capacity IN ('member', 'staff')),
    -- The author's part in the case, or the role by which they wrote.
    part text NOT NULL,
    text_sealed bytea NOT NULL,
    -- By the clock: the transaction may have waited for the case.
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- In the thread of a member no other member writes, and nobody answers themselves.
    CHECK ((capacity = 'member') = (author_id = member_id))
);
CREATE INDEX correspondence_of_thread ON correspondence (case_id, member_id, id);
CREATE TRIGGER correspondence_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON correspondence
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON correspondence TO amanat_app;
ALTER TABLE correspondence ENABLE ROW LEVEL SECURITY;
ALTER TABLE correspondence FORCE ROW LEVEL SECURITY;
-- To members their own thread, while they take part.
CREATE POLICY own ON correspondence FOR SELECT USING (sees_all() OR (member_id = acting_person() AND EXISTS (
    SELECT FROM case_people p WHERE p.case_id = correspondence.case_id AND p.person_id = acting_person()
    AND p.until IS NULL)));
CREATE POLICY author ON correspondence FOR INSERT WITH CHECK (sees_all() OR (
    member_id = acting_person() AND author_id = acting_person() AND capacity = 'member' AND EXISTS (
    SELECT FROM case_people p WHERE p.case_id = correspondence.case_id AND p.person_id = acting_person()
    AND p.until IS NULL AND p.part = correspondence.part)));
