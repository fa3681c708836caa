"""Inviting somebody: one link for one number, and the inviter learns nothing of what comes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from activities.invitation import InvitationSender, forget_invitations
from activities.transition import ActivityContext
from commands.account.codes import read_mobile
from commands.command import Command, Context
from commands.invitation import invite, open_invitation
from domain.access import Actor, Role
from domain.account import TRIES_PER_ADDRESS, MobileUnreadable
from domain.errors import Forbidden, NotFound, TooMany
from domain.invitation import INVITATIONS_PER_NUMBER, inviter_in_sms
from gateways.sms import LocalSms
from messages.invitation import SendInvitation
from storage.database import Acting
from tests.account_people import value
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.account_steps import do, let_pace_pass
from tests.joining_steps import ORIGIN, Joining, Newcomer
from tests.storage.test_walls import count


@dataclass(frozen=True, slots=True)
class Inviting:
    """A member who invites people, and where the SMS come."""

    context: Context
    activity_context: ActivityContext
    actor: Actor
    messages: Path

    async def invite(self, mobile: str) -> None:
        """Invite a number."""

        async def work(command: Command) -> None:
            await invite(command, mobile)

        await do(self.context, self.actor, work)

    async def sent(self) -> list[dict[str, Any]]:
        """Send what waits, twice, as a relay may; every SMS so far."""
        sender = InvitationSender(self.activity_context, LocalSms(self.messages), {"app_link": "https://app.test/"})
        waiting = await value(self.context, "SELECT array_agg(id::text) FROM invitations")
        for invitation_id in list(waiting) * 2:  # type: ignore[call-overload]  # an array
            await sender.send(SendInvitation(UUID(invitation_id)))
        return [json.loads(file.read_text("utf-8")) for file in sorted(self.messages.glob("*.json"))]

    async def token(self) -> str:
        """The token in the newest SMS."""
        link: str = (await self.sent())[-1]["text"].rpartition(" ")[2]
        page, token = link.split("#")
        assert page == "https://app.test/join"
        return token


@pytest.fixture
async def inviting(
    context: Context, activity_context: ActivityContext, arrange: Arrange, messages_dir: Path
) -> Inviting:
    """A member who invites."""
    return Inviting(context, activity_context, await arrange.actor(await arrange.person("member")), messages_dir)


@pytest.fixture
def joining(context: Context, activity_context: ActivityContext) -> Joining:
    """Where people join."""
    return Joining(context, activity_context)


async def test_a_number_gets_one_sms_with_the_inviters_name_and_a_link(inviting: Inviting, context: Context) -> None:
    await inviting.invite("۰۹۳۵۱۱۱۰۰۰۱")

    (sms,) = await inviting.sent()
    assert (sms["mobile"], sms["template"]) == ("+989351110001", "invitation_received")
    assert sms["values"]["inviter"] == "مریم آزمون"
    assert f"https://app.test/join#{sms['values']['code']}" in sms["text"]
    assert await value(context, "SELECT token_sealed FROM invitations") is None


async def test_whoever_joins_by_it_with_its_number_uses_it_and_nobody_else_does(
    inviting: Inviting, joining: Joining, context: Context, superuser: Superuser
) -> None:
    await inviting.invite("09351110001")
    token = await inviting.token()

    await joining.join(Newcomer(mobile="+989351110002", invitation=token))
    assert await value(context, "SELECT used_at FROM invitations") is None

    invited = await joining.join(Newcomer(invitation=token))
    assert await value(context, "SELECT used_by FROM invitations") == invited.person.id
    await superuser.run("DELETE FROM rate_windows")
    await joining.join(Newcomer(invitation=token))
    assert await value(context, "SELECT used_by FROM invitations") == invited.person.id


async def test_its_token_tells_who_invites_until_it_is_used(inviting: Inviting, joining: Joining) -> None:
    await inviting.invite("09351110001")
    token = await inviting.token()

    assert (await open_invitation(inviting.context, token=token, origin=ORIGIN)).first_name == "مریم"

    await joining.join(Newcomer(invitation=token))
    for spent in (token, "x" * 22):
        with pytest.raises(NotFound):
            await open_invitation(inviting.context, token=spent, origin=ORIGIN)


async def test_a_network_that_guesses_tokens_is_slowed_down(inviting: Inviting) -> None:
    for number in range(TRIES_PER_ADDRESS.allowed + 1):
        with pytest.raises(NotFound):
            await open_invitation(inviting.context, token=f"guess-{number}", origin=ORIGIN)
    with pytest.raises(TooMany):
        await open_invitation(inviting.context, token="guess", origin=ORIGIN)


async def test_an_invitation_is_over_after_its_days_and_is_forgotten(
    inviting: Inviting, joining: Joining, context: Context, superuser: Superuser, activity_context: ActivityContext
) -> None:
    await inviting.invite("09351110001")
    token = await inviting.token()
    await superuser.run("UPDATE invitations SET expires_at = now() - interval '1 second'")

    await joining.join(Newcomer(invitation=token))

    assert await value(context, "SELECT used_at FROM invitations") is None
    assert await forget_invitations(activity_context, 100) == 1
    assert await forget_invitations(activity_context, 100) == 0


async def test_a_member_is_invited_as_everybody_and_the_inviter_sees_nothing(
    inviting: Inviting, joining: Joining, context: Context
) -> None:
    await joining.join(Newcomer())
    await inviting.invite("09351110001")
    await inviting.invite("09351110002")

    assert [sms["template"] for sms in await inviting.sent()] == ["invitation_received"] * 2
    assert await count(context.engine, Acting("member", inviting.actor.person_id), "invitations") == 0


async def test_members_have_their_limit(inviting: Inviting) -> None:
    for number in range(10):
        await inviting.invite(f"0935111010{number}")
    with pytest.raises(TooMany):
        await inviting.invite("09351110110")


async def test_a_number_has_its_limit_which_no_member_uses_up_alone(
    inviting: Inviting, context: Context, arrange: Arrange
) -> None:
    async def another() -> Inviting:
        return replace(inviting, actor=await arrange.actor(await arrange.person("member")))

    number = "09351110001"
    await inviting.invite(number)
    with pytest.raises(TooMany):
        await inviting.invite(number)
    # One more is let through at once, then one each eight hours.
    for _ in range(INVITATIONS_PER_NUMBER.allowed):
        await (await another()).invite(number)
    with pytest.raises(TooMany) as refused:
        await (await another()).invite(number)
    assert (refused.value.retry_after or 0) <= 8 * 3_600
    await let_pace_pass(context, INVITATIONS_PER_NUMBER, read_mobile(number))
    await (await another()).invite(number)


async def test_staff_invite_nobody_and_nonsense_has_no_effect(
    inviting: Inviting, arrange: Arrange, superuser: Superuser
) -> None:
    staff = replace(inviting, actor=await arrange.actor(await arrange.platform(Role.OPERATOR)))
    before = await superuser.effects()
    with pytest.raises(Forbidden):
        await staff.invite("09351110001")
    with pytest.raises(MobileUnreadable):
        await inviting.invite("0912")
    assert await superuser.effects() == before


@pytest.mark.parametrize(
    ("first", "last", "called"),
    [
        ("مریم", "رضایی‌فر", "مریم رضایی‌فر"),
        ("Mary-Ann", "O'Neil", "Mary-Ann O'Neil"),
        ("برنده شدید", "example.com", "یکی از اعضا"),
        ("جایزه", "۱۰ میلیون", "یکی از اعضا"),
        ("ا" * 30, "ب" * 30, "یکی از اعضا"),
        ("", "", "یکی از اعضا"),
    ],
)
def test_a_name_does_not_become_a_message_of_its_own(first: str, last: str, called: str) -> None:
    assert inviter_in_sms(first, last) == called
