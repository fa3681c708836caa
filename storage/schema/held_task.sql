-- Tasks that only their holder sees: until when they are waited for is another moment once somebody has taken one.
GRANT UPDATE (remind_at, due_at) ON tasks TO amanat_app;
CREATE INDEX tasks_claimed ON tasks (claimed_by, case_id) WHERE status = 'open' AND claimed_by IS NOT NULL;
