-- One open change a person and employer (G2), and one of whoever has none: no employer's office holds up another's.
DROP INDEX cases_one_open_mobile_change;
CREATE UNIQUE INDEX cases_one_open_mobile_change ON cases (person_id, organisation_id) NULLS NOT DISTINCT
    WHERE closed_at IS NULL AND kind = 'mobile_change';
