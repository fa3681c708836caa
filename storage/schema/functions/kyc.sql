-- Identity reviews: what a task shows is the machine's; a person's own transaction changes nothing of it.

CREATE OR REPLACE FUNCTION keep_details() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('amanat.capacity', true) IS DISTINCT FROM 'service' THEN
        RAISE EXCEPTION 'only the machine changes what a task shows' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
