"""The statements that apply one chunk of a personnel file, in the order in which they run.

A chunk is small beside the tables, and row-level security spoils Postgres's estimates: it would read all persons for
every chunk. So people are looked up one by one in the index, inside the statement: LATERAL, with OFFSET 0 as a fence.
Cases are looked up by their person alone: of the other conditions each has an index too, and one with thousands of
cases behind it costs no more in Postgres's eyes until the table is analysed.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from domain.access import Part, Role
from messages.case import CaseKind, CaseSignal
from messages.notice import SendNotice
from messages.personnel import Change, ChangePhase, Event, FactKind, Sms, TaskKind

_LEAVERS = sa.bindparam("leavers", type_=ARRAY(sa.LargeBinary))
_EXIT_REASONS = sa.bindparam("exit_reasons", type_=ARRAY(sa.Text))
_ROWS = sa.bindparam("rows", type_=ARRAY(sa.Integer))

LOCK_IMPORT: Final = sa.text("SELECT last_row FROM personnel_imports WHERE case_id = :case FOR UPDATE")

MAKE_INCOMING: Final = sa.text(
    """
    CREATE TEMPORARY TABLE incoming (
        row_number int, national_id_index bytea, national_id_sealed bytea, mobile_index bytea, mobile_sealed bytea,
        first_name text, last_name text, region_code text, hire_date date, net_pay bigint,
        sheba_index bytea, sheba_sealed bytea, service text, service_start date
    ) ON COMMIT DROP
    """
)
COPY_INCOMING: Final = "COPY incoming FROM STDIN (FORMAT BINARY)"
INCOMING_TYPES: Final = (
    "int4", "bytea", "bytea", "bytea", "bytea", "text", "text", "text", "date", "int8", "bytea", "bytea",
    "text", "date",
)  # fmt: skip

ADD_PERSONS: Final = sa.text(
    """
    INSERT INTO persons
        (national_id_index, national_id_sealed, mobile_index, mobile_sealed, first_name, last_name)
    SELECT national_id_index, national_id_sealed, mobile_index, mobile_sealed, first_name, last_name
    FROM incoming ORDER BY national_id_index
    ON CONFLICT (national_id_index) DO NOTHING
    """
)

# Before the people, as transitions do: a case that is locked is not decided on while a file says something newer.
LOCK_CHANGES: Final = sa.text(
    f"""
    SELECT count(*)
    FROM (
        SELECT DISTINCT waiting.id
        FROM (SELECT national_id_index FROM incoming UNION ALL SELECT unnest(:leavers)) i
        CROSS JOIN LATERAL (SELECT p.id FROM persons p WHERE p.national_id_index = i.national_id_index OFFSET 0) p
        CROSS JOIN LATERAL (SELECT * FROM cases c WHERE c.person_id = p.id OFFSET 0) waiting
        WHERE waiting.kind = '{CaseKind.PERSONNEL_CHANGE}' AND waiting.closed_at IS NULL
            AND waiting.organisation_id = CAST(:organisation AS uuid)
        ORDER BY 1
    ) i
    CROSS JOIN LATERAL (SELECT c.id FROM cases c WHERE c.id = i.id FOR UPDATE) locked
    """  # noqa: S608 - constants of ours
).bindparams(_LEAVERS)

# One order for everybody: two files that name the same people wait for each other, they do not dead-lock.
LOCK_PERSONS: Final = sa.text(
    """
    SELECT count(*)
    FROM (SELECT national_id_index FROM incoming UNION SELECT unnest(:leavers) ORDER BY 1) i
    CROSS JOIN LATERAL (
        SELECT p.id FROM persons p WHERE p.national_id_index = i.national_id_index FOR NO KEY UPDATE
    ) locked
    """
).bindparams(_LEAVERS)

# The file's values beside the stored ones; ``before`` holds those that will change. An empty name changes nothing, nor
# does a length of service that is not given. The file of one employer does not rename a person who also works elsewhere
# or is staff: the name is for display only.
COMPARE: Final = sa.text(
    """
    CREATE TEMPORARY TABLE compared ON COMMIT DROP AS
    SELECT i.row_number, i.national_id_index, p.id AS person_id, e.id AS employment_id,
        i.region_code, i.hire_date, i.net_pay, i.sheba_index, i.sheba_sealed, i.mobile_index, i.mobile_sealed,
        i.service, i.service_start,
        coalesce(nullif(i.first_name, ''), p.first_name) AS first_name,
        coalesce(nullif(i.last_name, ''), p.last_name) AS last_name,
        p.mobile_index IS DISTINCT FROM i.mobile_index AS other_mobile,
        e.mobile_index IS DISTINCT FROM i.mobile_index AS listed_anew,
        e.sheba_index <> i.sheba_index AS other_sheba,
        coalesce(e.state = 'exit_reported', false) AS exit_waits,
        e.region_code AS region_before,
        jsonb_strip_nulls(jsonb_build_object(
            'first_name', CASE WHEN named.here AND nullif(i.first_name, '') <> p.first_name THEN p.first_name END,
            'last_name', CASE WHEN named.here AND nullif(i.last_name, '') <> p.last_name THEN p.last_name END,
            'region_code', CASE WHEN e.region_code <> i.region_code THEN e.region_code END,
            'hire_date', CASE WHEN e.hire_date <> i.hire_date THEN e.hire_date END,
            'net_pay_rial', CASE WHEN e.net_pay <> i.net_pay THEN e.net_pay END,
            'service_start',
                CASE WHEN i.service <> coalesce(e.service, '') OR i.service <> '' AND e.hire_date <> i.hire_date
                    THEN coalesce(e.service_start, e.hire_date) END,
            'state', CASE WHEN e.state = 'left' THEN e.state END
        )) AS before
    FROM incoming i
    CROSS JOIN LATERAL (SELECT * FROM persons p WHERE p.national_id_index = i.national_id_index OFFSET 0) p
    LEFT JOIN LATERAL (
        SELECT * FROM employments e
        WHERE e.person_id = p.id AND e.organisation_id = CAST(:organisation AS uuid) OFFSET 0
    ) e ON true
    CROSS JOIN LATERAL (
        SELECT NOT EXISTS (
            SELECT FROM employments o WHERE o.person_id = p.id AND o.organisation_id <> CAST(:organisation AS uuid)
        ) AND NOT EXISTS (SELECT FROM staff_credentials s WHERE s.person_id = p.id) AS here OFFSET 0
    ) named
    """
)

_BOUND = """(
        w.person_id = CAST(:sender AS uuid)
        OR EXISTS (
            SELECT FROM (SELECT * FROM guarantees g WHERE g.person_id = w.person_id OFFSET 0) g
            WHERE g.applicant_id = CAST(:sender AS uuid) AND g.ended_at IS NULL
        )
        OR w.person_id IN (
            SELECT g.applicant_id FROM guarantees g WHERE g.person_id = CAST(:sender AS uuid) AND g.ended_at IS NULL
        )
    )"""

# The exits that rows report of people on the list, as they stand before.
EXITS: Final = sa.text(
    f"""
    SELECT w.row_number, e.region_code, e.state, {_BOUND} AS is_bound
    FROM (
        SELECT l.row_number, p.id AS person_id
        FROM unnest(:rows, :leavers) AS l (row_number, national_id_index)
        CROSS JOIN LATERAL (SELECT p.id FROM persons p WHERE p.national_id_index = l.national_id_index OFFSET 0) p
    ) w
    CROSS JOIN LATERAL (
        SELECT e.region_code, e.state FROM employments e
        WHERE e.person_id = w.person_id AND e.organisation_id = CAST(:organisation AS uuid) OFFSET 0
    ) e
    """  # noqa: S608 - constants of ours
).bindparams(_ROWS, _LEAVERS)

# Who speaks for regions changes nobody who stands in another one, and takes nobody over from there either.
REFUSE_ELSEWHERE: Final = sa.text(
    """
    DELETE FROM compared w
    WHERE cardinality(CAST(:regions AS text[])) > 0 AND w.region_before <> ALL (CAST(:regions AS text[]))
    RETURNING row_number
    """
)

# Nobody sets their own pay, nor that of somebody for whom they stand or who stands for them, nor ends a dispute about
# their own mobile or an exit of their own: a row about its sender, or about those, counts only as far as it says
# nothing new.
REFUSE_OWN: Final = sa.text(
    f"""
    DELETE FROM compared w
    WHERE (
        w.employment_id IS NULL OR w.before <> '{{}}' OR w.exit_waits OR w.listed_anew AND NOT w.other_mobile
    ) AND {_BOUND}
    RETURNING row_number
    """  # noqa: S608 - constants of ours
)

KEEP_VERSIONS: Final = sa.text(
    """
    WITH kept AS (
        INSERT INTO personnel_versions (case_id, person_id, employment_id, before)
        SELECT CAST(:case AS uuid), person_id, employment_id, before FROM compared WHERE before <> '{}'
        RETURNING employment_id, before
    )
    SELECT employment_id, ARRAY(SELECT jsonb_object_keys(before)) AS fields FROM kept
    """
)

RENAME_PERSONS: Final = sa.text(
    """
    UPDATE persons p SET first_name = w.first_name, last_name = w.last_name
    FROM compared w WHERE p.id = w.person_id AND w.before ?| ARRAY['first_name', 'last_name']
    """
)

# Who had left and is listed again is back.
CHANGE_EMPLOYMENTS: Final = sa.text(
    """
    UPDATE employments e SET region_code = w.region_code, hire_date = w.hire_date, net_pay = w.net_pay,
        service = CASE WHEN w.before ? 'service_start' THEN nullif(w.service, '') ELSE e.service END,
        service_start = CASE WHEN w.before ? 'service_start' THEN w.service_start ELSE e.service_start END,
        state = CASE e.state WHEN 'left' THEN 'employed' ELSE e.state END, updated_at = now()
    FROM compared w
    WHERE e.id = w.employment_id
        AND w.before ?| ARRAY['region_code', 'hire_date', 'net_pay_rial', 'service_start', 'state']
    """
)

# The list is its organisation's own: what it says of the number counts for this employment at once, and for the person
# only when two people have confirmed it. Until then the employment is in dispute, and no other one.
LIST_MOBILES: Final = sa.text(
    """
    UPDATE employments e SET mobile_index = w.mobile_index, mobile_listed_at = now()
    FROM compared w WHERE e.id = w.employment_id AND w.listed_anew
    RETURNING e.id, e.person_id, w.other_mobile
    """
)

# Whoever is listed as employed again has not left: their exit, which waits to be confirmed, does not count any more.
TAKE_BACK_EXITS: Final = sa.text(
    """
    WITH back AS (
        UPDATE employments e SET state = 'employed', updated_at = now()
        FROM compared w WHERE e.id = w.employment_id AND w.exit_waits
        RETURNING e.id, e.person_id
    ), kept AS (
        INSERT INTO personnel_versions (case_id, person_id, employment_id, before)
        SELECT CAST(:case AS uuid), person_id, id, '{"state": "exit_reported"}' FROM back
    )
    SELECT id, person_id FROM back
    """
)

# The present sheba takes the place of another one that waits, except in a row about the sender or those bound to them:
# then nothing is left to confirm.
RESTORE_SHEBAS: Final = sa.text(
    f"""
    UPDATE personnel_changes x
    SET value_index = w.sheba_index, value_sealed = w.sheba_sealed, import_case_id = CAST(:case AS uuid)
    FROM compared w
    CROSS JOIN LATERAL (
        SELECT c.id FROM (SELECT * FROM cases c WHERE c.person_id = w.person_id OFFSET 0) c
        WHERE c.closed_at IS NULL AND c.kind = '{CaseKind.PERSONNEL_CHANGE}' AND c.variant = '{Change.SHEBA}'
            AND c.organisation_id = CAST(:organisation AS uuid)
    ) o
    WHERE x.case_id = o.id AND w.employment_id IS NOT NULL AND NOT w.other_sheba
        AND coalesce(NOT {_BOUND}, true)
    RETURNING x.person_id
    """  # noqa: S608 - constants of ours
)

ADD_EMPLOYMENTS: Final = sa.text(
    """
    INSERT INTO employments
        (organisation_id, person_id, region_code, hire_date, net_pay, mobile_index, sheba_index, sheba_sealed,
            service, service_start)
    SELECT CAST(:organisation AS uuid), person_id, region_code, hire_date, net_pay, mobile_index, sheba_index,
        sheba_sealed, service, service_start
    FROM compared WHERE employment_id IS NULL ORDER BY national_id_index
    """
)

# A first number for a known person without one is a proposal too: else a file could take over an account. Each
# organisation proposes for itself. ``waiting``: its case is open already; ``replaces``: with another value, or it is an
# exit that a newer file had taken back.
PROPOSE: Final = sa.text(
    f"""
    CREATE TEMPORARY TABLE proposed ON COMMIT DROP AS
    SELECT coalesce(o.case_id, uuidv7()) AS case_id, q.*, e.id AS employment_id, e.organisation_id, e.region_code,
        o.case_id IS NOT NULL AS waiting,
        o.case_id IS NOT NULL AND (
            o.value_index IS DISTINCT FROM q.value_index OR o.exit_reason IS DISTINCT FROM q.exit_reason
            OR q.what = '{Change.EXIT}' AND e.state = 'employed'
        ) AS replaces
    FROM (
        SELECT w.person_id, '{Change.MOBILE}' AS what, w.mobile_index AS value_index, w.mobile_sealed AS value_sealed,
            NULL AS exit_reason
        FROM compared w WHERE w.other_mobile
        UNION ALL
        SELECT w.person_id, '{Change.SHEBA}', w.sheba_index, w.sheba_sealed, NULL
        FROM compared w WHERE w.other_sheba
        UNION ALL
        SELECT p.id, '{Change.EXIT}', NULL, NULL, l.exit_reason
        FROM unnest(:leavers, :exit_reasons) AS l (national_id_index, exit_reason)
        CROSS JOIN LATERAL (SELECT p.id FROM persons p WHERE p.national_id_index = l.national_id_index OFFSET 0) p
    ) q
    CROSS JOIN LATERAL (
        SELECT e.id, e.organisation_id, e.region_code, e.state FROM employments e
        WHERE e.person_id = q.person_id AND e.organisation_id = CAST(:organisation AS uuid) OFFSET 0
    ) e
    LEFT JOIN LATERAL (
        SELECT c.id AS case_id, x.value_index, x.exit_reason
        FROM (SELECT * FROM cases c WHERE c.person_id = q.person_id OFFSET 0) c
        CROSS JOIN LATERAL (
            SELECT x.value_index, x.exit_reason FROM personnel_changes x WHERE x.case_id = c.id OFFSET 0
        ) x
        WHERE c.closed_at IS NULL AND c.kind = '{CaseKind.PERSONNEL_CHANGE}' AND c.variant = q.what
            AND c.organisation_id = CAST(:organisation AS uuid)
    ) o ON true
    WHERE q.what <> '{Change.EXIT}' OR e.state = 'employed'
        OR e.state = 'exit_reported' AND o.exit_reason IS DISTINCT FROM q.exit_reason
    """  # noqa: S608 - constants of ours
).bindparams(_LEAVERS, _EXIT_REASONS)

# Whoever joined with another number than their lists': what the lists say is proposed as a file's would be.
PROPOSE_LISTED: Final = sa.text(
    f"""
    CREATE TEMPORARY TABLE proposed ON COMMIT DROP AS
    SELECT uuidv7() AS case_id, e.person_id, '{Change.MOBILE}' AS what, CAST(:value_index AS bytea) AS value_index,
        CAST(:value_sealed AS bytea) AS value_sealed, NULL AS exit_reason, e.id AS employment_id, e.organisation_id,
        e.region_code, false AS waiting, false AS replaces
    FROM employments e
    WHERE e.person_id = CAST(:person AS uuid) AND e.state <> 'left' AND e.mobile_index = CAST(:value_index AS bytea)
        AND NOT EXISTS (
            SELECT FROM cases c WHERE c.person_id = e.person_id AND c.organisation_id = e.organisation_id
                AND c.closed_at IS NULL AND c.kind = '{CaseKind.PERSONNEL_CHANGE}' AND c.variant = '{Change.MOBILE}'
        )
    """  # noqa: S608 - constants of ours
)

PROPOSED: Final = sa.text("SELECT case_id, what, waiting, replaces FROM proposed")

_PROPOSED_FACT = f"""
    INSERT INTO facts (case_id, kind, actor_id, capacity, payload)
    SELECT case_id, '{FactKind.CHANGE_PROPOSED}', CAST(:sender AS uuid), 'staff', jsonb_strip_nulls(jsonb_build_object(
        'what', what, 'import_case_id', CAST(:case AS text), 'value', encode(value_index, 'hex'),
        'exit_reason', exit_reason))
    FROM proposed WHERE
