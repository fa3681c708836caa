"""How each operation is called, about which things of the world."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2

from tests.api.world import World
from tests.arrange import next_national_id
from tests.clearing_steps import STATEMENT
from tests.files_made import PDF, picture
from tests.journeys.steps import ISSUE, TERMS

_CSV = "کد ملی,شماره همراه,نام,نام خانوادگی,کد منطقه,تاریخ استخدام,خالص دریافتی,شماره شبا,وضعیت اشتغال\n"


@dataclass(frozen=True, slots=True)
class Call:
    """How an operation is called: its address, and what goes with it. ``{name}`` is a thing of the world."""

    method: str
    path: str
    body: Any = None
    content: bytes | None = None
    content_type: str = "text/csv"

    def request(self, api: httpx2.AsyncClient, world: World, who: str) -> httpx2.Request:
        """What somebody sends to call it."""
        path, body = self.path.format_map(world.things), filled(self.body, world.things)
        headers = world.headers(who)
        if self.content is not None:
            headers["Content-Type"] = self.content_type
            return api.build_request(self.method, path, content=self.content, headers=headers)
        return api.build_request(self.method, path, json=body, headers=headers)

    async def send(self, api: httpx2.AsyncClient, world: World, who: str) -> httpx2.Response:
        """Call it as somebody."""
        return await api.send(self.request(api, world, who))


def filled(body: Any, things: dict[str, Any]) -> Any:
    """A body whose texts that name a thing have become that thing's id."""
    if isinstance(body, dict):
        return {name: filled(value, things) for name, value in body.items()}
    if isinstance(body, list):
        return [filled(value, things) for value in body]
    if isinstance(body, str) and body[:1] + body[-1:] == "{}":
        return str(things[body[1:-1]])
    return body


def _mandate() -> dict[str, Any]:
    return {"version": 1, "code_id": str(uuid4()), "code": "000000"}


def _accept_identity() -> dict[str, Any]:
    return {"kind": "review_identity", "decision": "accept", "number": 1}


def _escrow_calls() -> dict[str, Call]:
    """Those of jobs, safe payments and arbitration, in an order in which they can follow each other."""
    held, code = "/v1/escrow/payments/{held_escrow}", {"code_id": str(uuid4()), "code": "000000"}
    part, wish = {"amount": 1_000_000, "unit": "IRR"}, {"title": "طرح دوم", "amount": {"amount": 1_000_000}}
    shares = {"to_contractor": {"amount": 20_000_000}, "to_employer": {"amount": 0}}
    job = {
        "side": "employer",
        "mobile": "09350000045",
        "title": "طراحی سایت",
        "price": {"amount": 9_000_000},
        "payments": [{**wish, "due_on": str(datetime.now(UTC).date() + timedelta(days=9))}],
        "clause_version": 1,
    }
    immediate = {**wish, "timing": "immediate"}
    return {
        "read_escrow_terms": Call("GET", "/v1/escrow/terms"),
        "begin_job": Call("POST", "/v1/escrow/jobs", job),
        "list_jobs": Call("GET", "/v1/escrow/jobs"),
        "read_job": Call("GET", "/v1/escrow/jobs/{job}"),
        "accept_job": Call("POST", "/v1/escrow/jobs/{job}/acceptance", {"clause_version": 1}),
        "decline_job": Call("POST", "/v1/escrow/jobs/{job}/declination"),
        "propose_escrow": Call("POST", "/v1/escrow/jobs/{job}/payments", immediate),
        "fund_escrow": Call("POST", "/v1/escrow/payments/{payable_escrow}/payment", {}),
        "withdraw_escrow": Call("POST", "/v1/escrow/payments/{payable_escrow}/withdrawal"),
        "declare_work": Call("POST", f"{held}/work", {}),
        "release_escrow": Call("POST", f"{held}/release", {"amount": part, **code}),
        "ask_refund": Call("POST", f"{held}/refund-requests", {"amount": part, "reason": "کار انجام نشد"}),
        "answer_refund": Call("POST", f"{held}/refund-answer", {"amount": {"amount": 0}}),
        "open_dispute": Call("POST", f"{held}/dispute", {"about": "work", "text": "کار انجام نشده است."}),
        "file_statement": Call("POST", f"{held}/statements", {"text": "همهٔ کار تحویل شده است."}),
        "offer_split": Call("POST", f"{held}/split-offers", {**shares, **code}),
        "answer_split": Call("POST", f"{held}/split-answer", {"offer_id": str(uuid4()), "accept": False}),
        "object_to_ruling": Call("POST", f"{held}/objection"),
        "withdraw_dispute": Call("POST", f"{held}/dispute-withdrawal"),
        "read_escrow_figures": Call("GET", "/v1/escrow/figures"),
        "issue_ruling": Call("POST", "/v1/escrow/rulings/{ruling}/paper"),
        "issue_escrow_invoice": Call("POST", "/v1/escrow/moves/{escrow_move}/invoice"),
    }


