-- What a personnel file says besides its rows, and the length of service where a list gives it (A4, A13).

-- The names of visible sheets with something in them but without the headings.
ALTER TABLE personnel_imports ADD COLUMN sheets_left_out jsonb NOT NULL DEFAULT '[]';
GRANT UPDATE (sheets_left_out) ON personnel_imports TO amanat_app;

-- As the list gives it (an ISO 8601 duration), and the day from which it counts: so long before the day on which the
-- list first said it. The same list on a later day therefore changes nothing.
ALTER TABLE employments ADD COLUMN service text, ADD COLUMN service_start date,
    ADD CONSTRAINT employments_service CHECK ((service IS NULL) = (service_start IS NULL));
GRANT UPDATE (service, service_start) ON employments TO amanat_app;
