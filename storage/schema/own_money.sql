-- Members see what is theirs of payments, and of their cards and shebas; what becomes of it only the machine and staff
-- write: a member's own connection could have made a payment a paid one, and a sheba a confirmed one.

DROP POLICY own ON payments;
CREATE POLICY own ON payments FOR SELECT USING (person_id = acting_person());
CREATE POLICY service ON payments USING (sees_all());

DROP POLICY own ON payment_items;
CREATE POLICY own ON payment_items FOR SELECT
    USING (EXISTS (SELECT FROM payments p WHERE p.case_id = payment_items.payment_id));
CREATE POLICY service ON payment_items USING (sees_all());

DROP POLICY own ON payment_attempts;
CREATE POLICY own ON payment_attempts FOR SELECT
    USING (EXISTS (SELECT FROM payments p WHERE p.case_id = payment_attempts.payment_id));
CREATE POLICY service ON payment_attempts USING (sees_all());

DROP POLICY own ON payment_returns;
CREATE POLICY own ON payment_returns FOR SELECT
    USING (EXISTS (SELECT FROM payments p WHERE p.case_id = payment_returns.payment_id));
CREATE POLICY service ON payment_returns USING (sees_all());

DROP POLICY own ON bank_accounts;
CREATE POLICY own ON bank_accounts FOR SELECT USING (person_id = acting_person());
CREATE POLICY service ON bank_accounts USING (sees_all());