def _secret_calls() -> dict[str, Call]:
    """Those of a password that is entrusted to an arbitrator, seen and taken back."""
    here, login = "/v1/cases/{secret_case}/secrets", {"user_name": "owner", "password": "lamp-of-blue"}
    return {
        "list_secrets": Call("GET", here),
        "entrust_secret": Call("POST", here, {"site": "https://shop.example.com/admin", **login}),
        "show_secret": Call("POST", f"{here}/{{secret}}/show"),
        "take_back_secret": Call("DELETE", f"{here}/{{secret}}"),
    }


def _identity_calls() -> dict[str, Call]:
    """Those of an identity review, in an order in which they can follow each other."""
    form = {
        "level": "basic",
        "birth_date": "1989-06-02",
        "latin_first": "Maryam",
        "latin_last": "Rezaei",
        "card_id": "{identity_card}",
        "sheba_id": "{identity_sheba}",
        "documents": {"national_card_front": "{identity_document}"},
    }
    adding, review = "/v1/identity/documents?kind=national_card_front", "/v1/identity/reviews/{identity_case}"
    return {
        "read_identity": Call("GET", "/v1/identity"),
        "add_identity_document": Call("POST", adding, content=picture(), content_type="image/jpeg"),
        "download_identity_document": Call("GET", "/v1/identity/documents/{identity_document}"),
        "remove_identity_document": Call("DELETE", "/v1/identity/documents/{spare_document}"),
        "submit_identity": Call("POST", "/v1/identity/submissions", form),
        "read_identity_review": Call("GET", review),
        "download_reviewed_document": Call("GET", f"{review}/documents/{{identity_document}}"),
        "withdraw_identity": Call("POST", "/v1/identity/submissions/{identity_case}/withdrawal"),
    }


