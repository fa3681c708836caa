-- The number that each organisation's own list has for a person (A1): an employment counts only while it is the
-- person's number. A blind index, as theirs is.
ALTER TABLE employments ADD COLUMN mobile_index bytea;
SELECT set_config('amanat.capacity', 'service', true);
UPDATE employments e SET mobile_index = p.mobile_index FROM persons p WHERE p.id = e.person_id;
