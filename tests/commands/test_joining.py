"""Becoming a member without an employer, and being one person with whom a personnel file knows, in either order."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from activities.transition import ActivityContext
from commands.account import SignIn, authenticate, request_sign_in_code
from commands.command import Command, Context
from commands.joining import accept_terms, join
from domain.access import Grant, Role, ScopeKind
from domain.account import CodeNotAccepted, MobileUnreadable
from domain.address import from_network
from domain.errors import SentByYourself, TooMany
from domain.joining import (
    INQUIRIES,
    INQUIRIES_PER_ADDRESS,
    JOININGS_PER_IDENTITY,
    JOININGS_PER_NUMBER,
    TermsOutdated,
)
from gateways.mobile_owner import OwnerUnknown
from storage.account import purge_expired
from storage.database import SERVICE, transaction
from storage.rows.people import persons
from tests.account_people import audited, value
from tests.activities.test_personnel_change import answer, take
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.account_steps import do, let_pace_pass, use_up, wrong
from tests.joining_steps import ORIGIN, Joining, Newcomer
from tests.personnel_steps import Line, PersonnelOffice

SUPPORT = Grant(Role.SUPPORT_AGENT, ScopeKind.PLATFORM)


@pytest.fixture
def joining(context: Context, activity_context: ActivityContext) -> Joining:
    """Where people join."""
    return Joining(context, activity_context)


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange) -> PersonnelOffice:
    """An organisation with HR."""
    return await PersonnelOffice.open(activity_context, arrange)


async def person(context: Context, national_id: str) -> Any:
    """The one stored person of a national id."""
    index = context.seals.index.of("national_id", national_id)
    async with transaction(context.engine, SERVICE) as connection:
        return (await connection.execute(sa.select(persons).where(persons.c.national_id_index == index))).one()


async def mobile_of(context: Context, national_id: str) -> str:
    """A person's number, opened."""
    return context.seals.cipher.open_text((await person(context, national_id)).mobile_sealed, "person.mobile")


async def counts(office: PersonnelOffice, line: Line) -> bool:
    """Whether the employment counts: it is not in dispute."""
    found = await office.person(line)
    return bool(found.mobile_index == found.job_mobile_index)


async def test_whoever_joins_is_a_member_with_a_confirmed_number_and_accepted_terms(
    joining: Joining, context: Context, superuser: Superuser
) -> None:
    who = Newcomer()

    signed_in = await joining.join(who)

    stored = await person(context, who.national_id)
    assert (stored.first_name, stored.last_name) == (who.first_name, who.last_name)
    assert stored.mobile_confirmed_at is not None
    assert (await authenticate(context, signed_in.session.token)).person_id == stored.id
    assert await value(context, "SELECT version FROM terms_acceptances WHERE person_id = :id", id=stored.id) == 1
    assert await audited(context, f"account:{stored.id}") == ["join", "sign_in"]
    assert await superuser.value("SELECT count(*) FROM joinings") == 0


async def test_a_person_is_made_only_when_the_code_comes_back(joining: Joining, superuser: Superuser) -> None:
    before = await superuser.value("SELECT count(*) FROM persons")

    await joining.check(await joining.ask(Newcomer()))

    assert await superuser.value("SELECT count(*) FROM persons") == before


async def test_without_a_yes_of_the_registry_no_code_is_sent_and_none_counts(joining: Joining) -> None:
    other = await joining.ask(Newcomer(mobile="+989351114040"))
    assert not await joining.check(other)
    with pytest.raises(CodeNotAccepted):
        await joining.enter(other)

    unasked = await joining.ask(Newcomer())
    with pytest.raises(CodeNotAccepted):
        await joining.enter(unasked)


async def test_a_registry_that_does_not_answer_is_asked_again_and_is_never_a_yes(joining: Joining) -> None:
    silent = await joining.ask(Newcomer(mobile="+989351115050"))

    for _ in range(2):
        with pytest.raises(OwnerUnknown):
            await joining.check(silent)
    with pytest.raises(CodeNotAccepted):
        await joining.enter(silent)