def calls(world: World) -> dict[str, Call]:
    """Every operation of the API, called so that only the caller's rights can stand in its way."""
    staff = {"first_name": "علی", "last_name": "کریمی", "national_id": next_national_id(), "username": "new.staff"}
    staff["mobile"] = "09121234567"
    grant = {"role": "hr_officer", "scope_kind": "organisation", "scope": str(world.things["organisation"])}
    organisation = {"code": "new-organisation", "name": "سازمان تازه"}
    contract = {"number": "2", "starts_on": "2026-03-21", "ends_on": "2027-03-20"}
    wish = {"national_id": next_national_id(), "mobile": "09121234567"}
    newcomer = wish | {"first_name": "نگار", "last_name": "صالحی", "terms_version": 1}
    challenge = {"challenge_id": str(uuid4()), "code": "000000"}
    return {
        "read_liveness": Call("GET", "/livez"),
        "read_contact": Call("GET", "/v1/contact"),
        "read_readiness": Call("GET", "/readyz"),
        "request_sign_in_code": Call("POST", "/v1/sign-in/codes", wish),
        "sign_in": Call("POST", "/v1/sign-in/sessions", challenge),
        "sign_in_staff": Call("POST", "/v1/sign-in/staff", {"username": "x", "password": "x", "totp": "000000"}),
        "read_terms": Call("GET", "/v1/terms"),
        "request_joining": Call("POST", "/v1/joining/codes", newcomer),
        "join": Call("POST", "/v1/joining/sessions", challenge),
        "accept_terms": Call("POST", "/v1/me/terms", {"version": 1}),
        "invite": Call("POST", "/v1/invitations", {"mobile": "09351110009"}),
        "open_invitation": Call("POST", "/v1/invitations/openings", {"token": "{invitation}"}),
        "read_profile": Call("GET", "/v1/me/profile"),
        "choose_preferences": Call("PATCH", "/v1/me", {"language": "fa"}),
        "send_email_code": Call("POST", "/v1/me/email", {"email": "maryam@example.com"}),
        "confirm_email": Call("POST", "/v1/me/email/confirmation", {"code_id": str(uuid4()), "code": "000000"}),
        "remove_email": Call("DELETE", "/v1/me/email"),
        "list_sessions": Call("GET", "/v1/me/sessions"),
        "end_session": Call("DELETE", "/v1/me/sessions/{session}"),
        "end_other_sessions": Call("DELETE", "/v1/me/sessions"),
        "request_own_mobile": Call("POST", "/v1/me/mobile", {"mobile": "09351110008"}),
        "confirm_own_mobile": Call(
            "POST",
            "/v1/me/mobile/confirmation",
            {which: {"code_id": str(uuid4()), "code": "000000"} for which in ("old", "new")},
        ),
        "list_bank_accounts": Call("GET", "/v1/bank-accounts"),
        "add_card": Call("POST", "/v1/bank-accounts/cards", {"number": "6037991234567893"}),
        "add_sheba": Call(
            "POST",
            "/v1/bank-accounts/shebas",
            {"number": "IR490546091390996030824628", "code_id": str(uuid4()), "code": "000000"},
        ),
        "choose_bank_account": Call("POST", "/v1/bank-accounts/{bank_account}/default"),
        "remove_bank_account": Call("DELETE", "/v1/bank-accounts/{bank_account}"),
        "list_drafts": Call("GET", "/v1/drafts?form=job"),
        "create_draft": Call("POST", "/v1/drafts", {"form": "job", "fields": {"title": ["جزوه"]}}),
        "read_draft": Call("GET", "/v1/drafts/{draft}"),
        "replace_draft": Call("PUT", "/v1/drafts/{draft}", {"fields": {"title": ["جزوه"]}}),
        "delete_draft": Call("DELETE", "/v1/drafts/{draft}"),
        "list_withdrawals": Call("GET", "/v1/withdrawals"),
        "withdraw": Call(
            "POST",
            "/v1/withdrawals",
            {"amount": {"amount": 5_000_000, "unit": "IRR"}, "code_id": str(uuid4()), "code": "000000"},
        ),
        "take_back_withdrawal": Call("POST", "/v1/withdrawals/{withdrawal}/taking-back"),
        "read_withdrawal_terms": Call("GET", "/v1/withdrawals/terms"),
        "issue_payout_receipt": Call("POST", "/v1/withdrawals/{withdrawal}/receipt"),
        "issue_withdrawal_invoice": Call("POST", "/v1/withdrawals/{withdrawal}/invoice"),
        "list_payouts": Call("GET", "/v1/payouts"),
        "make_payout": Call("POST", "/v1/payouts", {}),
        "read_payout": Call("GET", "/v1/payouts/{payout}"),
        "list_payout_lines": Call("GET", "/v1/payouts/{payout}/lines"),
        "download_payout": Call("GET", "/v1/payouts/{payout}/file"),
        "list_payout_answers": Call("GET", "/v1/payouts/{payout}/answers"),
        "send_payout_answer": Call("POST", "/v1/payouts/{payout}/answers", content=b"line_key\n"),
        "list_payout_refusals": Call("GET", "/v1/payouts/{payout}/answers/{payout_answer}/refusals"),
        "settle_payout_line": Call(
            "POST", "/v1/payouts/{payout}/lines/{withdrawal}/settlement", {"result": "rejected", "note": "چنین گفت"}
        ),
        "set_password": Call("PUT", "/v1/me/password", {"password": "seven-green-lamps"}),
        "remove_password": Call("DELETE", "/v1/me/password"),
        "sign_in_with_password": Call(
            "POST", "/v1/sign-in/password", {"national_id": wish["national_id"], "password": "seven-green-lamps"}
        ),
        "request_renewal": Call("POST", "/v1/password-renewals/codes", wish),
        "renew_password": Call("POST", "/v1/password-renewals", challenge | {"password": "seven-green-lamps"}),
        "read_me": Call("GET", "/v1/me"),
        "request_code": Call("POST", "/v1/codes", {"purpose": "step_up"}),
        "step_up": Call("POST", "/v1/step-up", {"totp": "000000"}),
        "list_staff": Call("GET", "/v1/staff"),
        "list_cases": Call("GET", "/v1/cases"),
        "read_case": Call("GET", "/v1/cases/{case}"),
        "read_timeline": Call("GET", "/v1/cases/{case}/timeline"),
        "list_attachments": Call("GET", "/v1/cases/{case}/attachments"),
        "download_attachment": Call("GET", "/v1/cases/{case}/attachments/{attachment}"),
        "remove_attachment": Call("DELETE", "/v1/cases/{case}/attachments/{attachment}"),
        "add_attachment": Call("POST", "/v1/cases/{case}/attachments", content=PDF),
        "list_threads": Call("GET", "/v1/cases/{case}/threads"),
        "list_words": Call("GET", "/v1/cases/{case}/words"),
        "write_words": Call("POST", "/v1/cases/{case}/words", {"text": "گواهی را دیدید؟"}),
        "watch_case": Call("GET", "/v1/cases/{case}/events"),
        "list_tasks": Call("GET", "/v1/tasks"),
        "read_task": Call("GET", "/v1/tasks/{task}"),
        "list_programmes": Call("GET", "/v1/programmes"),
        "list_holidays": Call("GET", "/v1/holidays?year=1405"),
        "record_holiday": Call("PUT", "/v1/holidays/2027-03-10", {"name": "عید سعید فطر", "closed": True}),
        "list_reconciliation_findings": Call("GET", "/v1/reconciliation-findings?is_open=true"),
        "read_outbox": Call("GET", "/v1/operations/outbox"),
        "restart_process": Call("POST", "/v1/reconciliation-findings/{finding}/restart"),
        "list_services": Call("GET", "/v1/operations/services"),
        "switch_service": Call(
            "PUT", "/v1/operations/services/personnel_import", {"is_open": True, "reason": "پایان نگهداشت"}
        ),
        "list_late_cases": Call("GET", "/v1/operations/late-cases"),
        "list_messages": Call("GET", "/v1/messages"),
        "list_notices": Call("GET", "/v1/notices?state=failed"),
        "resend_notice": Call("POST", "/v1/notices/{notice}/resend"),
        "list_credit_lines": Call("GET", "/v1/credit-lines"),
        "read_credit_line": Call("GET", "/v1/credit-lines/{line}"),
        "issue_credit_confirmation": Call("POST", "/v1/credit-lines/{line}/confirmation"),
        "list_papers": Call("GET", "/v1/papers"),
        "download_paper": Call("GET", "/v1/papers/{paper}"),
        "check_paper": Call("GET", "/v1/papers/checks/{paper_token}"),
        "reveal_card": Call("POST", "/v1/credit-lines/{line}/card-number", {"code_id": str(uuid4()), "code": "000000"}),
        "read_statement": Call("GET", "/v1/credit-lines/{line}/statement"),
        "list_organisations": Call("GET", "/v1/organisations"),
        "read_organisation": Call("GET", "/v1/organisations/{organisation}"),
        "list_contracts": Call("GET", "/v1/organisations/{organisation}/contracts"),
        "list_policies": Call("GET", "/v1/policies"),
        "list_policy_versions": Call("GET", "/v1/policy-versions?open=true"),
        "read_trial_balance": Call("GET", "/v1/ledger/trial-balance"),
        "list_personnel_imports": Call("GET", "/v1/organisations/{organisation}/personnel-imports"),
        "list_all_personnel_imports": Call("GET", "/v1/personnel-imports"),
        "read_personnel_import": Call("GET", "/v1/personnel-imports/{import}"),
        "list_import_refusals": Call("GET", "/v1/personnel-imports/{import}/refusals"),
        "download_import_report": Call("GET", "/v1/personnel-imports/{import}/report"),
        "import_personnel": Call(
            "POST", "/v1/organisations/{organisation}/personnel-imports", content=_CSV.encode("utf-8-sig")
        ),
        "search_employments": Call("POST", "/v1/employments/searches", {"national_id": world.newcomers[2].national_id}),
        "forward_mobile_change": Call(
            "POST",
            "/v1/mobile-changes",
            {"national_id": world.newcomers[2].national_id, "mobile": "09350000001", "reason": "حضوری آمد"},
        ),
        "open_mobile_change": Call(
            "POST",
            "/v1/lost-mobiles",
            {"national_id": world.newcomers[2].national_id, "mobile": "09350000001", "reason": "حضوری آمد"},
        ),
        "check_guarantor": Call(
            "POST",
            "/v1/guarantor-checks",
            {"programme": "tavana", "national_id": world.newcomers[0].national_id},
        ),
        "list_guarantees": Call("GET", "/v1/guarantees"),
        "read_guarantee": Call("GET", "/v1/guarantees/{guarantee}"),
        "name_guarantor": Call(
            "POST",
            "/v1/onboarding/applications/{asked_case}/guarantors",
            {"national_id": world.newcomers[0].national_id, "replaces": "{guarantee}"},
        ),
        "correct_application": Call(
            "POST",
            "/v1/onboarding/applications/{asked_case}/correction",
            {"monthly_amount": TERMS["monthly_amount"], "instalments": 12, "mandate": _mandate()},
        ),
        "request_substitution": Call(
            "POST",
            "/v1/credit-lines/{tavana_line}/guarantor-substitutions",
            {"guarantee_id": "{current_guarantee}", "national_id": world.newcomers[0].national_id},
        ),
        "read_substitution": Call("GET", "/v1/guarantor-substitutions/{substitution}"),
        "read_normal_payment_terms": Call("GET", "/v1/normal-payments/terms"),
        "list_normal_payments": Call("GET", "/v1/normal-payments"),
        "request_normal_payment": Call(
            "POST",
            "/v1/normal-payments",
            {"mobile": "09350000044", "amount": {"amount": 25_000_000}, "what_for": "طراحی", "terms_version": 1},
        ),
        "pay_normal_payment": Call("POST", "/v1/normal-payments/{payable}/payment", {}),
        "withdraw_normal_payment": Call("POST", "/v1/normal-payments/{payable}/withdrawal"),
        **_escrow_calls(),
        **_secret_calls(),
        **_identity_calls(),
        "read_balance": Call("GET", "/v1/balance"),
        "list_balance_entries": Call("GET", "/v1/balance/entries"),
        "withdraw_substitution": Call("POST", "/v1/guarantor-substitutions/{substitution}/withdrawal"),
        "correct_employment": Call(
            "POST",
            "/v1/employments/{employment}/correction",
            {"net_pay": {"amount": 410_000_000, "unit": "IRR"}, "region_code": world.region, "reason": "حکم تازه"},
        ),
        "apply_for_credit": Call("POST", "/v1/onboarding/applications", {**TERMS, "mandate": _mandate()}),
        "claim_task": Call("POST", "/v1/tasks/{task}/claim"),
        "release_task": Call("POST", "/v1/tasks/{task}/release"),
        "decide_task": Call("POST", "/v1/tasks/{task}/decision", ISSUE),
        "decide_tasks": Call(
            "POST", "/v1/tasks/decisions", {"items": [{"task_id": "{task}", "version": 1, "decision": ISSUE}]}
        ),
        "withdraw_application": Call("POST", "/v1/onboarding/applications/{case}/withdrawal"),
        "list_certificates": Call("GET", "/v1/certificates?organisation_id={organisation}"),
        "revoke_certificate": Call("POST", "/v1/certificates/{certificate}/revocation", {"reason": "پایان همکاری"}),
        "add_organisation": Call("POST", "/v1/organisations", organisation),
        "add_contract": Call("POST", "/v1/organisations/{organisation}/contracts", contract),
        "change_contract": Call("POST", "/v1/contracts/{contract}/state", {"state": "suspended", "reason": "آزمون"}),
        "propose_policy": Call("POST", "/v1/policies/personnel/versions", {"value": world.things["policy_value"]}),
        "decide_policy": Call("POST", "/v1/policy-versions/{proposal}/decision", {"decision": "reject"}),
        "propose_staff": Call("POST", "/v1/staff", staff),
        "propose_role": Call("POST", "/v1/staff/{colleague}/grants", {**grant, "role": "welfare_manager"}),
        "propose_reset": Call("POST", "/v1/staff/{colleague}/reset"),
        "read_staff": Call("GET", "/v1/staff/{colleague}"),
        "resend_staff_link": Call("POST", "/v1/staff/{colleague}/link"),
        "disable_staff": Call("POST", "/v1/staff/{colleague}/disabling"),
        "open_staff_link": Call("POST", "/v1/staff-account/openings", {"token": "0" * 54}),
        "set_up_staff": Call(
            "POST",
            "/v1/staff-account/set-up",
            {"token": "0" * 54, "password": "سرو بلند کنار رود", "totp_key": "QUJD", "totp": "000000"},
        ),
        "draw_totp_key": Call("GET", "/v1/staff-account/new-key"),
        "change_staff_credentials": Call(
            "POST",
            "/v1/staff-account/credentials",
            {"password": "x", "totp": "000000", "new_password": "سرو بلند کنار رود"},
        ),
        "revoke_role": Call("DELETE", "/v1/staff/{colleague}/grants/{grant}"),
        "list_payments": Call("GET", "/v1/payments"),
        "read_payment": Call("GET", "/v1/payments/{payment}"),
        "list_payment_gateways": Call("GET", "/v1/payment-gateways"),
        "try_payment": Call("POST", "/v1/payments/{payment}/attempts", {"gateway": "local"}),
        "look_at_payment": Call("POST", "/v1/payments/{payment}/look"),
        "call_back": Call("POST", "/v1/payment-callbacks", {"token": "{token}"}),
        "reveal_return_sheba": Call("POST", "/v1/payments/{payment}/returns/{payment}/sheba"),
        "list_clearings": Call("GET", "/v1/clearings"),
        "read_clearing": Call("GET", "/v1/clearings/{clearing}"),
        "request_clearing": Call("POST", "/v1/clearings", {"gateway": "local", "day": world.things["clearing_day"]}),
        "send_statement": Call("POST", "/v1/bank-statements", {"file": STATEMENT}),
        "reveal_bank_description": Call("POST", "/v1/clearings/{clearing}/differences/{clearing}/description"),
        "list_clearing_days": Call("GET", "/v1/clearing-days"),
        "list_suspense": Call("GET", "/v1/suspense"),
        "sign_out": Call("POST", "/v1/sign-out"),
    }


