-- What a row is about stays as it was written, also where row-level security sees everything: the app may update the
-- other columns alone. A column that a later version adds is updated only where that version grants it.
DO $$
DECLARE
    fixed record;
    others text;
BEGIN
    FOR fixed IN SELECT * FROM (VALUES
        ('persons', '{id, national_id_index, national_id_sealed, created_at}'::name[]),
        ('employments', '{id, organisation_id, person_id, unit, mobile_agreed_at}'),
        ('contracts', '{id, organisation_id, number, starts_on, ends_on, created_at}'),
        ('role_grants', '{id, person_id, role, scope_kind, scope, granted_by, granted_at}'),
        ('staff_credentials', '{person_id, username, created_at}'),
        ('sessions', '{id, token_hash, person_id, capacity, created_at, expires_at, idle_after}'),
        ('one_time_codes', '{id, purpose, person_id, binding, code_hash, channel, sent_to, created_at, expires_at}'),
        ('profiles', '{person_id}'),
        ('rate_windows', '{bucket, starts_at}'),
        ('policies', '{id, name, version, value, proposed_by, proposed_at}'),
        ('cases', '{id, number, kind, variant, person_id, organisation_id, policy_id, opened_at}'),
        ('case_people', '{case_id, person_id, part, since}'),
        ('tasks', '{id, case_id, kind, person_id, role, scope_kind, scope, subject_id, details, opened_at, remind_at,
            due_at}'),
        ('deadlines', '{case_id, step}'),
        ('outbox', '{id, message, payload, case_id, notice_id, created_at}'),
        ('notices', '{id, person_id, case_id, channel, mobile_sealed, template, params, created_at}'),
        ('applications', '{case_id, person_id, employment_id, programme, unit}'),
        ('certificates', '{id, case_id, person_id, organisation_id, monthly, instalments, unit, valid_until, issued_by,
            issued_at}'),
        ('guarantees', '{id, case_id, credit_case_id, applicant_id, person_id, employment_id, monthly, instalments,
            unit, replaces_id, named_at}'),
        ('credit_lines', '{id, case_id, person_id, organisation_id, programme, monthly, instalments, unit, card_index,
            card_sealed, opened_at, ends_on}'),
        ('personnel_imports', '{case_id, organisation_id, file_key, file_size, file_sha256}'),
        ('personnel_changes', '{case_id, person_id, employment_id, what}'),
        ('reconciliation_findings', '{id, case_id, kind, found_at}'),
        ('reconciliation_rounds', '{single}')
    ) AS listed (name, columns)
    LOOP
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO STRICT others FROM pg_attribute
            WHERE attrelid = fixed.name::regclass AND attnum > 0 AND NOT attisdropped
            AND attname <> ALL (fixed.columns);
        EXECUTE format('REVOKE UPDATE ON %I FROM amanat_app', fixed.name);
        EXECUTE format('GRANT UPDATE (%s) ON %I TO amanat_app', others, fixed.name);
    END LOOP;
END $$;

REVOKE UPDATE ON organisations FROM amanat_app;

-- An answer is given again as it was for thirty days; what was promised goes when it was sent, a code when it is over.
REVOKE UPDATE ON idempotency FROM amanat_app;
CREATE POLICY old ON idempotency AS RESTRICTIVE FOR DELETE USING (created_at < now() - interval '30 days');
CREATE POLICY sent ON outbox AS RESTRICTIVE FOR DELETE USING (sent_at IS NOT NULL);
CREATE POLICY over ON one_time_codes AS RESTRICTIVE FOR DELETE USING (expires_at < now());