async def test_a_registry_that_has_answered_is_not_asked_twice(
    joining: Joining, context: Context, activity_context: ActivityContext
) -> None:
    class Counting:
        asked = 0

        async def owns(self, national_id: str, mobile: str) -> bool:  # noqa: ARG002 - yes to everybody
            self.asked += 1
            return True

    owners = Counting()
    counted = replace(joining, owners=owners)
    challenge = await counted.ask(Newcomer())
    assert await counted.check(challenge)
    assert await counted.check(challenge)

    assert owners.asked == 1
    assert await value(context, "SELECT count(*) FROM outbox WHERE message = 'SendCode'") == 1


async def test_a_file_first_then_joining_with_its_number_is_one_person_whose_employment_counts(
    joining: Joining, office: PersonnelOffice, context: Context
) -> None:
    line = Line()
    await office.import_(line)

    await joining.join(Newcomer(line.national_id, line.mobile, "دیگری", "ناشناس"))

    stored = await person(context, line.national_id)
    assert (stored.first_name, stored.last_name) == (line.first_name, line.last_name)
    assert await counts(office, line)
    assert await office.changes() == []


async def test_joining_first_then_a_file_with_its_number_is_one_person_whose_employment_counts(
    joining: Joining, office: PersonnelOffice
) -> None:
    who = Newcomer()
    signed_in = await joining.join(who)
    line = Line(who.national_id, mobile=who.mobile)

    await office.import_(line)

    assert (await office.person(line)).id == signed_in.person.id
    assert await counts(office, line)
    assert await office.changes() == []


@pytest.mark.parametrize("file_first", [True, False])
async def test_in_either_order_another_number_disputes_the_employment_and_two_people_decide(
    joining: Joining, office: PersonnelOffice, context: Context, arrange: Arrange, file_first: bool
) -> None:
    who = Newcomer()
    line = Line(who.national_id)
    if file_first:
        await office.import_(line)
    await joining.join(who)
    if not file_first:
        await office.import_(line)

    assert await mobile_of(context, who.national_id) == who.mobile
    assert not await counts(office, line)
    (change,) = await office.changes()
    assert (change.variant, change.phase) == ("mobile", "awaiting_confirmation")

    await take(office, "request_decision", change.id)
    await answer(office, await arrange.acting((await arrange.person("staff")).id, SUPPORT), change.id)
    await take(office, "apply_decision", change.id)
    assert await mobile_of(context, who.national_id) == line.mobile
    assert await counts(office, line)


async def test_the_lists_number_is_told_that_another_one_joined_and_no_file_counts_as_sent_twice(
    joining: Joining, office: PersonnelOffice, context: Context, superuser: Superuser
) -> None:
    who = Newcomer()
    line = Line(who.national_id)
    await office.import_(line)
    await joining.join(who)

    sealed = await superuser.value("SELECT mobile_sealed FROM notices WHERE template = 'mobile_changed_old'")
    assert context.seals.cipher.open_text(bytes(sealed), "person.mobile") == line.mobile

    await office.import_(line)
    assert len(await office.changes()) == 1


async def test_whoever_sends_that_organisations_files_does_not_confirm_its_number(
    joining: Joining, office: PersonnelOffice, arrange: Arrange
) -> None:
    who = Newcomer()
    await office.import_(Line(who.national_id))
    await joining.join(who)
    (change,) = await office.changes()
    await take(office, "request_decision", change.id)

    with pytest.raises(SentByYourself):
        await answer(office, await arrange.acting(office.actor.person_id, SUPPORT), change.id)


