-- A payment gateway in trouble is a finding too: one, however many payments it holds up (E2, H8).
ALTER TABLE reconciliation_findings
    ALTER COLUMN case_id DROP NOT NULL,
    ADD COLUMN gateway text,
    ADD CONSTRAINT reconciliation_findings_about CHECK ((case_id IS NULL) <> (gateway IS NULL)),
    DROP CONSTRAINT reconciliation_findings_kind_check,
    ADD CONSTRAINT reconciliation_findings_kind_check CHECK (kind IN ('process_missing', 'process_ended_early',
        'process_outlives_case', 'process_fails', 'process_times_out', 'process_misfits', 'step_fails',
        'money_in_suspense', 'gateway_refuses', 'gateway_not_set_up', 'gateway_fails'));
CREATE UNIQUE INDEX reconciliation_findings_one_gateway ON reconciliation_findings (gateway, kind)
    WHERE settled_at IS NULL AND gateway IS NOT NULL;
