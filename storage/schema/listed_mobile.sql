-- The number that each organisation's own list has for a person (A1), and since when: an employment counts only while it
-- is the person's number. A blind index, as theirs is.
ALTER TABLE employments ADD COLUMN mobile_index bytea, ADD COLUMN mobile_listed_at timestamptz NOT NULL DEFAULT now();
SELECT set_config('amanat.capacity', 'service', true);
UPDATE employments e SET mobile_index = p.mobile_index, mobile_listed_at = e.updated_at
FROM persons p WHERE p.id = e.person_id;

-- What is under way about an employment's number, and how it ended before.
CREATE INDEX mobile_changes_of_employment ON mobile_changes (employment_id);
CREATE INDEX personnel_changes_of_employment ON personnel_changes (employment_id) WHERE what = 'mobile';
