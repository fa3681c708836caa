-- A schedule of the process server that does not do its work is a finding too: it has no case (H8).
ALTER TABLE reconciliation_findings
    ADD COLUMN schedule text,
    DROP CONSTRAINT reconciliation_findings_about,
    ADD CONSTRAINT reconciliation_findings_about CHECK (num_nonnulls(case_id, gateway, schedule) = 1),
    DROP CONSTRAINT reconciliation_findings_kind_check,
    ADD CONSTRAINT reconciliation_findings_kind_check CHECK (kind IN ('process_missing', 'process_ended_early',
        'process_outlives_case', 'process_fails', 'process_times_out', 'process_misfits', 'step_fails',
        'money_in_suspense', 'gateway_refuses', 'gateway_not_set_up', 'gateway_fails', 'schedule_fails',
        'schedule_stands'));
CREATE UNIQUE INDEX reconciliation_findings_one_schedule ON reconciliation_findings (schedule, kind)
    WHERE settled_at IS NULL AND schedule IS NOT NULL;
