-- How somebody left (A13, C7), as the file said it; of reports from before nobody knows. A newer file may know better.
ALTER TABLE personnel_changes ADD COLUMN exit_reason text,
    ADD CONSTRAINT reason_of_exit CHECK
        (exit_reason IS NULL OR what = 'exit' AND exit_reason IN ('left', 'retired', 'died'));
GRANT UPDATE (exit_reason) ON personnel_changes TO amanat_app;

-- Who must not answer a task though it is their role's: what is asked came from them.
ALTER TABLE tasks ADD COLUMN not_by uuid REFERENCES persons,
    ADD CONSTRAINT another_person CHECK (not_by <> claimed_by AND not_by <> decided_by);
GRANT UPDATE (not_by) ON tasks TO amanat_app;
SELECT set_config('amanat.capacity', 'service', true);
UPDATE tasks t SET not_by = f.actor_id, claimed_by = nullif(t.claimed_by, f.actor_id)
FROM personnel_changes c JOIN facts f ON f.case_id = c.import_case_id AND f.kind = 'personnel_file_received'
WHERE c.case_id = t.case_id AND t.kind = 'confirm_change' AND t.status = 'open';
