-- What a member adds to their person: a language, an e-mail address, a password. All of it is optional.

CREATE TABLE profiles (
    person_id uuid PRIMARY KEY REFERENCES persons,
    language text CHECK (language IN ('fa', 'en')),
    -- An address is here only once its code came back. Another mobile takes that from it (G2).
    email_index bytea,
    email_sealed bytea,
    email_confirmed_at timestamptz,
    password_hash text,
    CHECK ((email_index IS NULL) = (email_sealed IS NULL)),
    CHECK (email_confirmed_at IS NULL OR email_sealed IS NOT NULL)
);
GRANT SELECT, INSERT, UPDATE ON profiles TO amanat_app;
ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE profiles FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON profiles USING (sees_all() OR person_id = acting_person());
