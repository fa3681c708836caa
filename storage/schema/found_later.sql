-- What was booked to be found out may be found in a later difference of the same amount, the other way round: its
-- correction empties `clearing:differences` of both, once (E2).
ALTER TABLE clearing_differences
    ADD COLUMN resolves uuid REFERENCES clearing_differences,
    ADD CONSTRAINT resolved_by_correction
        CHECK (resolves IS NULL OR against IS NOT DISTINCT FROM 'clearing:differences'),
    ADD CONSTRAINT resolves_another CHECK (resolves <> id);
-- Hardly any has one: a day of thousands of fees is not to fill it.
CREATE UNIQUE INDEX clearing_differences_resolved_once ON clearing_differences (resolves) WHERE resolves IS NOT NULL;
GRANT UPDATE (resolves) ON clearing_differences TO amanat_app;
