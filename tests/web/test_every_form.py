"""Every form of every page is sent once, with real rows, exactly as the page gave it."""

from __future__ import annotations

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from tests.api.world import STAFF, make_world
from tests.arrange import Arrange
from tests.books import Superuser
from tests.length import IS_LONG
from tests.web.form_scenes import SCENES
from tests.web.form_window import TRIAL, Desk, route_of
from web.app import page_addresses
from web.capabilities import TASK_FORMS

# Nobody, and somebody of every role; in the suite of those whose pages have forms of their own.
_SOME = ("hr_own", "welfare_own", "finance_own", "settlement_officer", "arbitrator", "support_agent", "operator")
_WALKERS = (None, "member_own", "guarantor_own", *(who for who in STAFF if IS_LONG or who in _SOME))


@pytest.fixture
async def desk(
    site: httpx2.AsyncClient,
    context: Context,
    activity_context: ActivityContext,
    arrange: Arrange,
    superuser: Superuser,
) -> Desk:
    """One of everything, and nothing sent yet."""
    world = await make_world(context, activity_context, arrange, superuser)
    return Desk(site, world, context, activity_context, arrange, superuser)


@pytest.mark.timeout(600)
async def test_every_form_of_every_page_does_what_it_says_with_real_rows(desk: Desk) -> None:
    for who in _WALKERS:
        await desk.walk(who)

    for scene in SCENES:
        await scene(desk)

    unsent = {kind: path for kind, path in desk.met.items() if kind not in desk.sent}
    assert unsent == {}, "forms that no scene sends: add them to tests/web/form_scenes.py"
    addresses = {address for address in page_addresses("POST") if not address.startswith(TRIAL)}
    assert addresses - {route_of("POST", kind.address) for kind in desk.sent} == set()
    decisions = {decision.name() for form in TASK_FORMS.values() for decision in form.decisions}
    assert decisions - desk.decided == set()
