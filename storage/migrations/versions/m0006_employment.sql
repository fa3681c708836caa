-- What a file or a decision replaced names its case; what an officer corrected by hand names the officer. Postgres
-- itself says who acts, so that no writer can forget it; the machine acts as nobody.
ALTER TABLE personnel_versions
    ALTER COLUMN case_id DROP NOT NULL,
    ADD COLUMN actor_id uuid REFERENCES persons;
ALTER TABLE personnel_versions
    ALTER COLUMN actor_id SET DEFAULT acting_person(),
    ADD CONSTRAINT personnel_versions_source CHECK (case_id IS NOT NULL OR actor_id IS NOT NULL);
