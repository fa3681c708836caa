-- Papers that were issued (G9). What one says, and the token of its check page, are sealed together; its hash holds the
-- token too, so that nobody can guess names and amounts by it. A paper is issued once to a person for a case, and never
-- changes.

CREATE TABLE papers (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    kind text NOT NULL,
    case_id uuid NOT NULL REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    -- What people call it by, on the telephone too.
    number text NOT NULL UNIQUE DEFAULT new_paper_number(),
    token_hash bytea NOT NULL UNIQUE,
    sealed bytea NOT NULL,
    sha256 bytea NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (kind, case_id, person_id)
);
CREATE INDEX papers_of_person ON papers (person_id, id DESC);
CREATE TRIGGER papers_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON papers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON papers TO amanat_app;
ALTER TABLE papers ENABLE ROW LEVEL SECURITY;
ALTER TABLE papers FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON papers FOR SELECT USING (sees_all() OR person_id = acting_person());
-- Members ask for papers; what stands in them is not theirs to write.
CREATE POLICY service ON papers FOR INSERT WITH CHECK (sees_all());