"""  # noqa: S608 - constants of ours

_REPORT_EXITS = sa.text(
    f"""
    UPDATE employments e SET state = 'exit_reported', updated_at = now()
    FROM proposed p WHERE e.id = p.employment_id AND p.what = '{Change.EXIT}' AND e.state = 'employed'
    """  # noqa: S608 - constants of ours
)

OPEN_CHANGES: Final = (
    sa.text(
        f"""
        INSERT INTO cases (id, kind, variant, phase, policy_id, person_id, organisation_id, region_code, next_actor)
        SELECT case_id, '{CaseKind.PERSONNEL_CHANGE}', what, '{ChangePhase.AWAITING_CONFIRMATION}',
            CAST(:policy AS uuid), person_id, organisation_id, region_code,
            CASE what WHEN '{Change.EXIT}' THEN '{Role.HR_OFFICER}' ELSE '{Role.SUPPORT_AGENT}' END
        FROM proposed WHERE NOT waiting
        """  # noqa: S608 - constants of ours
    ),
    sa.text(
        f"""
        INSERT INTO case_people (case_id, person_id, part)
        SELECT case_id, person_id, '{Part.SUBJECT}' FROM proposed WHERE NOT waiting
        """  # noqa: S608 - constants of ours
    ),
    sa.text(
        """
        INSERT INTO personnel_changes
            (case_id, person_id, employment_id, what, value_index, value_sealed, exit_reason, import_case_id)
        SELECT case_id, person_id, employment_id, what, value_index, value_sealed, exit_reason, CAST(:case AS uuid)
        FROM proposed WHERE NOT waiting
        """
    ),
    _REPORT_EXITS,
    sa.text(f"{_PROPOSED_FACT} NOT waiting"),
    sa.text(
        f"""
        INSERT INTO timeline (case_id, code, params, actor)
        SELECT case_id, '{Event.CHANGE_PROPOSED}', jsonb_build_object('what', what), '{Role.HR_OFFICER}'
        FROM proposed WHERE NOT waiting
        """  # noqa: S608 - constants of ours
    ),
    sa.text(
        f"""
        INSERT INTO outbox (message, payload)
        SELECT '{CaseSignal.__name__}', jsonb_build_object(
            'kind', '{CaseKind.PERSONNEL_CHANGE}', 'case_id', case_id, 'name', '{FactKind.CHANGE_PROPOSED}')
        FROM proposed WHERE NOT waiting
        """  # noqa: S608 - constants of ours
    ),
)

# A newer value of the same organisation takes the waiting one's place. Who has looked at the task looks again, and now
# the newer file's sender must not answer it.
REPLACE_CHANGES: Final = (
    sa.text(
        """
        UPDATE personnel_changes c
        SET value_index = p.value_index, value_sealed = p.value_sealed, exit_reason = p.exit_reason,
            import_case_id = CAST(:case AS uuid)
        FROM proposed p WHERE c.case_id = p.case_id AND p.replaces
        """
    ),
    _REPORT_EXITS,
    sa.text(
        f"""
        UPDATE tasks t SET version = t.version + 1, not_by = CAST(:sender AS uuid),
            claimed_by = nullif(t.claimed_by, CAST(:sender AS uuid))
        FROM proposed p
        WHERE t.case_id = p.case_id AND p.replaces AND t.kind = '{TaskKind.CONFIRM_CHANGE}' AND t.status = 'open'
        """  # noqa: S608 - constants of ours
    ),
    sa.text(
        """
        UPDATE cases c SET version = c.version + 1, changed_at = now()
        FROM proposed p WHERE c.id = p.case_id AND p.replaces
        """
    ),
    sa.text(f"{_PROPOSED_FACT} replaces"),
    sa.text(
        f"""
        INSERT INTO timeline (case_id, code, params, actor)
        SELECT case_id, '{Event.CHANGE_REPLACED}', jsonb_build_object('what', what), '{Role.HR_OFFICER}'
        FROM proposed WHERE replaces
        """  # noqa: S608 - constants of ours
    ),
    # Both numbers are told, as when the first was proposed.
    sa.text(
        f"""
        WITH told AS (
            INSERT INTO notices (person_id, case_id, channel, template, mobile_sealed)
            SELECT person_id, case_id, 'sms', told.template, told.mobile_sealed
            FROM proposed
            CROSS JOIN LATERAL (
                VALUES ('{Sms.MOBILE_PROPOSED}', NULL), ('{Sms.MOBILE_PROPOSED_NEW}', value_sealed)
            ) AS told (template, mobile_sealed)
            WHERE replaces AND what = '{Change.MOBILE}'
            RETURNING id
        )
        INSERT INTO outbox (message, payload)
        SELECT '{SendNotice.__name__}', jsonb_build_object('notice_id', id) FROM told
        """  # noqa: S608 - constants of ours
    ),
)

REFUSE: Final = sa.text(
    """
    INSERT INTO personnel_refusals
        (case_id, row_number, field, code, sheet, sheet_row, file_line, value_sealed, name_sealed, leaving)
    SELECT CAST(:case AS uuid), r.*
    FROM unnest(:row_number, :field, :code, :sheet, :sheet_row, :file_line, :value_sealed, :name_sealed, :leaving) r
    """
).bindparams(
    *(sa.bindparam(name, type_=ARRAY(sa.Integer)) for name in ("row_number", "sheet_row", "file_line")),
    *(sa.bindparam(name, type_=ARRAY(sa.Text)) for name in ("field", "code", "sheet", "leaving")),
    *(sa.bindparam(name, type_=ARRAY(sa.LargeBinary)) for name in ("value_sealed", "name_sealed")),
)

COUNT: Final = sa.text(
    """
    UPDATE personnel_imports SET last_row = :last, rows_read = rows_read + :read, rows_added = rows_added + :added,
        rows_changed = rows_changed + :changed, rows_unchanged = rows_unchanged + :unchanged,
        rows_refused = rows_refused + :refused, rows_leaving = rows_leaving + :leaving,
        changes_opened = changes_opened + :opened, exits_opened = exits_opened + :exits,
        changes_waiting = changes_waiting + :waiting
    WHERE case_id = :case
    """
)
