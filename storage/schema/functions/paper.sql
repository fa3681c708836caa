-- A number for a new paper, made as that of a case; whoever issues one sees all papers.
CREATE OR REPLACE FUNCTION new_paper_number() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    made text;
BEGIN
    LOOP
        made := random_number();
        EXIT WHEN NOT EXISTS (SELECT FROM papers WHERE number = made);
    END LOOP;
    RETURN made;
END $$;
