"""Files of a case: what each is by its content, what it is called, and who adds some (G7)."""

from __future__ import annotations

import pytest

from domain.access import Grant, Role, ScopeKind
from domain.attachment import LOOKED_AT, AttachmentRules, FileNotAccepted, MediaType, name_as, recognise
from domain.file_name import MAX_FILE_NAME
from domain.persian import ZWNJ
from messages.attachment import Purpose
from messages.case import CaseKind
from tests.files_made import HTML, PDF, SVG, archive, picture

RULES = AttachmentRules(CaseKind.ONBOARDING, (Purpose.SIGNED_REQUEST,), frozenset({Role.WELFARE_MANAGER}))


def kind_of(content: bytes) -> MediaType:
    """As what a file would be kept."""
    return recognise(content[:LOOKED_AT], content[-LOOKED_AT:])


@pytest.mark.parametrize(
    ("content", "kept_as"),
    [
        (PDF, MediaType.PDF),
        (PDF.replace(b"1.7", b"2.0") + b"\r\n\0", MediaType.PDF),
        (picture("JPEG"), MediaType.JPEG),
        (picture("PNG"), MediaType.JPEG),
        (picture("WEBP"), MediaType.JPEG),
    ],
)
def test_a_file_is_what_its_content_says(content: bytes, kept_as: MediaType) -> None:
    assert kind_of(content) is kept_as


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SVG,
        HTML,
        archive(),
        picture("GIF"),
        picture("BMP"),
        b"MZ\x90\x00" + PDF,
        # What some readers of PDF would take all the same, and browsers may take for a page.
        HTML + PDF,
        b"\n" + PDF,
        PDF[:-7],
        PDF + HTML,
        PDF + archive(),
        b"%PDF-9.9\n%%EOF",
        b"RIFF\0\0\0\0WAVEfmt ",
    ],
)
def test_what_is_of_no_accepted_type_or_two_things_at_once_is_refused(content: bytes) -> None:
    with pytest.raises(FileNotAccepted):
        kind_of(content)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("درخواست.pdf", "درخواست.pdf"),
        (f"نامه{ZWNJ}ها.PDF", f"نامه{ZWNJ}ها.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\maryam\\scan.png", "scan.pdf"),
        ("invoice.exe", "invoice.pdf"),
        ("\u202efdp.exe", "fdp.pdf"),
        ('a"; filename="evil.html\r\nX: y.pdf', 'a"; filename="evil.html X: y.pdf'),
        (".htaccess", "file.pdf"),
        ("..", "file.pdf"),
        ("", "file.pdf"),
        ("dir/", "file.pdf"),
    ],
)
def test_a_name_loses_its_directory_and_marks_and_gets_the_ending_of_what_the_file_is(given: str, shown: str) -> None:
    assert name_as(given, MediaType.PDF) == shown


def test_a_long_name_is_cut_before_its_ending() -> None:
    name = name_as("x" * 500 + ".png", MediaType.JPEG)
    assert len(name) == MAX_FILE_NAME
    assert name.endswith("x.jpg")


@pytest.mark.parametrize(
    ("grant", "may_add"),
    [
        (Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, "o-1"), True),
        (Grant(Role.WELFARE_MANAGER, ScopeKind.REGION, "1101"), True),
        (Grant(Role.WELFARE_MANAGER, ScopeKind.ORGANISATION, "o-2"), False),
        (Grant(Role.WELFARE_MANAGER, ScopeKind.REGION, "2201"), False),
        (Grant(Role.HR_OFFICER, ScopeKind.ORGANISATION, "o-1"), False),
        (Grant(Role.OPERATOR, ScopeKind.PLATFORM), False),
    ],
)
def test_staff_add_files_by_a_role_to_whose_scope_the_case_belongs(grant: Grant, may_add: bool) -> None:
    assert (RULES.role_of([grant], "1101", "o-1") is not None) is may_add
