-- A number that people read out by telephone: eight random digits, so that nobody can count by it, and a ninth that
-- checks them (Luhn).
CREATE OR REPLACE FUNCTION random_number() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    made text := random(10000000, 99999999)::text;
BEGIN
    RETURN made || (SELECT (10 - sum(d / 10 + d % 10) % 10) % 10
        FROM (SELECT substr(made, i, 1)::int * (2 - i % 2) AS d FROM generate_series(1, 8) AS i) AS digits);
END $$;

-- A number for a new case.
CREATE OR REPLACE FUNCTION new_case_number() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    acting text := coalesce(current_setting('amanat.capacity', true), '');
    made text;
BEGIN
    -- It looks at every case, also those that are hidden from who opens this one.
    PERFORM set_config('amanat.capacity', 'service', true);
    LOOP
        made := random_number();
        EXIT WHEN NOT EXISTS (SELECT FROM cases WHERE number = made);
    END LOOP;
    PERFORM set_config('amanat.capacity', acting, true);
    RETURN made;
END $$;
