-- Identity reviews (F4): pictures of documents, what was submitted, whose identity is confirmed at which level until
-- when, and which cases wait for that.

INSERT INTO services (name) VALUES ('kyc');
CREATE UNIQUE INDEX cases_one_open_kyc ON cases (person_id) WHERE closed_at IS NULL AND kind = 'kyc';

-- A picture that its person has taken, drawn anew. The content is sealed in the store of files, under a key that says
-- nothing. A row stays when its picture is deleted.
CREATE TABLE identity_documents (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    person_id uuid NOT NULL REFERENCES persons,
    kind text NOT NULL CHECK (kind ~ '^[a-z][a-z_]{0,39}$'),
    size bigint NOT NULL CHECK (size > 0),
    sha256 bytea NOT NULL,
    file_key text NOT NULL UNIQUE,
    added_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz
);
CREATE INDEX identity_documents_of_person ON identity_documents (person_id, id) WHERE removed_at IS NULL;
-- By the folder in which its content lies: what nothing needs any more is looked for folder by folder.
CREATE INDEX identity_documents_kept ON identity_documents (left(file_key, 11), added_at) WHERE removed_at IS NULL;
GRANT SELECT, INSERT, UPDATE (removed_at) ON identity_documents TO amanat_app;
ALTER TABLE identity_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity_documents FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON identity_documents FOR SELECT USING (sees_all() OR person_id = acting_person());
CREATE POLICY adder ON identity_documents FOR INSERT WITH CHECK (sees_all() OR person_id = acting_person());
CREATE POLICY remover ON identity_documents FOR UPDATE USING (sees_all() OR person_id = acting_person());

-- What was submitted in a case, and anew each time that it was mended. What was typed is sealed.
CREATE TABLE kyc_submissions (
    case_id uuid NOT NULL REFERENCES cases,
    number int NOT NULL CHECK (number > 0),
    person_id uuid NOT NULL REFERENCES persons,
    level text NOT NULL,
    typed_sealed bytea NOT NULL,
    card_id uuid NOT NULL REFERENCES bank_accounts,
    sheba_id uuid NOT NULL REFERENCES bank_accounts,
    -- By kind of document the picture's id, and what of it differs from the number before.
    documents jsonb NOT NULL CHECK (jsonb_typeof(documents) = 'object'),
    changed jsonb NOT NULL CHECK (jsonb_typeof(changed) = 'array'),
    submitted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (case_id, number)
);
CREATE INDEX kyc_submissions_of_person ON kyc_submissions (person_id, submitted_at);
CREATE INDEX kyc_submissions_documents ON kyc_submissions USING gin (documents jsonb_path_ops);
GRANT SELECT, INSERT ON kyc_submissions TO amanat_app;
ALTER TABLE kyc_submissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE kyc_submissions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON kyc_submissions FOR SELECT USING (sees_all() OR person_id = acting_person());
-- A member submits in an open case of their own, and nowhere else.
CREATE POLICY submitter ON kyc_submissions FOR INSERT WITH CHECK (sees_all() OR (person_id = acting_person() AND EXISTS (
    SELECT FROM cases c WHERE c.id = kyc_submissions.case_id AND c.person_id = acting_person()
    AND c.closed_at IS NULL)));

-- Whose identity is confirmed; of several the newest counts, to its last day.
CREATE TABLE identities (
    case_id uuid PRIMARY KEY REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    level text NOT NULL,
    policy_id uuid NOT NULL REFERENCES policies,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    valid_until date NOT NULL,
    renewal_asked_at timestamptz
);
CREATE INDEX identities_of_person ON identities (person_id, accepted_at DESC);
CREATE INDEX identities_to_renew ON identities (valid_until) WHERE renewal_asked_at IS NULL;
GRANT SELECT, INSERT, UPDATE (renewal_asked_at) ON identities TO amanat_app;
ALTER TABLE identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE identities FORCE ROW LEVEL SECURITY;
-- Members see their own; the machine alone confirms one.
CREATE POLICY own ON identities FOR SELECT USING (person_id = acting_person());
CREATE POLICY service ON identities USING (sees_all());

-- Cases that wait for the end of a person's review; each is told, and its row deleted.
CREATE TABLE identity_waits (
    case_id uuid PRIMARY KEY REFERENCES cases,
    person_id uuid NOT NULL REFERENCES persons,
    since timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX identity_waits_of_person ON identity_waits (person_id);
GRANT SELECT, INSERT, DELETE ON identity_waits TO amanat_app;
ALTER TABLE identity_waits ENABLE ROW LEVEL SECURITY;
ALTER TABLE identity_waits FORCE ROW LEVEL SECURITY;
CREATE POLICY machine ON identity_waits USING (sees_all());

-- What a review's task shows changes when a case begins to wait for it; of any task the machine alone changes that.
GRANT UPDATE (details) ON tasks TO amanat_app;
CREATE TRIGGER tasks_keep_details BEFORE UPDATE OF details ON tasks FOR EACH ROW
    WHEN (OLD.details IS DISTINCT FROM NEW.details) EXECUTE FUNCTION keep_details();
