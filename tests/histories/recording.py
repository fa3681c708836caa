"""Plays each path and stores its history; run by ``python -m tests.histories.record``, not with the other tests."""

from __future__ import annotations

from datetime import timedelta

import httpx2
import pytest
from temporalio.testing import WorkflowEnvironment

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from gateways.local_bank import LocalBank
from messages.case import CaseKind, workflow_id
from relay import Relay
from storage.sealing import Seals
from tests.arrange import Arrange, eventually
from tests.books import Superuser
from tests.commands.normal_payment_steps import NormalPaymentScenario
from tests.commands.substitution_steps import SubstitutionScenario
from tests.histories.escrow_paths import PATHS as ESCROW_PATHS
from tests.histories.escrow_paths import Begin as BeginEscrow
from tests.histories.escrow_paths import play
from tests.histories.paths import PATHS, SUBSTITUTION_PATHS, TAVANA_PATHS
from tests.histories.payment_paths import PATHS as PAYMENT_PATHS
from tests.histories.payment_paths import Begin
from tests.histories.record import STORED, record
from tests.journeys.replacing import Replacing, open_credit, request_and_wait
from tests.journeys.steps import Steps
from tests.journeys.tavana import apply_with_guarantor
from tests.journeys.waiting import apply_and_wait
from tests.payout_steps import PayoutOffice
from tests.personnel_steps import Line, PersonnelOffice
from tests.staff_steps import Desk, desk
from tests.workflows.test_clearing import PATHS as CLEARING_PATHS
from tests.workflows.test_clearing import Office, settlement
from tests.workflows.test_escrow import begin as begin_escrow
from tests.workflows.test_kyc import PATHS as KYC_PATHS
from tests.workflows.test_kyc import Reviewing, going
from tests.workflows.test_mobile_change import PATHS as MOBILE_PATHS
from tests.workflows.test_mobile_change import MobileChange, change
from tests.workflows.test_normal_payment import INVITING_PATHS as INVITING_PAYMENT_PATHS
from tests.workflows.test_normal_payment import PATHS as NORMAL_PAYMENT_PATHS
from tests.workflows.test_normal_payment import ask_and_wait, unprove
from tests.workflows.test_payment import activity_context, begin, gateway
from tests.workflows.test_payout import PATHS as PAYOUT_PATHS
from tests.workflows.test_payout import make
from tests.workflows.test_personnel_change import NEW_MOBILE, decide, phase_of, process, proposed, task_of
from tests.workflows.test_staff_change import PATHS as STAFF_PATHS


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("path", PATHS)
async def test_record(
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
    arrange: Arrange,
    seals: Seals,
    path: str,
) -> None:
    """Play and store one path."""
    waiting = await apply_and_wait(steps, temporal, superuser, relay, arrange)
    await PATHS[path](waiting)
    await waiting.end()
    await record(waiting.handle, seals.cipher, STORED / f"{path}.json")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("path", TAVANA_PATHS)
async def test_record_tavana(
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
    arrange: Arrange,
    seals: Seals,
    path: str,
) -> None:
    """Play and store one path of Tavana."""
    tavana = await apply_with_guarantor(steps, temporal, superuser, relay, arrange)
    await TAVANA_PATHS[path](tavana)
    await tavana.end()
    await record(tavana.handle, seals.cipher, STORED / f"{path}.json")


@pytest.fixture
async def scenario(
    context: Context, arrange: Arrange, activity_context: ActivityContext, superuser: Superuser
) -> SubstitutionScenario:
    """A usable credit whose guarantor is to be replaced."""
    return await open_credit(context, arrange, activity_context, superuser)


@pytest.fixture
async def replacing(
    scenario: SubstitutionScenario,
    relay: Relay,
    worker: None,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
) -> Replacing:
    """A substitution whose new guarantor is asked."""
    return await request_and_wait(scenario, steps, temporal, superuser, relay)


@pytest.mark.parametrize("path", SUBSTITUTION_PATHS)
async def test_record_a_substitution(replacing: Replacing, seals: Seals, path: str) -> None:
    """Play and store one path of a substitution."""
    await SUBSTITUTION_PATHS[path](replacing)
    await replacing.end()
    await record(replacing.handle, seals.cipher, STORED / f"{path}.json")


@pytest.fixture
async def office(activity_context: ActivityContext, arrange: Arrange, relay: Relay, worker: None) -> PersonnelOffice:
    """An organisation whose HR sends files."""
    return await PersonnelOffice.open(activity_context, arrange)


async def test_record_an_import(office: PersonnelOffice, temporal: WorkflowEnvironment, seals: Seals) -> None:
    """Play and store the import of a file."""
    case_id = await office.send([Line(), Line(mobile="1")])
    import_id = workflow_id(CaseKind.PERSONNEL_IMPORT, case_id)

    async def ended() -> bool:
        return (await office.read(case_id)).ended_at is not None

    await eventually(ended, "the end of the import")
    handle = temporal.client.get_workflow_handle(import_id)
    await handle.result()
    await record(handle, seals.cipher, STORED / "personnel_imported.json")


