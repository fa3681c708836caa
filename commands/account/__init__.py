"""Accounts: signing in and out, fresh codes, staff and their roles (G1)."""

from __future__ import annotations

from commands.account.codes import (
    RightTotp,
    check_code,
    check_totp,
    request_code,
    request_sign_in_code,
    require_code,
    use_totp,
)
from commands.account.sessions import SignIn, authenticate, sign_in, sign_in_staff, sign_out, step_up
from commands.account.setup import (
    NewCredentials,
    NewTotpKey,
    change_staff_credentials,
    draw_totp_key,
    open_staff_link,
    set_up_staff,
)
from commands.account.staff import (
    StaffAdministration,
    add_operator,
    console_administration,
    disable_staff,
    operator_administration,
    read_grant,
    read_newcomer,
    resend_staff_link,
    reset_operator,
    revoke_role,
    staff_policy,
)
from storage.account import use_code

__all__ = [
    "NewCredentials",
    "NewTotpKey",
    "RightTotp",
    "SignIn",
    "StaffAdministration",
    "add_operator",
    "authenticate",
    "change_staff_credentials",
    "check_code",
    "check_totp",
    "console_administration",
    "disable_staff",
    "draw_totp_key",
    "open_staff_link",
    "operator_administration",
    "read_grant",
    "read_newcomer",
    "request_code",
    "request_sign_in_code",
    "require_code",
    "resend_staff_link",
    "reset_operator",
    "revoke_role",
    "set_up_staff",
    "sign_in",
    "sign_in_staff",
    "sign_out",
    "staff_policy",
    "step_up",
    "use_code",
    "use_totp",
]
