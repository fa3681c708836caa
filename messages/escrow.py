"""What travels in a safe payment held in trust: phases, tasks, facts, events and steps (E1 to E6)."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a safe payment stands, as a clerk would say it; a dispute is a phase of it."""

    PROPOSED = "proposed"
    AWAITING_ACCEPTANCE = "awaiting_acceptance"
    AWAITING_FUNDING = "awaiting_funding"
    HELD = "held"
    DELIVERED = "delivered"
    REFUND_ASKED = "refund_asked"
    IN_DISPUTE = "in_dispute"
    AWAITING_ARBITRATOR = "awaiting_arbitrator"
    AWAITING_RULING = "awaiting_ruling"
    AWAITING_OBJECTION = "awaiting_objection"
    REFUNDING = "refunding"
    RELEASED = "released"
    REFUNDED = "refunded"
    SPLIT = "split"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class TaskKind(StrEnum):
    """What the two sides, arbitrators and the operations desk are asked to do."""

    ANSWER_ESCROW = "answer_escrow"
    FUND_ESCROW = "fund_escrow"
    INSPECT_WORK = "inspect_work"
    ANSWER_REFUND = "answer_refund"
    FILE_STATEMENT = "file_statement"
    RULE_DISPUTE = "rule_dispute"
    FIND_ARBITRATOR = "find_arbitrator"
    REVIEW_DORMANT_ESCROW = "review_dormant_escrow"


class FactKind(StrEnum):
    """What people did."""

    ESCROW_PROPOSED = "escrow_proposed"
    ESCROW_ACCEPTED = "escrow_accepted"
    ESCROW_DECLINED = "escrow_declined"
    ESCROW_WITHDRAWN = "escrow_withdrawn"
    ESCROW_WORK_DECLARED = "escrow_work_declared"
    ESCROW_RELEASED = "escrow_released"
    ESCROW_REFUND_ASKED = "escrow_refund_asked"
    ESCROW_REFUND_AGREED = "escrow_refund_agreed"
    ESCROW_REFUND_DECLINED = "escrow_refund_declined"
    ESCROW_DISPUTE_OPENED = "escrow_dispute_opened"
    ESCROW_DISPUTE_WITHDRAWN = "escrow_dispute_withdrawn"
    ESCROW_STATEMENT_FILED = "escrow_statement_filed"
    ESCROW_SPLIT_OFFERED = "escrow_split_offered"
    ESCROW_SPLIT_ACCEPTED = "escrow_split_accepted"
    ESCROW_SPLIT_DECLINED = "escrow_split_declined"
    ESCROW_ARBITRATOR_CLAIMED = "escrow_arbitrator_claimed"
    ESCROW_ARBITRATOR_RECUSED = "escrow_arbitrator_recused"
    ESCROW_ARBITRATOR_SOUGHT = "escrow_arbitrator_sought"
    ESCROW_RULED = "escrow_ruled"
    ESCROW_OBJECTED = "escrow_objected"
    ESCROW_DORMANCY_REVIEWED = "escrow_dormancy_reviewed"


class Event(StrEnum):
    """What the machine tells on the timeline, and in most cases by SMS."""

    ESCROW_UNANSWERED = "escrow_unanswered"
    ESCROW_UNFUNDED = "escrow_unfunded"
    ESCROW_FUNDED = "escrow_funded"
    ESCROW_NOT_INSPECTED = "escrow_not_inspected"
    ESCROW_AUTO_RELEASED = "escrow_auto_released"
    ESCROW_PAID_OVER = "escrow_paid_over"
    ESCROW_REFUND_BEGUN = "escrow_refund_begun"
    ESCROW_REFUND_UNANSWERED = "escrow_refund_unanswered"
    ESCROW_DORMANT = "escrow_dormant"
    ESCROW_EVIDENCE_CLOSED = "escrow_evidence_closed"
    ESCROW_ARBITRATOR_MISSING = "escrow_arbitrator_missing"
    ESCROW_ARBITRATOR_REPLACED = "escrow_arbitrator_replaced"
    ESCROW_RULING_FINAL = "escrow_ruling_final"
    ESCROW_ENDED = "escrow_ended"


class Sms(StrEnum):
    """Notices that have no name of a fact or event."""

    CREDITED = "escrow_credited"


class JobSide(StrEnum):
    """The two sides of a job, by their parts in its cases."""

    EMPLOYER = "employer"
    CONTRACTOR = "contractor"

    @property
    def other(self) -> JobSide:
        """The other one."""
        return JobSide.CONTRACTOR if self is JobSide.EMPLOYER else JobSide.EMPLOYER


class Step(StrEnum):
    """The steps of the process, in its order."""

    ASK_OTHER_SIDE = "ask_other_side"
    REQUEST_FUNDING = "request_funding"
    TAKE_FUNDS = "take_funds"
    HOLD_FUNDS = "hold_funds"
    PAY_OVER = "pay_over"
    REMIND_DORMANT = "remind_dormant"
    REQUEST_STATEMENTS = "request_statements"
    REQUEST_ARBITRATOR = "request_arbitrator"
    REQUEST_RULING = "request_ruling"
    AWAIT_OBJECTION = "await_objection"
    MAKE_FINAL = "make_final"
    UNFREEZE = "unfreeze"
    CLOSE_ESCROW = "close_escrow"
