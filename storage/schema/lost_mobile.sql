-- Another number of a member without an employer who has lost the old one (G2): support opens such a change, so it is of
-- no employment, and what the registry said of the number decides with the second person; nothing before it answered.
ALTER TABLE mobile_changes ALTER COLUMN employment_id DROP NOT NULL, ADD COLUMN is_matched boolean;
ALTER TABLE mobile_changes DROP CONSTRAINT mobile_changes_scope_kind_check,
    ADD CONSTRAINT of_an_office CHECK (CASE scope_kind
        WHEN 'platform' THEN employment_id IS NULL
        ELSE scope_kind IN ('organisation', 'region') AND num_nulls(employment_id) = 0 AND num_nonnulls(is_matched) = 0
    END);
GRANT UPDATE (is_matched) ON mobile_changes TO amanat_app;
