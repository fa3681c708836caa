"""Files on payments and pay-outs: the payer's receipt, and what the office shows of a transfer to nobody else."""

from __future__ import annotations

from uuid import UUID

import httpx2
import pytest

from activities.transition import ActivityContext
from commands.command import Context
from domain.access import Role
from gateways.local_bank import LocalBank
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.files_made import PDF
from tests.payment_steps import PaymentScenario
from tests.payout_steps import PayoutOffice


async def _send(api: httpx2.AsyncClient, who: Someone, case_id: UUID, purpose: str = "") -> tuple[int, str]:
    """Add a file; the status, and what it shows or why it was refused."""
    path = f"/v1/cases/{case_id}/attachments" + (f"?purpose={purpose}" if purpose else "")
    answer = await api.post(path, content=PDF, headers={**who.headers(), "Content-Type": "application/octet-stream"})
    body = answer.json()
    return answer.status_code, body["purpose"]["code"] if answer.is_success else body["code"]


async def _sees(api: httpx2.AsyncClient, who: Someone, case_id: UUID) -> list[str] | int:
    """What somebody sees of the files of a case."""
    answer = await api.get(f"/v1/cases/{case_id}/attachments", headers=who.headers())
    return [one["purpose"]["code"] for one in answer.json()["items"]] if answer.is_success else answer.status_code


@pytest.fixture
async def paying(
    context: Context, arrange: Arrange, activity_context: ActivityContext, bank: LocalBank
) -> PaymentScenario:
    """Nothing is paid yet."""
    return await PaymentScenario.opened(context, arrange, activity_context, bank)


async def test_the_payer_adds_a_receipt_and_the_office_evidence_that_the_payer_does_not_see(
    api: httpx2.AsyncClient, paying: PaymentScenario, arrange: Arrange, superuser: Superuser
) -> None:
    case_id = await paying.at_bank((await paying.purpose(), 500_000))
    assert await _send(api, paying.payer, case_id) == (201, "payment_receipt")
    # Before the office is asked, the payment is none of its business.
    assert await _send(api, paying.officer, case_id) == (404, "not_found")
    await superuser.run("UPDATE payment_attempts SET state = 'unclear', unclear_since = now() - interval '2 days'")
    await superuser.run("UPDATE payment_attempts SET look_at = NULL")
    await paying.go_on(case_id)
    assert await _send(api, paying.officer, case_id) == (201, "transfer_evidence")
    assert await _send(api, paying.payer, case_id, "transfer_evidence") == (422, "invalid_input")

    both = ["payment_receipt", "transfer_evidence"]
    assert await _sees(api, paying.payer, case_id) == ["payment_receipt"]
    assert await _sees(api, paying.officer, case_id) == both
    assert await _sees(api, await arrange.platform(Role.AUDITOR), case_id) == both
    assert await _sees(api, await arrange.person("member"), case_id) == 404
    assert await _sees(api, await arrange.platform(Role.POLICY_ADMIN), case_id) == 404


async def test_evidence_of_a_pay_out_is_the_office_s_and_no_member_s_whom_it_pays(
    api: httpx2.AsyncClient, context: Context, arrange: Arrange, activity_context: ActivityContext
) -> None:
    office = await PayoutOffice.opened(context, arrange, activity_context)
    await office.withdraw()
    batch = await office.sent()
    assert await _send(api, office.maker, batch) == (201, "transfer_evidence")
    assert await _send(api, office.member, batch) == (404, "not_found")
    assert await _sees(api, office.checker, batch) == ["transfer_evidence"]
    assert await _sees(api, office.member, batch) == 404
