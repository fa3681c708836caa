-- What became of a personnel file: who may read of it, and of each row that was not taken what stood there.

-- The name may be that of a person, so it is sealed. The regions for which its sender speaks: none is all of them.
ALTER TABLE personnel_imports
    ADD COLUMN file_name_sealed bytea,
    ADD COLUMN regions jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN rows_leaving int NOT NULL DEFAULT 0,
    ADD COLUMN exits_opened int NOT NULL DEFAULT 0;
GRANT UPDATE (rows_leaving, exits_opened) ON personnel_imports TO amanat_app;

-- Where the row stands, as people find it; value and name go after a time. A row that reports an exit of somebody on
-- the list is refused for no fault: it says what became of the exit.
ALTER TABLE personnel_refusals
    ADD COLUMN sheet text NOT NULL DEFAULT '',
    ADD COLUMN sheet_row int,
    ADD COLUMN file_line int,
    ADD COLUMN value_sealed bytea,
    ADD COLUMN name_sealed bytea,
    ADD COLUMN leaving text CHECK (leaving IN ('waiting', 'ended'));
GRANT UPDATE (value_sealed, name_sealed) ON personnel_refusals TO amanat_app;
CREATE INDEX personnel_refusals_with_values ON personnel_refusals (case_id, row_number) WHERE value_sealed IS NOT NULL;

-- In which regions an organisation has people.
CREATE INDEX employments_of_region ON employments (organisation_id, region_code) WHERE state <> 'left';

-- Files that were read before say whose yes their changes wait for, too.
SELECT set_config('amanat.capacity', 'service', true);
UPDATE personnel_imports i SET exits_opened = c.exits
    FROM (
        SELECT import_case_id, count(*) AS exits FROM personnel_changes WHERE what = 'exit' GROUP BY import_case_id
    ) c
    WHERE c.import_case_id = i.case_id;