async def test_whoever_came_in_with_another_number_keeps_it_and_gets_no_code(
    joining: Joining, context: Context
) -> None:
    first = Newcomer()
    await joining.join(first)

    challenge = await joining.ask(replace(first, mobile="+989351110002"))

    assert not await joining.check(challenge)
    with pytest.raises(CodeNotAccepted):
        await joining.enter(challenge)
    assert await mobile_of(context, first.national_id) == first.mobile


async def test_joining_again_with_the_same_number_signs_the_same_person_in(
    joining: Joining, superuser: Superuser
) -> None:
    who = Newcomer()
    first = await joining.join(who)
    await superuser.run("DELETE FROM rate_windows")

    again = await joining.join(replace(who, first_name="نام", last_name="دیگر"))

    assert again.person == first.person


async def test_a_sign_in_code_to_the_lists_number_dies_when_its_person_joins_with_another(
    joining: Joining, office: PersonnelOffice, context: Context
) -> None:
    who = Newcomer()
    line = Line(who.national_id)
    await office.import_(line)
    earlier = await request_sign_in_code(context, national_id=line.national_id, mobile=line.mobile, origin=ORIGIN)

    await joining.join(who)

    assert await value(context, "SELECT used_at IS NOT NULL FROM one_time_codes WHERE id = :id", id=earlier)


async def test_staff_do_not_get_another_number_by_joining(joining: Joining, context: Context, arrange: Arrange) -> None:
    officer = await arrange.platform(Role.OPERATOR)

    challenge = await joining.ask(Newcomer(officer.national_id))

    assert not await joining.check(challenge)


async def test_the_same_statements_run_whoever_asks(
    joining: Joining, office: PersonnelOffice, superuser: Superuser
) -> None:
    line = Line()
    await office.import_(line)
    known, unknown, strange = Newcomer(line.national_id, line.mobile), Newcomer(), Newcomer(mobile="+989351114040")
    shapes = []
    for who in (known, unknown, strange):
        await superuser.run("DELETE FROM rate_windows")
        before = await superuser.effects()
        await joining.ask(who)
        after = await superuser.effects()
        shapes.append({name: after[name] - before[name] for name in after if after[name] != before[name]})

    assert shapes[0] == shapes[1] == shapes[2]


async def test_joining_with_another_number_cuts_no_pause_of_money_short(
    joining: Joining, context: Context, office: PersonnelOffice, superuser: Superuser
) -> None:
    line = Line()
    await office.import_(line)
    await superuser.run("UPDATE persons SET money_paused_until = now() + interval '10 hours'")

    await joining.join(Newcomer(line.national_id))

    paused = (await person(context, line.national_id)).money_paused_until
    assert await value(context, "SELECT CAST(:paused AS timestamptz) > now() + interval '9 hours'", paused=paused)


async def test_numbers_and_identities_have_their_limits(joining: Joining, superuser: Superuser) -> None:
    who = Newcomer()
    await joining.ask(who)
    with pytest.raises(TooMany):
        await joining.ask(who)

    # One more is let through at once, then one each ten minutes.
    for number in range(JOININGS_PER_NUMBER.allowed):
        await joining.ask(Newcomer(mobile=who.mobile), origin=f"of {number}")
    with pytest.raises(TooMany) as refused:
        await joining.ask(Newcomer(mobile=who.mobile), origin="elsewhere")
    assert 500 < (refused.value.retry_after or 0) <= 600

    await superuser.run("DELETE FROM rate_windows")
    for number in range(JOININGS_PER_IDENTITY.allowed + 1):
        await joining.ask(replace(who, mobile=f"+9893522200{number:02}"), origin=f"of {number}")
    with pytest.raises(TooMany) as refused:
        await joining.ask(replace(who, mobile="+989352220099"), origin="elsewhere")
    assert 500 < (refused.value.retry_after or 0) <= 600


