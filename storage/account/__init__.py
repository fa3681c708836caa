"""Sessions, one-time codes, rate windows and staff in Postgres (G1).

Every limit that only refuses is compared with Postgres's now(), in the statement that acts on it.
"""

from __future__ import annotations

from storage.account.codes import (
    TriedCode,
    UnsentCode,
    cancel_codes,
    create_code,
    mark_code_sent,
    pay_try,
    take_unsent_code,
    use_code,
)
from storage.account.limits import count_use, count_uses, purge_expired, take_back_use
from storage.account.sessions import (
    NewSession,
    actor_now,
    begin_session,
    confirm_mobile,
    end_session,
    end_sessions,
    hash_token,
    lock_person,
    read_live_session,
    read_session_again,
    rights_statements,
    strengthen_session,
)
from storage.account.staff import (
    Credential,
    HeldGrant,
    StaffMember,
    add_credential,
    add_grant,
    change_credential,
    disable_credential,
    find_staff,
    is_staff,
    read_credential,
    revoke_grant,
    scope_exists,
    staff_page,
    use_totp_step,
)

__all__ = [
    "Credential",
    "HeldGrant",
    "NewSession",
    "StaffMember",
    "TriedCode",
    "UnsentCode",
    "actor_now",
    "add_credential",
    "add_grant",
    "begin_session",
    "cancel_codes",
    "change_credential",
    "confirm_mobile",
    "count_use",
    "count_uses",
    "create_code",
    "disable_credential",
    "end_session",
    "end_sessions",
    "find_staff",
    "hash_token",
    "is_staff",
    "lock_person",
    "mark_code_sent",
    "pay_try",
    "purge_expired",
    "read_credential",
    "read_live_session",
    "read_session_again",
    "revoke_grant",
    "rights_statements",
    "scope_exists",
    "staff_page",
    "strengthen_session",
    "take_back_use",
    "take_unsent_code",
    "use_code",
    "use_totp_step",
]
