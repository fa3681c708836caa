-- Why a process does not get on, as Temporal reports it or its steps do (H8).
ALTER TABLE reconciliation_findings
    DROP CONSTRAINT reconciliation_findings_kind_check,
    ADD CONSTRAINT reconciliation_findings_kind_check CHECK (kind IN ('process_missing', 'process_ended_early',
        'process_outlives_case', 'process_fails', 'process_times_out', 'process_misfits', 'step_fails'));

-- Who asked that the process be started again from its rows; the reconciler does it, and then nobody has.
ALTER TABLE reconciliation_findings
    ADD COLUMN restart_asked_at timestamptz,
    ADD COLUMN restart_asked_by uuid REFERENCES persons,
    ADD CONSTRAINT reconciliation_findings_restart CHECK ((restart_asked_at IS NULL) = (restart_asked_by IS NULL));
