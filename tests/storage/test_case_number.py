"""The number of a case: read out by telephone, checked by its last digit, never twice (G6)."""

from __future__ import annotations

from schwifty.checksum import luhn

from commands.command import Context
from storage.database import Acting, transaction
from storage.rows.cases import cases
from tests.arrange import Arrange
from tests.books import Superuser

_OPEN = (
    "INSERT INTO cases (kind, phase, policy_id) SELECT 'personnel_import', 'received', id FROM policies"
    " WHERE name = 'personnel' RETURNING number"
)


async def test_a_number_has_nine_digits_of_which_the_last_checks_the_others(superuser: Superuser) -> None:
    numbers = [await superuser.value(_OPEN) for _ in range(50)]

    for number in numbers:
        assert len(number) == 9
        assert number.isdecimal()
        assert number[0] != "0"
        assert luhn(number[:-1]) == number[-1], number


async def test_numbers_do_not_count_cases(superuser: Superuser) -> None:
    numbers = [int(await superuser.value(_OPEN)) // 10 for _ in range(50)]

    assert len(set(numbers)) == 50
    assert numbers != sorted(numbers)
    assert max(numbers) - min(numbers) > 10_000_000


async def test_a_number_that_is_taken_is_not_given_again(superuser: Superuser) -> None:
    numbers = []
    for _ in range(2):
        # So the same number is thrown first.
        await superuser.value("SELECT setseed(0.5)")
        numbers.append(await superuser.value(_OPEN))

    assert numbers[0] != numbers[1]


async def test_whoever_opens_a_case_sees_no_more_than_before_because_of_its_number(
    context: Context, arrange: Arrange, superuser: Superuser
) -> None:
    member = await arrange.member(await arrange.organisation())
    hidden = await superuser.value(_OPEN.replace("RETURNING number", "RETURNING id"))
    policy = await superuser.value("SELECT id FROM policies WHERE name = 'personnel'")

    async with transaction(context.engine, Acting("member", member.id)) as connection:
        await connection.execute(
            cases.insert().values(kind="onboarding", phase="submitted", policy_id=policy, person_id=member.id).inline()
        )
        seen = (await connection.execute(cases.select())).all()

    assert [row.person_id for row in seen] == [member.id]
    assert hidden not in {row.id for row in seen}
