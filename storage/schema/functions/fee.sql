-- The next number of an invoice's year, given as its transaction commits: one that is rolled back leaves no gap.
CREATE OR REPLACE FUNCTION number_invoice() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    next int;
BEGIN
    INSERT INTO invoice_years AS y (year, last) VALUES (NEW.year, 1)
        ON CONFLICT (year) DO UPDATE SET last = y.last + 1 RETURNING last INTO next;
    UPDATE invoices SET number = next WHERE id = NEW.id;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION number_invoice FROM PUBLIC, amanat_app;
