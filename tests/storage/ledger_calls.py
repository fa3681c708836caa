"""The ledger's functions as the app may call them: usual arguments, and attacks by what refuses them.

What refuses is a SQLSTATE, or an outcome that the function answers. ``{available}``, ``{pending}`` and the like stand
for what the attacks are about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

Changes = dict[str, str]
NOT_NULL, CHECKED, UNIQUE, FOREIGN = "23502", "23514", "23505", "23503"
NOT_ALLOWED = "42501"
UNSUPPORTED, TOO_LARGE, NULL_GIVEN = "0A000", "22003", "22004"
CONFLICT, NO_ACCOUNT, UNBALANCED, OTHER_UNIT, DIFFERS, NO_KIND = "AM001", "AM002", "AM003", "AM004", "AM005", "AM006"
NO_HOLD, BAD_HOLD, BAD_CORRECTION, BAD_BATCH = "AM007", "AM008", "AM009", "AM012"
SHORT, FROZEN, RESOLVED, CORRECTED = "insufficient_funds", "account_frozen", "hold_resolved", "already_corrected"
NOBODY: Final = "'00000000-0000-7000-8000-000000000001'"

_OCCASION = {"p_key": "'fresh'", "p_reason": "'raw'", "p_case": "NULL", "p_actor": "'system'"}
_WHEN = {"p_event_at": "'2026-11-01'"}
CALLS: Final[dict[str, Changes]] = {
    "ledger_post": _OCCASION
    | _WHEN
    | {
        "p_codes": "ARRAY['{available}', '{granted}']",
        "p_units": "ARRAY['IRR', 'IRR']",
        "p_amounts": "ARRAY[-1, 1]::bigint[]",
    },
    "ledger_post_batch": {
        "p_keys": "ARRAY['one', 'two']",
        "p_reasons": "ARRAY['raw', 'raw']",
        "p_cases": "ARRAY[NULL, NULL]::uuid[]",
        "p_actors": "ARRAY['system', 'system']",
        "p_event_ats": "ARRAY['2026-11-01', '2026-11-01']::timestamptz[]",
        "p_lines": "ARRAY[1, 1, 2, 2]",
        "p_codes": "ARRAY['{available}', '{granted}', '{available}', '{granted}']",
        "p_units": "ARRAY['IRR', 'IRR', 'IRR', 'IRR']",
        "p_amounts": "ARRAY[-1, 1, -1, 1]::bigint[]",
    },
    "ledger_hold": _OCCASION
    | {"p_code": "'{available}'", "p_unit": "'IRR'", "p_amount": "1", "p_expires_at": "'2027-01-01'"},
    "ledger_correct": _OCCASION | _WHEN | {"p_journal": "{opened}"},
    "ledger_release": {"p_hold": "{pending}", "p_state": "'voided'"},
    "ledger_open": {
        "p_codes": "ARRAY['credit:available:new']",
        "p_kinds": "ARRAY['credit:available']",
        "p_units": "ARRAY['IRR']",
        "p_owners": "ARRAY[NULL]::uuid[]",
        "p_organisations": "ARRAY[NULL]::uuid[]",
    },
    "ledger_freeze": {"p_code": "'{available}'", "p_frozen": "true"},
}
# What each answers to its usual arguments.
ANSWERS: Final = {
    "ledger_post": "posted",
    "ledger_post_batch": "posted",
    "ledger_hold": "held",
    "ledger_correct": "posted",
    "ledger_release": "released",
    "ledger_open": "",
    "ledger_freeze": "",
}
# What only computes may answer anything, for it has no effect.
COMPUTING: Final[dict[str, Changes]] = {
    "account_balance": {"account": "NULL"},
    "ledger_server": {},
    "ledger_microseconds": {"moment": "'2026-11-01'"},
    "ledger_line": {"code": "'a'", "unit": "'IRR'", "amount": "1"},
    "ledger_digest": {
        "reason": "'raw'",
        "case_id": "NULL",
        "actor": "'system'",
        "event_at": "'2026-11-01'",
        "hold": "NULL",
        "corrects": "NULL",
        "lines": "'a IRR 1'",
    },
    "ledger_journal_hash": {
        "reason": "'raw'",
        "case_id": "NULL",
        "actor": "'system'",
        "event_at": "'2026-11-01'",
        "hold": "NULL",
        "corrects": "NULL",
        "codes": "ARRAY['a']",
        "units": "ARRAY['IRR']",
        "amounts": "ARRAY[1]",
    },
    "ledger_hold_hash": {
        "code": "'a'",
        "unit": "'IRR'",
        "amount": "1",
        "reason": "'raw'",
        "case_id": "NULL",
        "actor": "'system'",
        "expires_at": "NULL",
    },
}
# These do their work whatever number they are given.
SUMMING: Final = ("ledger_sum_accounts", "ledger_sum_kinds")

_TEXTS = ("''", "'a b'", "'کلید'", r"E'a\n'", r"E'a\t'", "U&'\\200B'")
_KEYS = (*_TEXTS, "repeat('k', 201)")
_ACTORS = (*_TEXTS, "repeat('k', 81)")
_REASONS = ("''", "'a'", "'Raw'", "'9raw'", "'ra-w'", r"E'raw\n'", "repeat('k', 61)")
_NEVER = ("'infinity'", "'-infinity'")
_MAX, _MIN = "9223372036854775807", "(-9223372036854775808)"
_SINGLE: dict[str, dict[str, tuple[str, ...]]] = {
    "p_key": {NOT_NULL: ("NULL",), CHECKED: _KEYS},
    "p_actor": {NOT_NULL: ("NULL",), CHECKED: _ACTORS},
    "p_reason": {NOT_NULL: ("NULL",), CHECKED: _REASONS},
    "p_event_at": {NOT_NULL: ("NULL",), UNSUPPORTED: _NEVER},
    "p_expires_at": {UNSUPPORTED: _NEVER},
}
_BATCH = CALLS["ledger_post_batch"]


def _each(name: str, *values: str) -> list[Changes]:
    return [{name: value} for value in values]


def _arrays(name: str, of: str, *contents: str) -> list[Changes]:
    return [{name: f"ARRAY[{content}]{of}"} for content in contents]


def _batches(change: str, *names: str) -> list[Changes]:
    """Of each array of a batch, all if none is named, what a change makes of it."""
    return [{name: change.replace("$", _BATCH[name])} for name in names or _BATCH]


_ATTACKS: dict[str, dict[str, list[Changes]]] = {
    "ledger_post": {
        NO_ACCOUNT: [
            *_each("p_codes", "NULL", "'{{}}'", "ARRAY[NULL, NULL]", "ARRAY['{available}', NULL]"),
            *_arrays("p_codes", "", *(f"'{{available}}', '{code}'" for code in ("none", "credit:granted:none", ""))),
            *_arrays("p_codes", "", "'{available}'"),
            *_arrays("p_units", "", "'IRR', 'IRR', 'IRR'"),
            *_arrays("p_amounts", "::bigint[]", "-1, 1, 1", "[-1, 1], [-1, 1]"),
        ],
        NOT_NULL: [
            *_arrays("p_codes", "", "'{available}', '{granted}', '{other}'"),
            *_each("p_units", "NULL", "'{{}}'", "ARRAY['IRR', NULL]", "ARRAY['IRR']"),
            *_each("p_amounts", "NULL", "'{{}}'"),
            *_arrays("p_amounts", "::bigint[]", "NULL, 1", "-1, NULL", "-1"),
            {"p_key": "NULL", "p_codes": "ARRAY['{frozen}', '{granted}']"},
        ],
        UNIQUE: _arrays("p_codes", "", "'{available}', '{available}'", "'{granted}', '{granted}'"),
        OTHER_UNIT: [
            *_arrays("p_codes", "", "'{available}', '{points}'"),
            *_arrays("p_units", "", "'PTS', 'PTS'", "'IRR', 'irr'"),
        ],
        UNBALANCED: _arrays("p_amounts", "::bigint[]", "-1, 2", "1, 1"),
        CHECKED: _arrays("p_amounts", "::bigint[]", "-0, 0", "100000000000000001, -100000000000000001"),
        TOO_LARGE: _arrays("p_amounts", "::bigint[]", f"{_MAX}, {_MIN}", f"{_MAX}, 1"),
        SHORT: _arrays("p_amounts", "::bigint[]", f"{_MIN}, {_MAX}", "-81, 81"),
        FROZEN: _arrays("p_codes", "", "'{frozen}', '{granted}'"),
        NO_HOLD: _each("p_hold", NOBODY),
        RESOLVED: _each("p_hold", "{posted}"),
        BAD_HOLD: [
            {"p_hold": "{foreign}"},
            {"p_hold": "{pending}", "p_amounts": "ARRAY[-21, 21]::bigint[]"},
            {"p_hold": "{pending}", "p_amounts": "ARRAY[1, -1]::bigint[]"},
            {"p_hold": "{pending}", "p_codes": "ARRAY['{other}', '{granted}']"},
        ],
        BAD_CORRECTION: [
            *_each("p_corrects", "{opened}", "{mended}"),
            {"p_corrects": "{mended}", "p_amounts": "ARRAY[-1, 1]::bigint[]"},
            {"p_corrects": "{opened}", "p_hold": "{pending}"},
        ],
        CORRECTED: _each("p_corrects", "{wrong}"),
        FOREIGN: _each("p_corrects", NOBODY),
        CONFLICT: [
            *_each("p_key", "'wrong'", "'mended'"),
            {"p_key": "'of_hold'", "p_amounts": "ARRAY[-5, 5]::bigint[]"},
            {"p_key": "'of_hold'", "p_actor": "NULL", "p_codes": "ARRAY['{frozen}', '{granted}']"},
        ],
    },
    "ledger_post_batch": {
        BAD_BATCH: [
            *_batches("NULL"),
            *_batches("'{{}}'"),
            *_batches("($)[:1]"),
            *_batches("$ || $"),
            *_batches("ARRAY[$]"),
            *_batches("array_replace($, ($)[2], NULL)", "p_lines"),
            *_arrays("p_lines", "", "0, 0, 1, 1", "1, 1, 1, 1", "1, 1, 3, 3", "2, 2, 1, 1", "1, 2, 1, 2", "1, 1, 2, 3"),
            {"p_lines": "'[0:3]={{1,1,2,2}}'"},
            {"p_keys": "'[2:3]={{one,two}}'"},
        ],
        NOT_NULL: _batches(
            "array_replace($, ($)[2], NULL)", "p_keys", "p_reasons", "p_actors", "p_event_ats", "p_units", "p_amounts"
        ),
        CHECKED: [
            *_arrays("p_keys", "", *(f"'one', {key}" for key in _KEYS)),
            *_arrays("p_actors", "", *(f"'system', {actor}" for actor in _ACTORS)),
            *_arrays("p_reasons", "", *(f"'raw', {reason}" for reason in _REASONS)),
            *_arrays("p_amounts", "::bigint[]", "-1, 1, -0, 0", "-1, 1, 100000000000000001, -100000000000000001"),
        ],
        UNSUPPORTED: _arrays("p_event_ats", "::timestamptz[]", *(f"'2026-11-01', {never}" for never in _NEVER)),
        UNIQUE: [
            *_arrays("p_lines", "", "1, 1, 1, 2"),
            *_arrays("p_codes", "", "'{available}', '{granted}', '{available}', '{available}'"),
        ],
        UNBALANCED: [
            *_arrays("p_lines", "", "1, 2, 2, 2"),
            *_arrays("p_amounts", "::bigint[]", "-1, 1, -1, 2", "-1, 1, 1, 1", "-2, 1, -1, 2"),
        ],
        TOO_LARGE: _arrays("p_amounts", "::bigint[]", f"-1, 1, {_MAX}, {_MIN}", f"-1, 1, {_MAX}, 1"),
        SHORT: _arrays("p_amounts", "::bigint[]", f"{_MIN}, {_MAX}, -81, 81", "-81, 81, -82, 82"),
        NO_ACCOUNT: [
            *_batches("array_replace($, ($)[2], NULL)", "p_codes"),
            *_arrays("p_codes", "", "'{available}', '{granted}', '{available}', 'none'"),
        ],
        OTHER_UNIT: [
            *_arrays("p_codes", "", "'{available}', '{granted}', '{available}', '{points}'"),
            *_arrays("p_units", "", "'IRR', 'IRR', 'PTS', 'PTS'"),
        ],
        CONFLICT: [
            {"p_keys": "ARRAY['one', 'wrong']"},
            {"p_keys": "ARRAY['one', 'one']", "p_amounts": "ARRAY[-1, 1, -2, 2]::bigint[]"},
        ],
    },
    "ledger_hold": {
        NO_ACCOUNT: _each("p_code", "NULL", "'none'"),
        BAD_HOLD: [*_each("p_code", "'{granted}'"), *_each("p_unit", "'PTS'", "'irr'", "''")],
        FROZEN: _each("p_code", "'{frozen}'"),
        NOT_NULL: [{"p_unit": "NULL"}, {"p_amount": "NULL"}],
        CHECKED: _each("p_amount", "0", "-0", "-1"),
        SHORT: _each("p_amount", "81", "100000000000000001", _MAX),
        TOO_LARGE: _each("p_amount", _MIN),
        CONFLICT: _each("p_key", "'pending'", "'posted'"),
    },
    "ledger_correct": {
        BAD_CORRECTION: _each("p_journal", NOBODY, "NULL", "{mended}"),
        CORRECTED: _each("p_journal", "{wrong}"),
        CONFLICT: [{"p_key": "'of_hold'"}, {"p_journal": "{wrong}", "p_key": "'mended'"}],
    },
    "ledger_release": {
        NO_HOLD: _each("p_hold", "NULL", NOBODY),
        RESOLVED: [{"p_hold": "{posted}"}, {"p_hold": "{posted}", "p_state": "NULL"}],
        NOT_NULL: _each("p_state", "NULL"),
        BAD_HOLD: _each("p_state", "''", "'posted'", "'pending'", "'Voided'"),
    },
    "ledger_open": {
        NOT_NULL: [
            *_arrays("p_codes", "", "NULL"),
            *_arrays("p_units", "", "NULL"),
            {"p_kinds": "ARRAY['credit:available', 'credit:granted']"},
            {"p_units": "'{{}}'"},
        ],
        CHECKED: [
            *_arrays("p_codes", "", "''", "'credit:availabl'", "'credit:granted:x'"),
            *_arrays("p_codes", "", *(f"'credit:available:{rest}'" for rest in ("", "X", "a b", "ب", "a:", "a" * 144))),
            {"p_codes": "ARRAY['{available}']", "p_kinds": "ARRAY['credit:granted']"},
            {"p_kinds": "ARRAY['credit:granted']"},
            *_arrays("p_units", "", "'irr'", "'IR'", "'IRRR'", r"E'IRR\n'", "''"),
        ],
        DIFFERS: [
            {"p_codes": "ARRAY['{available}']", "p_units": "ARRAY['PTS']"},
            {"p_codes": "ARRAY['{available}']", "p_owners": f"ARRAY[{NOBODY}]::uuid[]"},
        ],
        NO_KIND: [
            *_arrays("p_kinds", "", "NULL", "'credit'", "''"),
            {"p_units": "ARRAY['IRR', 'IRR']"},
            {"p_kinds": "NULL"},
        ],
        FOREIGN: [{"p_owners": f"ARRAY[{NOBODY}]::uuid[]"}, {"p_organisations": f"ARRAY[{NOBODY}]::uuid[]"}],
    },
    "ledger_freeze": {
        NO_ACCOUNT: _each("p_code", "NULL", "''", "'none'", "'CREDIT:available'"),
        NULL_GIVEN: [{"p_code": "'{frozen}'", "p_frozen": "NULL"}],
    },
}


def call(function: str, changed: Changes | None = None) -> str:
    """A call with its usual arguments, but for some."""
    arguments = (CALLS | COMPUTING)[function] | (changed or {})
    return f"SELECT * FROM {function}({', '.join(f'{name} => {value}' for name, value in arguments.items())})"  # noqa: S608 - constants


def attacks() -> Iterator[tuple[str, str]]:
    """What refuses an attack, and the attack."""
    for function, arguments in CALLS.items():
        for state, changes in _ATTACKS[function].items():
            yield from ((state, call(function, changed)) for changed in changes)
        for name in _SINGLE.keys() & arguments.keys():
            for state, values in _SINGLE[name].items():
                yield from ((state, call(function, {name: value})) for value in values)


def computations() -> Iterator[str]:
    """What only computes, with its usual arguments and without each of them."""
    for function, arguments in COMPUTING.items():
        yield from (call(function, changed) for changed in ({}, *({name: "NULL"} for name in arguments)))