async def test_one_network_keeps_nobody_from_joining_with_their_number_or_national_id(joining: Joining) -> None:
    who = Newcomer()
    for number in range(20):
        for one in (Newcomer(mobile=who.mobile), replace(who, mobile=f"+9893522200{number:02}")):
            with suppress(TooMany):
                await joining.ask(one, origin="stranger")

    await joining.ask(who, origin="home")


async def test_inquiries_are_bounded_over_all_networks_and_by_network(joining: Joining, context: Context) -> None:
    await use_up(context, INQUIRIES, "", left=1)
    await joining.ask(Newcomer(), origin="one")
    await joining.ask(Newcomer(mobile="+989351110002"), origin="two")
    third = Newcomer(mobile="+989351110003")
    with pytest.raises(TooMany) as refused:
        await joining.ask(third, origin="three")
    assert 1 <= (refused.value.retry_after or 0) <= 5
    await let_pace_pass(context, INQUIRIES, "")
    await joining.ask(third, origin="four")

    for limit, key in from_network(INQUIRIES_PER_ADDRESS, "one"):
        await use_up(context, limit, key)
    await let_pace_pass(context, INQUIRIES, "")
    with pytest.raises(TooMany):
        await joining.ask(Newcomer(mobile="+989351110004"), origin="one")
    await joining.ask(Newcomer(mobile="+989351110004"), origin="five")


async def test_a_code_has_five_tries_and_counts_once(joining: Joining, context: Context) -> None:
    challenge = await joining.ask(Newcomer())
    await joining.check(challenge)
    code = await joining.code(challenge)
    await joining.enter(challenge)
    with pytest.raises(CodeNotAccepted):
        await join(context, challenge_id=challenge, code=code, origin=ORIGIN)

    guessed = await joining.ask(Newcomer(mobile="+989351110002"))
    await joining.check(guessed)
    code = await joining.code(guessed)
    for _ in range(5):
        with pytest.raises(CodeNotAccepted):
            await join(context, challenge_id=guessed, code=wrong(code), origin=ORIGIN)
    with pytest.raises(CodeNotAccepted):
        await join(context, challenge_id=guessed, code=code, origin=ORIGIN)


async def test_what_cannot_be_read_and_outdated_terms_are_refused_without_an_effect(
    joining: Joining, superuser: Superuser
) -> None:
    before = await superuser.effects()
    with pytest.raises(MobileUnreadable):
        await joining.ask(Newcomer(mobile="0912"))
    with pytest.raises(TermsOutdated):
        await joining.ask(Newcomer(), terms=2)
    assert await superuser.effects() == before


async def newer_terms(superuser: Superuser) -> None:
    """Version 2 of the terms, approved."""
    await superuser.run(
        "INSERT INTO policies (name, version, value, proposed_by, approved_by, approved_at)"
        " SELECT name, 2, value, 'one', 'two', now() FROM policies WHERE name = 'terms'"
    )


async def test_newer_terms_are_due_until_they_are_accepted_and_the_old_acceptance_stays(
    joining: Joining, context: Context, superuser: Superuser
) -> None:
    signed_in: SignIn = await joining.join(Newcomer())
    actor = await authenticate(context, signed_in.session.token)
    await newer_terms(superuser)

    async def accept(version: int) -> None:
        async def work(command: Command) -> None:
            await accept_terms(command, version)

        await do(context, actor, work)

    with pytest.raises(TermsOutdated):
        await accept(1)
    for _ in range(2):
        await accept(2)

    versions = await superuser.rows("SELECT version FROM terms_acceptances ORDER BY version")
    assert [version for (version,) in versions] == [1, 2]


async def test_what_was_typed_goes_when_the_code_is_cleared_away(
    joining: Joining, context: Context, superuser: Superuser
) -> None:
    await joining.ask(Newcomer())
    await superuser.run("UPDATE one_time_codes SET expires_at = now() - interval '2 hours'")
    async with transaction(context.engine, SERVICE) as connection:
        await purge_expired(connection, 100)

    assert await superuser.value("SELECT count(*) FROM joinings") == 0
