"""Who may call what: the table of every operation.

It says for each operation who is let in. Everybody else who is signed in is refused in the operation's own way: 403
where the operation is not theirs at all, 404 where the object is not theirs. Nobody who is not signed in gets anywhere
but to the public operations. An operation that is missing here fails ``test_matrix.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.api.world import EVERYBODY, NOBODY, STAFF

MEMBERS = frozenset({"member_own", "member_foreign", "guarantor_own"})
READERS = frozenset({"auditor", "operator"})
SIGNED_IN = frozenset(EVERYBODY) - frozenset(NOBODY)
# Authorised callers may still be stopped by the state of things or by their input, never by their rights.
LET_IN = {200, 201, 202, 204, 409, 422}


@dataclass(frozen=True, slots=True)
class Rule:
    """Who is let in; ``members`` and ``staff`` are what the others of each capacity get."""

    let_in: frozenset[str]
    members: int = 403
    staff: int = 403
    public: bool = False


def to(*people: str, members: int = 403, staff: int = 403) -> Rule:
    """Let these people in."""
    return Rule(frozenset(people), members, staff)


PUBLIC = Rule(frozenset(EVERYBODY), public=True)
ALL_SIGNED_IN = to(*SIGNED_IN)
MEMBER_ONLY = to(*MEMBERS)
OWNER_ONLY = to("member_own", members=404)
# Employer and contractor of the job.
SIDES = ("member_own", "guarantor_own")
# Staff of an organisation or a region see its cases.
SEES_THE_CASE = to("member_own", "hr_own", "hr_region", "welfare_own", "finance_own", *READERS, members=404, staff=404)
SEES_THE_FILES = to("member_own", "hr_own", "hr_region", "finance_own", "auditor", members=404, staff=404)
SEES_THE_WORDS = to("member_own", "hr_own", "hr_region", "finance_own", *READERS, members=404, staff=404)
HOLDS_THE_TASK = to("hr_own", members=404, staff=404)

MATRIX: dict[str, Rule] = {
    **dict.fromkeys(("read_liveness", "read_contact", "read_readiness", "request_sign_in_code", "sign_in"), PUBLIC),
    **dict.fromkeys(("sign_in_staff", "read_terms", "request_joining", "join"), PUBLIC),
    "accept_terms": MEMBER_ONLY,
    "invite": MEMBER_ONLY,
    "open_invitation": PUBLIC,
    "read_profile": MEMBER_ONLY,
    "choose_preferences": ALL_SIGNED_IN,
    "send_email_code": MEMBER_ONLY,
    "confirm_email": MEMBER_ONLY,
    "remove_email": MEMBER_ONLY,
    "list_sessions": ALL_SIGNED_IN,
    "end_session": to("member_own", members=404, staff=404),
    "end_other_sessions": ALL_SIGNED_IN,
    **dict.fromkeys(("request_own_mobile", "confirm_own_mobile", "set_password", "remove_password"), MEMBER_ONLY),
    **dict.fromkeys(("list_bank_accounts", "add_card", "add_sheba"), MEMBER_ONLY),
    **dict.fromkeys(("choose_bank_account", "remove_bank_account", "take_back_withdrawal"), OWNER_ONLY),
    **dict.fromkeys(("list_drafts", "create_draft"), MEMBER_ONLY),
    **dict.fromkeys(("read_draft", "replace_draft", "delete_draft"), OWNER_ONLY),
    **dict.fromkeys(("list_withdrawals", "withdraw", "read_withdrawal_terms"), MEMBER_ONLY),
    **dict.fromkeys(("issue_payout_receipt", "issue_withdrawal_invoice"), OWNER_ONLY),
    **dict.fromkeys(
        ("make_payout", "download_payout", "send_payout_answer", "settle_payout_line"), to("settlement_officer")
    ),
    **dict.fromkeys(
        ("list_payouts", "read_payout", "list_payout_lines", "list_payout_answers", "list_payout_refusals"),
        to("settlement_officer", *READERS),
    ),
    "sign_in_with_password": PUBLIC,
    "request_renewal": PUBLIC,
    "renew_password": PUBLIC,
    "read_me": ALL_SIGNED_IN,
    "request_code": MEMBER_ONLY,
    "step_up": to(*STAFF),
    "list_staff": to(*READERS),
    "list_cases": ALL_SIGNED_IN,
    "read_case": SEES_THE_CASE,
    "read_timeline": SEES_THE_CASE,
    "watch_case": SEES_THE_CASE,
    "list_attachments": SEES_THE_FILES,
    "download_attachment": SEES_THE_FILES,
    "remove_attachment": to("member_own", members=404, staff=404),
    "add_attachment": to("member_own", "hr_own", "hr_region", "finance_own", members=404, staff=404),
    **dict.fromkeys(("list_threads", "list_words"), SEES_THE_WORDS),
    "write_words": to("member_own", "hr_own", "hr_region", "finance_own", members=404, staff=404),
    "list_tasks": ALL_SIGNED_IN,
    "read_task": HOLDS_THE_TASK,
    "list_programmes": MEMBER_ONLY,
    "list_holidays": to(*STAFF),
    "record_holiday": to("operator"),
    "restart_process": to("operator"),
    **dict.fromkeys(("list_reconciliation_findings", "read_outbox", "list_services", "list_late_cases"), to(*READERS)),
    "switch_service": to("operator"),
    "list_messages": MEMBER_ONLY,
    "list_notices": to("support_agent", *READERS),
    "resend_notice": to("support_agent", "operator"),
    "list_credit_lines": MEMBER_ONLY,
    **dict.fromkeys(("read_credit_line", "reveal_card", "issue_credit_confirmation", "download_paper"), OWNER_ONLY),
    "list_papers": MEMBER_ONLY,
    "check_paper": PUBLIC,
    "read_statement": to("member_own", "auditor", members=404),
    "list_organisations": to("contracts_officer", "hr_own", "hr_other", "hr_region", "hr_other_region", *READERS),
    "read_organisation": to("contracts_officer", "hr_own", "welfare_own", *READERS, members=404, staff=404),
    "list_contracts": to("contracts_officer", "hr_own", "welfare_own", *READERS, members=404, staff=404),
    "list_policies": to("policy_admin", *READERS),
    "list_policy_versions": to("policy_admin", *READERS),
    "read_trial_balance": to("settlement_officer", *READERS),
    **dict.fromkeys(("list_clearings", "read_clearing", "list_suspense"), to("settlement_officer", *READERS)),
    "list_clearing_days": to("settlement_officer", *READERS),
    **dict.fromkeys(("request_clearing", "send_statement", "reveal_bank_description"), to("settlement_officer")),
    "list_personnel_imports": to("hr_own", "hr_region", *READERS),
    "list_all_personnel_imports": to(*READERS),
    "read_personnel_import": to("hr_own", "hr_region", *READERS),
    "list_import_refusals": to("hr_own", "hr_region", *READERS),
    "download_import_report": to("hr_own", "hr_region", *READERS),
    **dict.fromkeys(("import_personnel", "search_employments", "correct_employment"), to("hr_own", "hr_region")),
    "forward_mobile_change": to("welfare_own"),
    "open_mobile_change": to("support_agent"),
    "check_guarantor": MEMBER_ONLY,
    "list_guarantees": MEMBER_ONLY,
    "read_guarantee": to("guarantor_own", members=404),
    **dict.fromkeys(("name_guarantor", "correct_application", "request_substitution"), OWNER_ONLY),
    "read_substitution": SEES_THE_CASE,
    "withdraw_substitution": to("member_own", members=404),
    **dict.fromkeys(("read_normal_payment_terms", "list_normal_payments", "request_normal_payment"), MEMBER_ONLY),
    **dict.fromkeys(("pay_normal_payment", "withdraw_normal_payment"), to("member_own", members=404)),
    **dict.fromkeys(("read_escrow_terms", "begin_job", "list_jobs"), MEMBER_ONLY),
    "read_job": to(*SIDES, *READERS, members=404),
    **dict.fromkeys(("accept_job", "decline_job", "issue_escrow_invoice"), to("guarantor_own", members=404)),
    **dict.fromkeys(("declare_work", "answer_refund"), to("guarantor_own", members=404)),
    **dict.fromkeys(("fund_escrow", "release_escrow", "ask_refund"), OWNER_ONLY),
    **dict.fromkeys(("propose_escrow", "withdraw_escrow", "issue_ruling"), to(*SIDES, members=404)),
    **dict.fromkeys(("open_dispute", "withdraw_dispute", "file_statement"), to(*SIDES, members=404)),
    **dict.fromkeys(("offer_split", "answer_split", "object_to_ruling"), to(*SIDES, members=404)),
    "read_escrow_figures": to(*READERS),
    "list_secrets": to(*SIDES, "arbitrator", *READERS, members=404, staff=404),
    "entrust_secret": to(*SIDES, members=404),
    "take_back_secret": OWNER_ONLY,
    # Who only looks after cases is told that they hold no task; the sides, that it is their own case.
    "show_secret": to("arbitrator", *READERS, staff=404),
    **dict.fromkeys(("read_identity", "add_identity_document", "submit_identity"), MEMBER_ONLY),
    **dict.fromkeys(("download_identity_document", "remove_identity_document"), to("guarantor_own", members=404)),
    "withdraw_identity": to("guarantor_own", members=404),
    **dict.fromkeys(("read_identity_review", "download_reviewed_document"), to("kyc_officer")),
    **dict.fromkeys(("read_balance", "list_balance_entries"), MEMBER_ONLY),
    "apply_for_credit": MEMBER_ONLY,
    **dict.fromkeys(("claim_task", "release_task", "decide_task"), HOLDS_THE_TASK),
    "decide_tasks": to(*STAFF),
    "withdraw_application": to("member_own", members=404),
    "list_certificates": to("hr_own", "auditor"),
    "revoke_certificate": to("hr_own"),
    **dict.fromkeys(("add_organisation", "add_contract", "change_contract"), to("contracts_officer")),
    **dict.fromkeys(("propose_policy", "decide_policy"), to("policy_admin")),
    "propose_staff": to("operator"),
    "propose_role": to("operator"),
    "propose_reset": to("operator"),
    "read_staff": to(*READERS),
    "disable_staff": to("operator"),
    "resend_staff_link": to("operator"),
    "open_staff_link": PUBLIC,
    "set_up_staff": PUBLIC,
    "draw_totp_key": to(*STAFF),
    "change_staff_credentials": to(*STAFF),
    "revoke_role": to("operator"),
    "list_payments": MEMBER_ONLY,
    "read_payment": to("member_own", *READERS, members=404, staff=404),
    "list_payment_gateways": MEMBER_ONLY,
    "try_payment": to("member_own", members=404),
    "look_at_payment": to("member_own", members=404),
    "call_back": PUBLIC,
    "reveal_return_sheba": to("settlement_officer"),
    "sign_out": ALL_SIGNED_IN,
}
# The role is right, the object is another organisation's: as good as missing.
OUT_OF_SCOPE = {
    ("list_personnel_imports", "hr_other"),
    ("read_personnel_import", "hr_other"),
    ("list_import_refusals", "hr_other"),
    ("download_import_report", "hr_other"),
    ("import_personnel", "hr_other"),
    *(
        (operation, "hr_other_region")
        for operation in (
            *("list_personnel_imports", "read_personnel_import", "list_import_refusals", "download_import_report"),
            *("import_personnel", "search_employments", "correct_employment", "list_certificates"),
            "revoke_certificate",
        )
    ),
    ("list_certificates", "hr_region"),
    ("revoke_certificate", "hr_region"),
    ("search_employments", "hr_other"),
    ("correct_employment", "hr_other"),
    ("forward_mobile_change", "welfare_other"),
    ("list_certificates", "hr_other"),
    ("revoke_certificate", "hr_other"),
    # Who is no side of a case has no case of their own there.
    ("show_secret", "member_foreign"),
}

HOLDS_THE_REVIEW = to("finance_own", members=404, staff=404)
HOLDS_THE_IDENTITY = to("kyc_officer", members=404, staff=404)
ASKED = to("guarantor_own", members=404, staff=404)
GUARANTEED: dict[str, Rule] = {
    "the case of a guarantee": to("guarantor_own", *SEES_THE_CASE.let_in, members=404, staff=404),
    "its timeline": to("guarantor_own", *SEES_THE_CASE.let_in, members=404, staff=404),
    "the task of a guarantor": ASKED,
    "a guarantor's code": to("guarantor_own", members=404),
    "a guarantor's answer": ASKED,
    "withdrawing it": to("member_own", members=404),
    "the case of a safe payment": to(*SIDES, *READERS, members=404, staff=404),
    "its files": to(*SIDES, *READERS, members=404, staff=404),
    "the task of who is asked": ASKED,
    "their answer": ASKED,
    "the case of a normal payment": to("member_own", "guarantor_own", *READERS, members=404, staff=404),
    "the task of a payee": ASKED,
    "a payee's answer": ASKED,
    "the case of an identity review": to("guarantor_own", "kyc_officer", *READERS, members=404, staff=404),
    "the task of its officer": HOLDS_THE_IDENTITY,
    "the officer's answer": HOLDS_THE_IDENTITY,
    "the case that finance reviews": to(
        "hr_own", "hr_region", "welfare_own", "finance_own", *READERS, members=404, staff=404
    ),
    "the review": HOLDS_THE_REVIEW,
    "claiming the review": HOLDS_THE_REVIEW,
    "finance's answer": HOLDS_THE_REVIEW,
}

# Why nobody succeeds here; each has tests of its own in which somebody does.
WITHOUT_SUCCESS = {
    **dict.fromkeys(("sign_in", "join", "confirm_email", "add_sheba", "renew_password"), "the code is a guess"),
    **dict.fromkeys(("step_up", "reveal_card", "withdraw"), "the code is a guess"),
    **dict.fromkeys(("download_payout", "send_payout_answer", "settle_payout_line"), "the bank never got the batch"),
    **dict.fromkeys(("issue_payout_receipt", "issue_withdrawal_invoice"), "the bank has paid nothing"),
    "propose_escrow": "the payments are the whole price",
    **dict.fromkeys(("reveal_return_sheba", "reveal_bank_description"), "the office is asked nothing of the kind"),
    **dict.fromkeys(("release_escrow", "offer_split"), "the code is a guess"),
    **dict.fromkeys(("answer_split", "object_to_ruling"), "there is no offer, and no ruling"),
    "decline_job": "it was accepted",
    "submit_identity": "one is under review, and nobody else has what a form needs",
    "request_own_mobile": "every member there has an employer",
    "open_mobile_change": "every member there has an employer",
    "confirm_own_mobile": "the codes are guesses",
    "sign_in_with_password": "the password is a guess",
    "sign_in_staff": "the password is a guess",
    "open_staff_link": "the token is a guess",
    "set_up_staff": "the token is a guess",
    "change_staff_credentials": "the password is a guess",
    "apply_for_credit": "the mandate's code is a guess",
    "correct_application": "no correction is asked for",
    "request_substitution": "one is open already",
}
# Not asked at a door: a stream that does not end, of which the next test asks those who are refused; and what only
# machines ask, over HTTP.
NO_ANSWERS = {"http": {"watch_case"}, "functions": {"watch_case", "read_liveness", "read_readiness"}}


def expected(operation: str, who: str) -> set[int]:
    """The statuses that somebody may get from an operation."""
    if (operation, who) in OUT_OF_SCOPE:
        return {404}
    return allowed(MATRIX[operation], who)


def allowed(rule: Rule, who: str) -> set[int]:
    """The statuses that somebody may get by a rule."""
    if rule.public:
        return LET_IN | {401}
    if who in NOBODY:
        return {401}
    if who in rule.let_in:
        return LET_IN
    return {rule.members if who in MEMBERS else rule.staff}
