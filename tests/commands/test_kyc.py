"""Forms of identity: what is missing, what is held, what may be mended, and who may decide (F4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from activities.transition import ActivityContext
from commands import kyc as commands
from commands.command import Context
from domain.access import Actor, Grant, Role, ScopeKind
from domain.catalogue import words
from domain.errors import (
    CaseClosed,
    Forbidden,
    InvalidInput,
    NotFound,
    OwnCase,
    Refusal,
    StepUpRequired,
    TooMany,
)
from domain.held_task import ClaimConflict, TaskNotClaimed
from domain.kyc import (
    SUBMISSIONS_PER_PERSON,
    AccountGone,
    BirthDateUnreadable,
    DocumentInUse,
    FaultReason,
    FaultUnexplained,
    FaultUnfit,
    IdentityHeld,
    IdentityIncomplete,
    IdentityUnderReview,
    LatinNameUnreadable,
    LevelUnknown,
    Missing,
    NotMended,
    RightAlready,
    SubmissionChanged,
)
from messages.kyc import DocumentKind
from storage.database import Acting, transaction
from storage.kyc import IdentityAnswers
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.commands.account_steps import use_up
from tests.commands.onboarding_steps import run
from tests.identity import (
    BACK,
    FRONT,
    REASON,
    IdentityReview,
    cards_and_sheba,
    form_of,
    hold_identity,
    name_pictures,
    prepare,
)

OFFICERS = Grant(Role.KYC_OFFICER, ScopeKind.PLATFORM)


@pytest.fixture
async def review(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> IdentityReview:
    """A member who is ready to submit, and two officers."""
    return await IdentityReview.opened(context, arrange, activity_context, superuser)


async def refused(review: IdentityReview, deed: Awaitable[Any], by: type[Refusal]) -> Refusal:
    """The deed is refused and leaves no row."""
    before = await review.superuser.effects()
    with pytest.raises(by) as caught:
        await deed
    assert type(caught.value) is by
    assert await review.superuser.effects() == before
    return caught.value


LACKING = {
    Missing.EMAIL: "UPDATE profiles SET email_confirmed_at = NULL WHERE person_id = %s",
    Missing.CARD: "UPDATE bank_accounts SET removed_at = now() WHERE kind = 'card' AND person_id = %s",
    Missing.SHEBA: "UPDATE bank_accounts SET state = 'failed' WHERE kind = 'sheba' AND person_id = %s",
    Missing.DOCUMENT: "UPDATE identity_documents SET removed_at = now() WHERE person_id = %s",
}


async def test_what_is_missing_is_named_and_all_of_it_at_once(review: IdentityReview) -> None:
    for lack, statement in LACKING.items():
        member = await review.arrange.person("member")
        await prepare(review.context, member)
        form = await form_of(review.context, member)
        assert await review.superuser.run(statement, member.id) > 0
        refusal = await refused(review, review.submit(form, member=member), IdentityIncomplete)
        assert refusal.params["missing"] == words.term(Missing, lack)

    form = await review.form()
    for statement in LACKING.values():
        await review.superuser.run(statement, review.member.id)
    said = (await refused(review, review.submit(form), IdentityIncomplete)).sentence("fa")

    assert [words.term(Missing, lack).fa in said for lack in Missing] == [True] * len(Missing)


Change = Callable[[IdentityAnswers, IdentityAnswers], IdentityAnswers]
ANOTHERS: Mapping[Missing, Change] = {
    Missing.CARD: lambda mine, theirs: replace(mine, card_id=theirs.card_id),
    Missing.SHEBA: lambda mine, theirs: replace(mine, sheba_id=theirs.sheba_id),
    Missing.DOCUMENT: lambda mine, theirs: replace(mine, documents={**mine.documents, BACK: theirs.documents[BACK]}),
}


async def test_what_is_another_members_or_something_else_is_missing(review: IdentityReview) -> None:
    other = await review.arrange.person("member")
    await prepare(review.context, other)
    mine, theirs = await review.form(), await form_of(review.context, other)

    for lack, change in ANOTHERS.items():
        refusal = await refused(review, review.submit(change(mine, theirs)), IdentityIncomplete)
        assert refusal.params["missing"] == words.term(Missing, lack), lack
    for wrong in (
        replace(mine, card_id=mine.sheba_id),
        replace(mine, documents={FRONT: mine.documents[FRONT], BACK: mine.documents[FRONT]}),
        replace(mine, documents={FRONT: mine.documents[FRONT]}),
    ):
        await refused(review, review.submit(wrong), IdentityIncomplete)


UNREADABLE: list[tuple[dict[str, Any], type[Refusal], str]] = [
    ({"birth_date": date(2020, 1, 1)}, BirthDateUnreadable, "birth_date"),
    ({"birth_date": date(9999, 12, 31)}, BirthDateUnreadable, "birth_date"),
    ({"birth_date": date(1899, 12, 31)}, BirthDateUnreadable, "birth_date"),
    ({"latin_first": "مریم"}, LatinNameUnreadable, "latin_first"),
    ({"latin_last": "R3ZAEI"}, LatinNameUnreadable, "latin_last"),
    ({"latin_last": "-"}, LatinNameUnreadable, "latin_last"),
]


async def test_what_is_typed_wrong_is_said_at_its_field(review: IdentityReview) -> None:
    form = await review.form()
    for changes, by, field in UNREADABLE:
        assert (await refused(review, review.submit(replace(form, **changes)), by)).field == field, changes
    await refused(review, review.submit(form, level="gold"), LevelUnknown)


async def test_names_are_kept_as_passports_print_them_and_more_pictures_than_asked_for_are_not(
    review: IdentityReview,
) -> None:
    form = await review.form([FRONT, BACK, DocumentKind.SELFIE])
    case_id = await review.submit(replace(form, latin_first=" maryam  sadat "))

    sent = await review.sent(case_id)
    assert (sent.latin_first, sent.latin_last) == ("MARYAM SADAT", "REZAEI")
    assert set(sent.documents) == {FRONT, BACK}
    stored = await review.superuser.value("SELECT encode(typed_sealed, 'escape') FROM kyc_submissions")
    assert "MARYAM" not in stored
    assert "1989" not in stored


async def test_a_level_that_is_held_is_submitted_again_only_when_it_is_time_to_renew_it(
    review: IdentityReview,
) -> None:
    form = await review.form()
    await hold_identity(review.superuser, review.member.id, days=31, level="full")
    for level in ("full", "basic"):
        await refused(review, review.submit(form, level=level), IdentityHeld)
    await review.superuser.run("UPDATE identities SET valid_until = valid_until - 1")
    # A lower one is held too, as long as the higher one is.
    await refused(review, review.submit(form), IdentityHeld)

    await review.submit(await review.form(DocumentKind), level="full")


async def test_a_higher_level_and_an_identity_that_is_over_stand_in_nobodys_way(review: IdentityReview) -> None:
    await hold_identity(review.superuser, review.member.id, days=300)
    case_id = await review.submit(await review.form(DocumentKind), level="full")
    await review.withdraw(case_id)
    await review.go_on(case_id)
    await review.superuser.run("UPDATE identities SET valid_until = valid_until - 301")

    await review.submit()


async def test_one_form_at_a_time_and_five_a_day(review: IdentityReview) -> None:
    forms = [await review.form() for _ in range(2)]
    both = await asyncio.gather(*(review.submit(form) for form in forms), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in both) == ["IdentityUnderReview", "UUID"]
    await refused(review, review.submit(forms[0]), IdentityUnderReview)

    other = await review.arrange.person("member")
    await prepare(review.context, other)
    form = await form_of(review.context, other)
    await use_up(review.context, SUBMISSIONS_PER_PERSON, str(other.id), left=1)
    case_id = await review.submit(form, member=other)
    await run(review.context, other, lambda command: commands.withdraw_identity(command, case_id))
    await review.go_on(case_id)
    await refused(review, review.submit(form, member=other), TooMany)


async def test_staff_have_no_form_and_a_member_takes_back_no_form_of_others(review: IdentityReview) -> None:
    case_id, form = await review.submit(), await review.form()
    other = await review.arrange.person("member")

    await refused(review, review.submit(form, member=review.operator), Forbidden)
    taking = run(review.context, other, lambda command: commands.withdraw_identity(command, case_id))
    await refused(review, taking, NotFound)


async def test_a_picture_that_was_submitted_stays_and_nobody_removes_that_of_another(review: IdentityReview) -> None:
    async def remove(who: Someone, document_id: UUID) -> None:
        await run(review.context, who, lambda command: commands.remove_document(command, document_id))

    form = await review.form()
    await review.submit(form)
    (unused,) = (await name_pictures(review.context, review.member, [FRONT])).values()
    other = await review.arrange.person("member")

    await refused(review, remove(review.member, form.documents[FRONT]), DocumentInUse)
    await refused(review, remove(other, unused), NotFound)
    await remove(review.member, unused)
    await refused(review, remove(review.member, unused), NotFound)


UNFIT: list[tuple[dict[str, FaultReason], str, type[Refusal], str]] = [
    ({}, "", InvalidInput, "faults"),
    ({"selfie": FaultReason.UNREADABLE}, "", FaultUnfit, "faults.selfie"),
    ({"card": FaultReason.EXPIRED}, "", FaultUnfit, "faults.card"),
    ({"card": FaultReason.OTHER}, "", FaultUnexplained, "note"),
    ({"card": FaultReason.DOES_NOT_MATCH}, "x", InvalidInput, "note"),
]


async def test_what_is_returned_fits_its_part_and_another_reason_is_explained(review: IdentityReview) -> None:
    case_id = await review.claimed()
    for faults, note, by, field in UNFIT:
        assert (await refused(review, review.give_back(case_id, faults, note=note), by)).field == field, faults

    await review.give_back(case_id, {"card": FaultReason.OTHER, "birth_date": FaultReason.DOES_NOT_MATCH}, note=REASON)


async def test_what_was_returned_is_mended_and_nothing_else(review: IdentityReview) -> None:
    case_id = await review.returned()
    sent, mended = await review.sent(case_id), await review.mended(case_id)

    await refused(review, review.correct(case_id, sent), NotMended)
    for also in (
        await review.mended(case_id, FRONT, BACK),
        replace(mended, birth_date=date(1989, 6, 3)),
        replace(mended, card_id=(await cards_and_sheba(review.context, review.member))[0][1]),
    ):
        await refused(review, review.correct(case_id, also), RightAlready)
    await review.correct(case_id, mended)

    rows = "SELECT number, changed, documents ->> 'national_card_front' FROM kyc_submissions ORDER BY number"
    assert await review.superuser.rows(rows) == [
        (1, [], str(sent.documents[FRONT])),
        (2, ["national_card_front"], str(mended.documents[FRONT])),
    ]


async def test_what_a_newer_release_returned_for_a_reason_of_its_own_is_mended(review: IdentityReview) -> None:
    case_id = await review.claimed()
    await review.give_back(case_id, {str(FRONT): cast("FaultReason", "stained")})
    await review.go_on(case_id)

    mended = await review.mended(case_id)
    await review.correct(case_id, mended)
    assert (await review.sent(case_id)).documents == mended.documents


async def test_a_card_that_is_theirs_no_more_is_chosen_anew_though_nobody_returned_it(review: IdentityReview) -> None:
    case_id = await review.returned()
    (first, second), _ = await cards_and_sheba(review.context, review.member)
    await review.remove(first)
    mended = await review.mended(case_id)

    await refused(review, review.correct(case_id, mended), IdentityIncomplete)
    await review.correct(case_id, replace(mended, card_id=second))


async def test_an_officer_decides_about_the_form_that_they_saw_and_accepts_no_account_that_is_gone(
    review: IdentityReview,
) -> None:
    case_id = await review.returned()
    await review.correct(case_id)
    await review.go_on(case_id)
    await review.claim(case_id)
    for deed in (review.accept(case_id), review.give_back(case_id), review.refuse(case_id)):
        await refused(review, deed, SubmissionChanged)

    await review.remove((await cards_and_sheba(review.context, review.member))[1])
    await refused(review, review.accept(case_id, 2), AccountGone)
    await review.give_back(case_id, {"sheba": FaultReason.DOES_NOT_MATCH}, number=2)


async def test_it_is_decided_with_a_fresh_code_by_who_has_claimed_it_and_not_taken_back_afterwards(
    review: IdentityReview,
) -> None:
    case_id = await review.asked()
    await refused(review, review.accept(case_id), TaskNotClaimed)
    await review.claim(case_id)
    strong = "UPDATE sessions SET strong_until = now() + %s::interval WHERE person_id = %s"
    await review.superuser.run(strong, "-1 s", review.officer.id)
    for deed in (review.accept(case_id), review.give_back(case_id), review.refuse(case_id)):
        await refused(review, deed, StepUpRequired)
    await review.superuser.run(strong, "1 hour", review.officer.id)
    await review.accept(case_id)

    # The process has not heard of it yet.
    await refused(review, review.withdraw(case_id), CaseClosed)
    await review.go_on(case_id)
    await refused(review, review.withdraw(case_id), CaseClosed)


async def test_who_comes_to_have_an_interest_after_the_claim_decides_nothing(review: IdentityReview) -> None:
    case_id = await review.claimed()
    actor = Actor(review.officer.id, "staff", uuid4(), (OFFICERS,))
    async with transaction(review.context.engine, Acting.of(actor)) as connection:
        assert (await commands.find_review(connection, actor, case_id)).person_id == review.member.id
    await review.share_sheba(review.officer.id)

    async with transaction(review.context.engine, Acting.of(actor)) as connection:
        with pytest.raises(NotFound):
            await commands.find_review(connection, actor, case_id)
    for deed in (review.accept(case_id), review.give_back(case_id), review.refuse(case_id)):
        await refused(review, deed, ClaimConflict)
    await review.release(case_id)
    await review.claim(case_id, review.colleague)


async def test_nobody_reviews_themselves_or_somebody_with_the_same_sheba(review: IdentityReview) -> None:
    own = await review.arrange.as_staff(review.member, OFFICERS)
    case_id = await review.asked()
    await review.share_sheba(review.officer.id)

    await refused(review, review.claim(case_id, own), OwnCase)
    await refused(review, review.claim(case_id), ClaimConflict)
    await review.claim(case_id, review.colleague)


async def _officer_who_submits(review: IdentityReview) -> tuple[Someone, Someone]:
    """Somebody as a member who is ready to submit, and as an officer."""
    member = await review.arrange.person("member")
    await prepare(review.context, member)
    return member, await review.arrange.as_staff(member, OFFICERS)


async def test_nobody_reviews_who_holds_their_review_or_has_decided_it(review: IdentityReview) -> None:
    mine = await review.asked()
    own = await review.arrange.as_staff(review.member, OFFICERS)
    their_side, officer = await _officer_who_submits(review)
    theirs = await review.asked(member=their_side)
    await review.claim(mine, officer)
    await refused(review, review.claim(theirs, own), ClaimConflict)

    await review.accept(mine, officer=officer)
    await review.go_on(mine)
    await refused(review, review.claim(theirs, own), ClaimConflict)
    await review.claim(theirs, review.colleague)


async def test_of_two_who_hold_each_others_reviews_neither_decides(review: IdentityReview) -> None:
    mine = await review.asked()
    own = await review.arrange.as_staff(review.member, OFFICERS)
    their_side, officer = await _officer_who_submits(review)
    theirs = await review.asked(member=their_side)
    await review.claim(mine, officer)
    # As if both had claimed at the same instant.
    claimed = "UPDATE tasks SET claimed_by = %s, claimed_at = now() WHERE case_id = %s AND status = 'open'"
    assert await review.superuser.run(claimed, own.id, theirs) == 1

    await refused(review, review.accept(mine, officer=officer), ClaimConflict)
    await refused(review, review.accept(theirs, officer=own), ClaimConflict)
