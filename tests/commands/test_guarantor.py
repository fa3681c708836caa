"""Guarantors: who may be asked, what an answer does, and the race for the last slot (docs/rules.md, A4 to A6)."""

from __future__ import annotations

import pytest

from activities.transition import Desk
from commands.command import Context
from messages.onboarding import Standing
from tests.arrange import Arrange
from tests.books import Superuser
from tests.commands.onboarding_steps import Branch, accept_guarantee, refuse_guarantee


@pytest.fixture
async def branch(context: Context, arrange: Arrange, desk: Desk) -> Branch:
    """An applicant, a colleague and finance."""
    return await Branch.opened(context, arrange, desk)


async def test_accepting(branch: Branch, superuser: Superuser) -> None:
    case_id = await branch.asked()
    await accept_guarantee(branch, case_id, branch.guarantor)
    outcome = await branch.go_on(case_id)
    assert outcome.standing is Standing.WAITING
    assert await superuser.rows("SELECT kind, status FROM tasks ORDER BY id") == []


async def test_refusing(branch: Branch, superuser: Superuser) -> None:
    case_id = await branch.asked()
    await refuse_guarantee(branch, case_id, branch.guarantor)
    await branch.go_on(case_id)
    assert await superuser.rows("SELECT kind, status FROM tasks ORDER BY id") == []


async def test_whole(branch: Branch, superuser: Superuser) -> None:
    case_id = await branch.approved()
    await branch.take("activate_credit", case_id)
    assert await superuser.rows("SELECT kind, status FROM tasks ORDER BY id") == []
