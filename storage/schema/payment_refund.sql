-- Money that a case has taken goes back later (E6, E6a): a payment that pays nothing and gives back a part of another.

ALTER TABLE payments
    ADD COLUMN refund_of uuid REFERENCES payments,
    ADD CONSTRAINT refund_has_no_fee CHECK (refund_of IS NULL OR (fee = 0 AND refund_of <> case_id));
CREATE INDEX payments_refunds ON payments (refund_of) WHERE refund_of IS NOT NULL;
