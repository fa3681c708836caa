-- Keeps when an employer's list had the person's own number before it got another one (G2).
CREATE OR REPLACE FUNCTION keep_agreed_mobile() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM persons WHERE id = NEW.person_id AND mobile_index = OLD.mobile_index) THEN
        NEW.mobile_agreed_at := now();
    END IF;
    RETURN NEW;
END $$;
