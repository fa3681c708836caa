"""What travels of the files of a case (G7): what each is for."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """What a file shows."""

    SIGNED_REQUEST = "signed_request"
    IDENTITY_PAPER = "identity_paper"
    SUPPORTING_PAPER = "supporting_paper"
    PAYMENT_RECEIPT = "payment_receipt"
    TRANSFER_EVIDENCE = "transfer_evidence"
    WORK_FILE = "work_file"
    DISPUTE_EVIDENCE = "dispute_evidence"
