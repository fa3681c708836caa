-- A proposal is settled once; what it says, and what was settled, stays.
CREATE OR REPLACE FUNCTION keep_policy_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.approved_at IS NOT NULL OR OLD.rejected_at IS NOT NULL
       OR (NEW.name, NEW.version, NEW.value, NEW.proposed_by) IS DISTINCT FROM
          (OLD.name, OLD.version, OLD.value, OLD.proposed_by) THEN
        RAISE EXCEPTION 'a policy version never changes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
