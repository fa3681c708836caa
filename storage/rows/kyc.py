"""Identity reviews: pictures of documents, submissions, and confirmed identities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from messages.kyc import DocumentKind
from storage.rows.table import table


@dataclass(frozen=True, slots=True)
class IdentityDocument:
    """A picture that its person has taken; its content is in the store of files."""

    id: UUID
    person_id: UUID
    kind: DocumentKind
    size: int
    sha256: bytes = field(repr=False)
    file_key: str = field(repr=False)
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """What was submitted; ``number`` counts from 1 in its case, ``changed`` names what differs from the one before."""

    case_id: UUID
    number: int
    person_id: UUID
    level: str
    typed_sealed: bytes = field(repr=False)
    card_id: UUID
    sheba_id: UUID
    documents: Mapping[str, str]
    changed: Sequence[str]
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """That a person's identity is confirmed at a level, to a last day."""

    case_id: UUID
    person_id: UUID
    level: str
    policy_id: UUID
    accepted_at: datetime
    valid_until: date


identity_documents = table("identity_documents", IdentityDocument, removed_at=datetime | None)
kyc_submissions = table("kyc_submissions", Submission)
identities = table("identities", Identity, renewal_asked_at=datetime | None)
identity_waits = table("identity_waits", case_id=UUID, person_id=UUID, since=datetime)
