"""Files of a case (G7): of which types, how many, how they are called, who adds and sees them; refusals and words.

The bounds are constants and no policy: they keep the machine whole, and no office's terms depend on them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from domain.access import Grant, Role
from domain.account import Limit
from domain.errors import Conflict, InvalidInput, TooMany
from domain.file_name import MAX_FILE_NAME, clean_file_name
from domain.wording import CapabilityWords, Sentence
from messages.attachment import Purpose
from messages.case import CaseKind

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_FILES_OF_CASE: Final = 50
# Refused tries count too, so with the size of each it also bounds what comes in: a gigabyte a person and day.
FILES_PER_PERSON: Final = Limit("attachments", 100, timedelta(days=1))
# So long a file may be taken back that was the wrong one.
REMOVABLE: Final = timedelta(hours=1)
# Of the beginning and of the end of a file: so much is looked at.
LOOKED_AT: Final = 1024

_UNNAMED: Final = "file"


class MediaType(StrEnum):
    """As what files are kept and served; a picture of another type becomes a JPEG."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"


_SUFFIXES: Final = {MediaType.PDF: ".pdf", MediaType.JPEG: ".jpg"}
# What a file begins with that becomes one of these.
_BEGINNINGS: Final = (
    (re.compile(rb"%PDF-[12]\.[0-9]"), MediaType.PDF),
    (re.compile(rb"\xff\xd8\xff"), MediaType.JPEG),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), MediaType.JPEG),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), MediaType.JPEG),
)
_END_OF_PDF: Final = re.compile(rb"%%EOF[\s\0]*\Z")


class FileNotAccepted(InvalidInput):
    """The content is no whole PDF and no picture that can be drawn, whatever its name says."""

    code = "file_type_not_accepted"
    fa = "این فایل پذیرفته نمی‌شود؛ تصویر (JPEG یا PNG یا WebP) یا فایل PDF سالم بفرستید."
    en = "This file is not accepted; send a picture (JPEG, PNG or WebP) or a sound PDF."


class PictureTooLarge(InvalidInput):
    """A picture has more pixels than are drawn here, or needs too much to be drawn."""

    code = "picture_too_large"
    fa = "ابعاد این تصویر بیش از اندازه است؛ تصویر کوچک‌تری بفرستید."
    en = "This picture has too many pixels; send a smaller one."


class FilesOverQuota(TooMany):
    """The person has sent as many files as one may in a day."""

    code = "files_over_quota"
    fa = "امروز فایل‌های زیادی فرستاده‌اید؛ {wait} دوباره تلاش کنید."
    en = "You have sent many files today; please try again {wait_en}."


class CaseFull(Conflict):
    """The case has as many files as a case may have."""

    code = "case_files_full"
    fa = "این پرونده به اندازهٔ مجاز فایل دارد و فایل دیگری نمی‌گیرد."
    en = "This case has as many files as it may have."


class AttachmentStays(Conflict):
    """It is older than an hour, or somebody has acted in the case since: it may have been decided by."""

    code = "attachment_stays"
    fa = "این فایل دیگر برداشته نمی‌شود: بیش از یک ساعت گذشته یا پس از آن در پرونده کاری انجام شده است."
    en = "This file stays: more than an hour has passed, or somebody has acted in the case since."


class AttachmentUnreadable(Conflict):
    """The stored file is lost or damaged."""

    code = "attachment_unreadable"
    fa = "این فایل از دست رفته یا آسیب دیده است و باز نمی‌شود؛ لطفاً به پشتیبانی خبر دهید."
    en = "This file is lost or damaged and cannot be opened; please tell support."


@dataclass(frozen=True, slots=True)
class AttachmentRules:
    """Which files the open cases of a kind take, and from whom; who may add files sees all of them, later too.

    Args:
        kind: of the cases.
        purposes: what its files are for; the first is meant where none is named.
        staff_purposes: what the files of staff are for instead, which no member sees then.
        staff: the roles whose holders add files where the case is theirs by that role's scope; auditors only look.
        members: the parts in the case whose members add files.
        own_purposes: those of ``purposes`` that are taken for a time alone, and that of the members only who added
            them sees, with their part, until the case discloses them.
        readers: further roles whose holders look at the files of the cases that they see, and add none.
    """

    kind: CaseKind
    purposes: tuple[Purpose, ...]
    staff: frozenset[Role]
    members: frozenset[str] = field(default=frozenset())
    staff_purposes: tuple[Purpose, ...] = ()
    own_purposes: tuple[Purpose, ...] = ()
    readers: frozenset[Role] = field(default=frozenset())

    def purposes_by(self, part: str | None) -> tuple[Purpose, ...]:
        """What files are for that somebody in a part adds, members by their part in the case and staff by a role."""
        return self.purposes if part in self.members else self.staff_purposes or self.purposes

    def seen_with(self, purpose: Purpose, part: str) -> frozenset[str]:
        """The parts whose members see a file of a purpose that somebody in a part adds."""
        if purpose in self.own_purposes:
            return self.members & {part}
        return frozenset() if purpose in self.staff_purposes else self.members

    def role_of(self, grants: Collection[Grant], region: str | None, organisation: object | None) -> Role | None:
        """The role by which staff add files to a case of a region and an organisation, if they hold one."""
        scopes = {"", region, None if organisation is None else str(organisation)}
        return next((grant.role for grant in grants if grant.role in self.staff and grant.scope in scopes), None)


def recognise(beginning: bytes, end: bytes) -> MediaType:
    """As what a file will be kept, by its content.

    Raises:
        FileNotAccepted: it is of no accepted type, or a PDF that does not end as one.
    """
    for pattern, media_type in _BEGINNINGS:
        if pattern.match(beginning):
            if media_type is MediaType.PDF and not _END_OF_PDF.search(end):
                break
            return media_type
    raise FileNotAccepted(field="file")


def name_as(given: str, media_type: MediaType) -> str:
    """The name under which a file is shown: as it was given, cleaned, with the ending of what it really is."""
    suffix, (stem, dot, ending) = _SUFFIXES[media_type], clean_file_name(given).rpartition(".")
    kept = (stem if dot else ending).strip(". ")[: MAX_FILE_NAME - len(suffix)] or _UNNAMED
    return f"{kept}{suffix}"


WORDS: Final = CapabilityWords(
    terms={
        Purpose: {
            Purpose.SIGNED_REQUEST: Sentence("درخواست امضاشده", "Signed request"),
            Purpose.IDENTITY_PAPER: Sentence("مدرک هویتی", "Identity paper"),
            Purpose.SUPPORTING_PAPER: Sentence("مدرک", "Document"),
            Purpose.PAYMENT_RECEIPT: Sentence("رسید پرداخت", "Receipt of the payment"),
            Purpose.TRANSFER_EVIDENCE: Sentence("سند حوالهٔ بانکی", "Evidence of a transfer"),
            Purpose.WORK_FILE: Sentence("فایل کار", "File of the work"),
            Purpose.DISPUTE_EVIDENCE: Sentence("مدرک داوری", "Evidence in arbitration"),
        },
        MediaType: {MediaType.PDF: Sentence("فایل PDF", "PDF"), MediaType.JPEG: Sentence("تصویر", "picture")},
    }
)
