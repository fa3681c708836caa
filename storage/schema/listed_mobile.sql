-- The number that each organisation's own list has for a person (A1), and since when: an employment counts only while it
-- is the person's number. A blind index, as theirs is.
ALTER TABLE employments ADD COLUMN mobile_index bytea, ADD COLUMN mobile_listed_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN mobile_agreed_at timestamptz;
SELECT set_config('amanat.capacity', 'service', true);
UPDATE employments e SET mobile_index = p.mobile_index, mobile_listed_at = e.updated_at
FROM persons p WHERE p.id = e.person_id;
-- What lists said before this column was there stands in the changes that they proposed, whatever became of these; what
-- a welfare office forwarded, once it was applied.
UPDATE employments e SET mobile_index = said.mobile_index, mobile_listed_at = said.at
FROM (
    SELECT DISTINCT ON (employment_id) employment_id, mobile_index, at
    FROM (
        SELECT m.employment_id, m.value_index AS mobile_index, c.opened_at AS at
        FROM personnel_changes m JOIN cases c ON c.id = m.case_id WHERE m.what = 'mobile'
        UNION ALL
        SELECT m.employment_id, m.mobile_index, c.closed_at
        FROM mobile_changes m JOIN cases c ON c.id = m.case_id WHERE c.outcome = 'applied'
    ) AS changes
    ORDER BY employment_id, at DESC
) AS said
WHERE said.employment_id = e.id;

-- When a list that had the person's number last got another: its office still decides on their number (G2). One that
-- never had it says nothing of the person who signs in.
CREATE TRIGGER employments_agreed BEFORE UPDATE OF mobile_index ON employments
    FOR EACH ROW WHEN (OLD.mobile_index IS DISTINCT FROM NEW.mobile_index) EXECUTE FUNCTION keep_agreed_mobile();

-- What is under way about an employment's number, and how it ended before.
CREATE INDEX mobile_changes_of_employment ON mobile_changes (employment_id);
CREATE INDEX personnel_changes_of_employment ON personnel_changes (employment_id) WHERE what = 'mobile';
