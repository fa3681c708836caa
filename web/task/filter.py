"""Which tasks an inbox shows: read from the address, kept in it, and kept while one task after another is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from api.inbox import TaskOut
from api.task import list_tasks
from api.values import DueAfter, Page
from domain.persian import latin_digits
from web.page_request import PageRequest

# What a form keeps of the address that it was opened from: room for every filter and no more.
_WITHIN_MAX: Final = 200
_REGION: Final = 4
_NEXT_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tasks are looked at; empty for all of them."""

    kind: str = ""
    region_code: str = ""
    late: bool = False
    mine: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """As an address says; digits may be Persian."""
        return cls(
            kind=query.get("kind", "").strip(),
            region_code=latin_digits(query.get("region_code", "")).strip()[:_REGION],
            late=query.get("late") == "true",
            mine=query.get("mine") == "true",
        )

    @classmethod
    def within(cls, kept: str) -> Self:
        """As a form kept it."""
        return cls.of(dict(parse_qsl(kept[:_WITHIN_MAX])))

    @property
    def is_region(self) -> bool:
        """Whether the region is one that can be asked for: none, or a whole code."""
        return not self.region_code or (len(self.region_code) == _REGION and self.region_code.isdigit())

    @property
    def query(self) -> str:
        """As an address keeps it: what comes after the question mark."""
        given = {
            "kind": self.kind,
            "region_code": self.region_code,
            "late": "true" if self.late else "",
            "mine": "true" if self.mine else "",
        }
        return urlencode({name: value for name, value in given.items() if value})

    async def find(self, request: PageRequest, after: DueAfter, *, limit: int) -> Page[TaskOut]:
        """The tasks that pass it."""
        return await request.api.read(
            list_tasks,
            after=after,
            kind=self.kind or None,
            region_code=self.region_code or None,
            late=self.late or None,
            mine=self.mine,
            limit=limit,
        )

    def at(self, path: str) -> str:
        """A path with this filter."""
        return f"{path}?{self.query}" if self.query else path

    async def next_task(self, request: PageRequest, after: UUID) -> UUID | None:
        """The most urgent open task but one that the user may take up: theirs, or nobody's."""
        found = await self.find(request, None, limit=_NEXT_MAX)
        free = (task for task in found.items if task.claimed_by_me or task.claimed_by is None)
        return next((task.id for task in free if task.id != after), None)