@pytest.mark.parametrize("path", ["confirmed", "rejected", "lapsed", "overtaken"])
async def test_record_a_change(
    office: PersonnelOffice,
    arrange: Arrange,
    api: httpx2.AsyncClient,
    temporal: WorkflowEnvironment,
    seals: Seals,
    path: str,
) -> None:
    """Play and store one path of a change."""
    support, line = await arrange.platform(Role.SUPPORT_AGENT), Line()
    case_id = await proposed(office, line, line.but(mobile=NEW_MOBILE))
    handle = process(temporal, case_id)
    if path == "lapsed":
        await temporal.fast_forward(handle, timedelta(hours=72, seconds=5))
        await temporal.fast_forward(handle)
    elif path == "overtaken":
        await office.send([line])
    else:
        answers = {"confirmed": {"decision": "confirm"}, "rejected": {"decision": "reject", "reason": "نادرست"}}
        await decide(api, support, await task_of(office, case_id), **answers[path])
    await handle.result()
    assert await phase_of(office, case_id) == path
    await record(handle, seals.cipher, STORED / f"personnel_change_{path}.json")


__all__ = ["activity_context", "begin", "begin_escrow", "change", "desk", "gateway", "going", "settlement"]  # fixtures


@pytest.mark.usefixtures("worker", "relay")
@pytest.mark.parametrize("path", MOBILE_PATHS)
async def test_record_a_mobile_change(change: MobileChange, seals: Seals, path: str) -> None:
    """Play and store one path of a change of mobile."""
    await MOBILE_PATHS[path](change)
    await change.end()
    await record(change.handle, seals.cipher, STORED / f"{path}.json")


@pytest.mark.usefixtures("worker", "relay")
@pytest.mark.parametrize("path", STAFF_PATHS)
async def test_record_a_staff_change(desk: Desk, seals: Seals, path: str) -> None:
    """Play and store one path of a change of staff."""
    handle = desk.handle(await STAFF_PATHS[path](desk))
    await handle.result()
    await record(handle, seals.cipher, STORED / f"{path}.json")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("path", NORMAL_PAYMENT_PATHS | INVITING_PAYMENT_PATHS)
async def test_record_a_normal_payment(
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    bank: LocalBank,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
    seals: Seals,
    path: str,
) -> None:
    """Play and store one path of a normal payment."""
    scenario = await NormalPaymentScenario.opened(context, arrange, activity_context, bank)
    if path in INVITING_PAYMENT_PATHS:
        await unprove(superuser, scenario)
    paying = await ask_and_wait(scenario, steps, temporal, superuser, relay)
    await (NORMAL_PAYMENT_PATHS | INVITING_PAYMENT_PATHS)[path](paying)
    await paying.end()
    await record(paying.handle, seals.cipher, STORED / f"{path}.json")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("path", PAYOUT_PATHS)
async def test_record_a_payout(
    context: Context,
    arrange: Arrange,
    activity_context: ActivityContext,
    steps: Steps,
    temporal: WorkflowEnvironment,
    superuser: Superuser,
    relay: Relay,
    seals: Seals,
    path: str,
) -> None:
    """Play and store one path of a batch of withdrawals."""
    office = await PayoutOffice.opened(context, arrange, activity_context)
    made = await make(office, steps, temporal, superuser, relay, count=0 if path == "payout_empty" else 3)
    await PAYOUT_PATHS[path](made)
    await made.end()
    await record(made.handle, seals.cipher, STORED / f"{path}.json")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("path", PAYMENT_PATHS)
async def test_record_a_payment(begin: Begin, seals: Seals, path: str) -> None:
    """Play and store one path of a payment."""
    way, _ = PAYMENT_PATHS[path]
    paying = await way(begin)
    await paying.end()
    await record(paying.handle, seals.cipher, STORED / f"{path}.json")


@pytest.mark.usefixtures("worker", "relay")
@pytest.mark.parametrize("path", CLEARING_PATHS)
async def test_record_a_clearing(settlement: Office, seals: Seals, path: str) -> None:
    """Play and store one path of the comparison of a day."""
    handle = settlement.handle(await CLEARING_PATHS[path](settlement))
    await handle.result()
    await record(handle, seals.cipher, STORED / f"{path}.json")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("path", ESCROW_PATHS)
async def test_record_an_escrow(begin_escrow: BeginEscrow, seals: Seals, path: str) -> None:
    """Play and store one path of a safe payment."""
    escrow = await play(begin_escrow, path)
    await record(escrow.handle, seals.cipher, STORED / f"{path}.json")


@pytest.mark.usefixtures("worker", "relay")
@pytest.mark.parametrize("path", KYC_PATHS)
async def test_record_an_identity_review(going: Reviewing, seals: Seals, path: str) -> None:
    """Play and store one path of an identity review."""
    await KYC_PATHS[path](going)
    await going.end()
    await record(going.handle, seals.cipher, STORED / f"{path}.json")
