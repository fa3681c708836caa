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
from commands.account.sessions import SignIn, account_stream, authenticate, sign_in, sign_in_staff, sign_out, step_up
from commands.account.staff import (
    FirstCredentials,
    StaffAdministration,
    StaffWish,
    add_staff,
    console_administration,
    disable_staff,
    grant_role,
    operator_administration,
    reset_staff,
    revoke_role,
)
from storage.account import use_code

__all__ = [
    "FirstCredentials",
    "RightTotp",
    "SignIn",
    "StaffAdministration",
    "StaffWish",
    "account_stream",
    "add_staff",
    "authenticate",
    "check_code",
    "check_totp",
    "console_administration",
    "disable_staff",
    "grant_role",
    "operator_administration",
    "request_code",
    "request_sign_in_code",
    "require_code",
    "reset_staff",
    "revoke_role",
    "sign_in",
    "sign_in_staff",
    "sign_out",
    "step_up",
    "use_code",
    "use_totp",
]