def guaranteed_calls() -> dict[str, tuple[str, Call]]:
    """Operations that the table above calls for a MiniPay application, called for those with guarantors."""
    wish = {"purpose": "accept_guarantee", "subject": {"guarantee_id": "{guarantee}", "mandate_version": 1}}
    accept = {"kind": "answer_guarantee", "decision": "accept", "mandate": _mandate()}
    return {
        "the case of a guarantee": ("read_case", Call("GET", "/v1/cases/{asked_case}")),
        "its timeline": ("read_timeline", Call("GET", "/v1/cases/{asked_case}/timeline")),
        "the task of a guarantor": ("read_task", Call("GET", "/v1/tasks/{guarantee_task}")),
        "a guarantor's code": ("request_code", Call("POST", "/v1/codes", wish)),
        "a guarantor's answer": ("decide_task", Call("POST", "/v1/tasks/{guarantee_task}/decision", accept)),
        "withdrawing it": ("withdraw_application", Call("POST", "/v1/onboarding/applications/{asked_case}/withdrawal")),
        "the case of a safe payment": ("read_case", Call("GET", "/v1/cases/{held_escrow}")),
        "its files": ("list_attachments", Call("GET", "/v1/cases/{held_escrow}/attachments")),
        "the task of who is asked": ("read_task", Call("GET", "/v1/tasks/{escrow_task}")),
        "their answer": (
            "decide_task",
            Call("POST", "/v1/tasks/{escrow_task}/decision", {"kind": "answer_escrow", "decision": "decline"}),
        ),
        "the case of a normal payment": ("read_case", Call("GET", "/v1/cases/{asked_payment}")),
        "the task of a payee": ("read_task", Call("GET", "/v1/tasks/{payee_task}")),
        "a payee's answer": (
            "decide_task",
            Call(
                "POST",
                "/v1/tasks/{payee_task}/decision",
                {"kind": "answer_normal_payment", "decision": "accept", "terms_version": 1},
            ),
        ),
        "the case of an identity review": ("read_case", Call("GET", "/v1/cases/{identity_case}")),
        "the task of its officer": ("read_task", Call("GET", "/v1/tasks/{identity_task}")),
        "the officer's answer": ("decide_task", Call("POST", "/v1/tasks/{identity_task}/decision", _accept_identity())),
        "the case that finance reviews": ("read_case", Call("GET", "/v1/cases/{reviewed_case}")),
        "the review": ("read_task", Call("GET", "/v1/tasks/{review_task}")),
        "claiming the review": ("claim_task", Call("POST", "/v1/tasks/{review_task}/claim")),
        "finance's answer": (
            "decide_task",
            Call("POST", "/v1/tasks/{review_task}/decision", {"kind": "review_application", "decision": "approve"}),
        ),
    }


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every operation of an OpenAPI document by its id."""
    found = [operation for path in document["paths"].values() for operation in path.values()]
    return {operation["operationId"]: operation for operation in found}
