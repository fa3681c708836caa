-- An answer is given once, and what ended stays ended.
CREATE OR REPLACE FUNCTION keep_guarantee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL OR (OLD.status = 'accepted' AND NEW.ended_at IS NULL)
       OR (OLD.accepted_at IS NOT NULL AND (NEW.accepted_at, NEW.mandate_version) IS DISTINCT FROM
          (OLD.accepted_at, OLD.mandate_version))
       OR (NEW.id, NEW.case_id, NEW.credit_case_id, NEW.applicant_id, NEW.person_id, NEW.employment_id, NEW.monthly,
           NEW.instalments, NEW.replaces_id, NEW.named_at) IS DISTINCT FROM
          (OLD.id, OLD.case_id, OLD.credit_case_id, OLD.applicant_id, OLD.person_id, OLD.employment_id, OLD.monthly,
           OLD.instalments, OLD.replaces_id, OLD.named_at) THEN
        RAISE EXCEPTION 'a guarantee that was answered never changes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
