"""How a deduction mandate is accepted, by applicants and by guarantors (A2)."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from api.values import Input


class MandateAcceptance(Input):
    """The fresh code with which the member accepted the mandate for exactly these terms (A2)."""

    version: int = Field(strict=True, ge=1, examples=[1])
    code_id: UUID
    code: str = Field(max_length=32, examples=["482913"])
