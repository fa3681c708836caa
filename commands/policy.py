"""Changing policies: one policy_admin proposes, another approves (docs/rules.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from commands.account import require_code
from commands.command import Command
from commands.refusals import refuses
from domain.access import Role
from domain.errors import NotFound
from domain.escrow.policy import EscrowPolicy
from domain.fee import VatPolicy
from domain.joining import MembershipTerms
from domain.kyc import KycPolicy
from domain.mandate import GUARANTEE_MANDATES, MANDATES
from domain.normal_payment import NormalPaymentPolicy
from domain.payment import PaymentPolicy
from domain.payout import PayoutPolicy
from domain.personnel.status import STATUSES, StatusWords
from domain.policy import APPROVED, REJECTED, NotNewest, PolicyDecided, PolicyMalformed, SamePerson
from domain.programme import Programme, is_wait
from domain.staff_change import StaffPolicy
from domain.working_hours import WorkingHours
from storage import policies
from storage.organisation import find_organisation
from storage.rows.policies import Policy

_PERSONNEL_HOURS = frozenset({"change_remind_hours", "change_expire_hours", "money_pause_hours"})
# A programme is the one policy that people may add: its code is what members apply with.
_PROGRAMME: Final = re.compile(re.escape(Programme.PREFIX) + r"[a-z][a-z0-9_.-]{1,60}")


@refuses(require_code, PolicyMalformed)
async def propose_policy(command: Command, name: str, value: Mapping[str, Any]) -> Policy:
    """Propose a new version, or a new programme; nothing changes until another person approves."""
    command.require_role(Role.POLICY_ADMIN)
    await require_code(command)
    _check(name, value)
    is_programme = _PROGRAMME.fullmatch(name) is not None
    if is_programme:
        await _check_organisation(command, Programme.from_policy(name, value))
    proposal = await policies.propose(command.connection, name, value, command.actor.person_id, may_be_new=is_programme)
    if proposal is None:
        raise NotFound
    await command.audit(f"policy:{name}", subject=str(proposal.id), after={"version": proposal.version, "value": value})
    return proposal


@refuses(require_code, SamePerson, NotNewest, PolicyDecided)
async def decide_policy(command: Command, policy_id: UUID, *, approve: bool, reason: str | None) -> Policy:
    """Approve or reject another person's proposal; new cases begin with it, running ones keep theirs."""
    command.require_role(Role.POLICY_ADMIN)
    await require_code(command)
    proposal = await policies.lock_proposal(command.connection, policy_id)
    if proposal is None:
        raise NotFound
    if proposal.state != "proposed":
        outcome = APPROVED if proposal.approved_at is not None else REJECTED
        raise PolicyDecided(ended_at=proposal.approved_at or proposal.rejected_at, outcome=outcome)
    if proposal.proposed_by == str(command.actor.person_id):
        raise SamePerson
    now = await policies.in_force(command.connection, proposal.name)
    if approve and now is not None and now.version > proposal.version:
        raise NotNewest
    settled = await policies.settle_proposal(
        command.connection, policy_id, approved_by=command.actor.person_id if approve else None
    )
    await command.audit(
        f"policy:{proposal.name}",
        subject=str(policy_id),
        before={"version": None if now is None else now.version},
        after={"version": proposal.version, "approved": approve},
        reason=reason,
    )
    return settled


def _check(name: str, value: Mapping[str, Any]) -> None:
    try:
        if name.startswith(Programme.PREFIX):
            _check_mandate(Programme.from_policy(name, value))
        elif name in _CHECKS:
            _CHECKS[name](value)
    except (ValueError, TypeError) as error:
        raise PolicyMalformed(field="value", why=str(error)) from error


def _check_mandate(programme: Programme) -> None:
    if programme.mandate_version not in MANDATES:
        raise ValueError(f"mandate_version: there is no text of version {programme.mandate_version}")
    terms = programme.guarantor
    if terms is not None and terms.mandate_version not in GUARANTEE_MANDATES:
        raise ValueError(f"guarantor.mandate_version: there is no text of version {terms.mandate_version}")


async def _check_organisation(command: Command, programme: Programme) -> None:
    """A programme of an organisation's own names one that is there, else nobody could ever apply."""
    if programme.organisation and await find_organisation(command.connection, programme.organisation) is None:
        raise PolicyMalformed(field="value", why=f"organisation: there is none of the code {programme.organisation}")


def _check_hours(value: Mapping[str, Any]) -> None:
    if set(value) != _PERSONNEL_HOURS or not all(is_wait(hours) and hours > 0 for hours in value.values()):
        raise ValueError(f"needs whole hours for {', '.join(sorted(_PERSONNEL_HOURS))}")
    if value["change_remind_hours"] >= value["change_expire_hours"]:
        raise ValueError("a reminder comes before its expiry")


def _check_statuses(value: Mapping[str, Any]) -> None:
    """Lists that nobody would read are refused: their words would count for nothing."""
    StatusWords.from_policy(value)
    if not value.keys() <= set(STATUSES):
        raise ValueError(f"has lists for {', '.join(STATUSES)}")


# What each policy other than a programme must be; those of a new capability stand here with one line.
_CHECKS: Final[Mapping[str, Callable[[Mapping[str, Any]], object]]] = {
    "personnel": _check_hours,
    StatusWords.POLICY: _check_statuses,
    PaymentPolicy.POLICY: PaymentPolicy.from_policy,
    PayoutPolicy.POLICY: PayoutPolicy.from_policy,
    VatPolicy.POLICY: VatPolicy.from_policy,
    StaffPolicy.POLICY: lambda value: StaffPolicy.from_policy(value).require_known(),
    MembershipTerms.POLICY: lambda value: MembershipTerms.from_policy(0, value),
    NormalPaymentPolicy.POLICY: lambda value: NormalPaymentPolicy.from_policy(value).require_known(),
    KycPolicy.POLICY: lambda value: KycPolicy.from_policy(value).require_known(),
    EscrowPolicy.POLICY: lambda value: EscrowPolicy.from_policy(value).require_known(),
    WorkingHours.POLICY: lambda value: WorkingHours.from_policy(value).require_lasting(),
}
