"""Which files, words and secrets a safe payment takes, and from whom (docs/rules.md, E3, E5, F2, G7)."""

from __future__ import annotations

from typing import Final

from domain.access import Part, Role
from domain.attachment import AttachmentRules
from domain.correspondence import CorrespondenceRules
from domain.vault import SecretRules
from messages.attachment import Purpose
from messages.case import CaseKind
from messages.escrow import TaskKind

# What shows the work is for both at once; evidence only as long as both file it, and for its own side until then: so a
# file is meant as evidence meanwhile, unless its side says that the other one sees it at once.
ATTACHMENTS: Final = AttachmentRules(
    CaseKind.ESCROW,
    (Purpose.DISPUTE_EVIDENCE, Purpose.WORK_FILE),
    staff=frozenset(),
    members=frozenset({Part.EMPLOYER, Part.CONTRACTOR}),
    own_purposes=(Purpose.DISPUTE_EVIDENCE,),
    readers=frozenset({Role.ARBITRATOR, Role.OPERATOR}),
)
# Each side writes to the arbitrator who holds the case, apart from the other side.
CORRESPONDENCE: Final = CorrespondenceRules(
    CaseKind.ESCROW,
    dict.fromkeys((Part.EMPLOYER, Part.CONTRACTOR), frozenset({Role.ARBITRATOR})),
    held_only=True,
)
# What shows the work may lie behind a sign-in: a side entrusts it to the arbitrator, and to nobody else.
SECRETS: Final = SecretRules(CaseKind.ESCROW, TaskKind.RULE_DISPUTE, frozenset({Part.EMPLOYER, Part.CONTRACTOR}))
