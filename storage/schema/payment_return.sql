-- What no gateway gives back (E2): it goes to a sheba of the payer's own by a pay-out, else one officer pays it back by
-- hand and another confirms that.

ALTER TABLE payment_returns DROP CONSTRAINT payment_returns_way_check;
ALTER TABLE payment_returns
    ADD CONSTRAINT payment_returns_way_check CHECK (way IN ('reverse', 'refund', 'sheba', 'hand')),
    -- As one officer recorded it: out of our bank account, or that the gateway gave it back after all.
    ADD COLUMN recorded_from text CHECK (recorded_from IN ('bank', 'gateway')),
    ADD COLUMN recorded_reference text CHECK (length(recorded_reference) <= 40),
    ADD COLUMN note text CHECK (length(note) <= 500),
    ADD COLUMN recorded_by uuid REFERENCES persons,
    ADD COLUMN confirmed_by uuid REFERENCES persons,
    ADD CONSTRAINT recorded_whole CHECK (num_nulls(recorded_from, recorded_reference, note, recorded_by) IN (0, 4)),
    ADD CONSTRAINT two_officers CHECK (confirmed_by IS NULL OR confirmed_by <> recorded_by);
GRANT UPDATE (recorded_from, recorded_reference, note, recorded_by, confirmed_by) ON payment_returns TO amanat_app;

-- What one officer alone had recorded, and was not booked yet, waits for another one.
UPDATE payment_returns r
SET recorded_from = 'bank', recorded_reference = f.payload ->> 'reference', note = '-', recorded_by = f.actor_id
FROM facts f
WHERE r.returned_at IS NULL AND f.case_id = r.payment_id AND f.kind = 'payment_returned_by_hand'
    AND f.payload ->> 'return_id' = r.id::text;
