"""Which fields of requests take a secret or personal data, by rule; what was sent in them, and what was answered (G1).

The rule reads the API's own document: a field that a later capability adds is found without a word here, and fails the
canary until a scene feeds it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final

import httpx2

from domain.draft import is_secret
from storage.sealing import Cipher, SealBroken
from tests.canary import PERSONAL, Item, Kind, Marks

# By the last word of a field's name: what ``domain.draft`` keeps nowhere, and what is called like it.
_KINDS: Final[Mapping[str, Kind]] = {
    "password": Kind.PASSWORD,
    "again": Kind.PASSWORD,
    "code": Kind.CODE,
    "totp": Kind.CODE,
    "token": Kind.TOKEN,
    "ticket": Kind.TOKEN,
    "invitation": Kind.TOKEN,
    "secret": Kind.KEY,
    "mobile": Kind.MOBILE,
    "email": Kind.EMAIL,
    "sheba": Kind.SHEBA,
    "iban": Kind.SHEBA,
    "card": Kind.CARD,
    "site": Kind.SITE,
}
# By the whole name, where its last word says too little.
_NAMES: Final[Mapping[str, Kind]] = {
    "user_name": Kind.USER_NAME,
    "totp_key": Kind.KEY,
    "national_id": Kind.NATIONAL_ID,
    "number": Kind.SHEBA,
    "card_number": Kind.CARD,
}
_CARDS: Final = frozenset({"add_card.number"})
# What is called like a secret and is none, and why; an operation's name stands before a field that is so there alone.
NO_SECRET: Final[Mapping[str, str]] = {
    "region_code": "the public code of a region",
    "add_organisation.code": "the public short name of an organisation",
    "add_contract.number": "of a contract, as both sides write it on paper",
}
_METHODS: Final = frozenset({"get", "put", "post", "delete", "patch"})
_IDS: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEPT: Final = re.compile(r"__Host-(form|asked)")
_SIGNED_IN: Final = frozenset({Kind.TOKEN})
_NEW_KEY: Final = frozenset({Kind.TOKEN, Kind.KEY})
_SHOWN: Final = frozenset({Kind.PASSWORD, Kind.USER_NAME, Kind.SITE})
# What an answer is there to give; pages by their addresses, ids written as a star.
GIVES: Final[Mapping[str, frozenset[Kind]]] = {
    "sign_in": _SIGNED_IN,
    "sign_in_staff": _SIGNED_IN,
    "sign_in_with_password": _SIGNED_IN,
    "join": _SIGNED_IN,
    "open_staff_link": _NEW_KEY,
    "draw_totp_key": _NEW_KEY,
    "read_profile": frozenset({Kind.EMAIL}),
    "read_identity_review": frozenset({Kind.NATIONAL_ID}),
    "reveal_return_sheba": frozenset({Kind.SHEBA}),
    "POST /sign-in/code": _SIGNED_IN,
    "POST /sign-in/staff": _SIGNED_IN,
    "POST /sign-in/password": _SIGNED_IN,
    "POST /activate": _NEW_KEY,
    "POST /activate/set-up": _NEW_KEY,
    "GET /staff-account/key": _NEW_KEY,
    "POST /staff-account/key": _NEW_KEY,
    "GET /profile": frozenset({Kind.EMAIL}),
    "GET /profile/email": frozenset({Kind.EMAIL}),
}


@dataclass(frozen=True, order=True, slots=True)
class Field:
    """A field of a request; ``path`` names it from the operation on, ``where`` says in which part of the request."""

    operation: str
    where: str
    path: str
    kind: Kind

    @property
    def name(self) -> str:
        """As a failure names it."""
        return f"{self.operation}.{self.path}" + ("" if self.where == "body" else f" ({self.where})")


def kind_of(operation: str, path: str) -> Kind | None:
    """What a field takes, by its name; None for what is no secret."""
    name = path.rpartition(".")[2].lower().replace("-", "_")
    if name in NO_SECRET or f"{operation}.{path}" in NO_SECRET:
        return None
    if f"{operation}.{path}" in _CARDS:
        return Kind.CARD
    kind = _NAMES.get(name) or _KINDS.get(name.rpartition("_")[2])
    return Kind.TOKEN if kind is None and is_secret(name) else kind


def takes(document: Mapping[str, Any]) -> set[Field]:
    """Every field of the document's operations that takes a secret or personal data."""
    return {
        Field(operation["operationId"], where, path, kind)
        for operation in _operations(document)
        for where, path in _texts_of(document, operation)
        if (kind := kind_of(operation["operationId"], path)) is not None
    }


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from (operation for method, operation in methods.items() if method in _METHODS)


def _texts_of(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a request may hold text: the part of it, and the path."""
    for parameter in operation.get("parameters", []):
        if any(leaf.get("type") == "string" for _, leaf in _leaves(document, parameter["schema"])):
            yield parameter["in"], parameter["name"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for path, leaf in _leaves(document, content.get("schema", {})):
            if path and leaf.get("type", "string") == "string":
                yield "body", path


def _leaves(
    document: Mapping[str, Any], schema: Mapping[str, Any], path: str = "", within: tuple[str, ...] = ()
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The parts of a schema that hold no others, each with its path; what is in a list has the path of the list."""
    reference = schema.get("$ref", "")
    if reference in within:
        return
    if reference:
        named = document["components"]["schemas"][reference.rpartition("/")[2]]
        yield from _leaves(document, named, path, (*within, reference))
        return
    inner = [(path, part) for name in ("oneOf", "anyOf", "allOf") for part in schema.get(name, [])]
    inner += [(f"{path}.{name}" if path else name, part) for name, part in schema.get("properties", {}).items()]
    inner += [(path, schema["items"])] if "items" in schema else []
    if isinstance(more := schema.get("additionalProperties"), dict):
        inner.append((f"{path}.*" if path else "*", more))
    if not inner:
        yield path, schema
    for deeper, part in inner:
        yield from _leaves(document, part, deeper, within)


def planted(body: Any, marks: Marks, operation: str, path: str = "") -> Any:
    """A body in which each text of a field that takes a secret has become a fresh mark."""
    if isinstance(body, dict):
        return {
            name: planted(part, marks, operation, f"{path}.{name}" if path else name) for name, part in body.items()
        }
    if isinstance(body, list):
        return [planted(part, marks, operation, path) for part in body]
    kind = kind_of(operation, path) if isinstance(body, str) else None
    return body if kind is None else marks.new(kind, f"{operation}.{path}")


def _given(body: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The texts of a body with their paths."""
    if isinstance(body, dict):
        for name, part in body.items():
            yield from _given(part, f"{path}.{name}" if path else name)
    elif isinstance(body, list):
        for part in body:
            yield from _given(part, path)
    elif isinstance(body, str):
        yield path, body


@dataclass(frozen=True, slots=True)
class _Route:
    name: str
    method: str
    address: re.Pattern[str]
    header_fields: tuple[str, ...]

    def given(self, request: httpx2.Request) -> Iterator[tuple[str, str, str]]:
        """What a request gives, by part and path."""
        match = self.address.fullmatch(request.url.path)
        yield from (("path", name, value) for name, value in ({} if match is None else match.groupdict()).items())
        yield from (("query", name, value) for name, value in request.url.params.multi_items())
        yield from (("header", name, request.headers[name]) for name in self.header_fields if name in request.headers)
        if request.headers.get("content-type", "").startswith("application/json"):
            yield from (("body", path, text) for path, text in _given(json.loads(request.content or b"null")))


@dataclass(slots=True)
class Heard:
    """Every request and answer of a client: which fields got a mark, and what was answered."""

    document: Mapping[str, Any]
    marks: Marks
    cipher: Cipher
    fed: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    items: list[Item] = field(default_factory=list)
    _routes: list[_Route] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Know every operation by its address."""
        for path, methods in self.document["paths"].items():
            address = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
            for method, operation in methods.items():
                named = tuple(each["name"] for each in operation.get("parameters", []) if each["in"] == "header")
                self._routes.append(_Route(operation["operationId"], method.upper(), address, named))

    async def hear(self, answer: httpx2.Response) -> None:
        """Note a request and its answer."""
        await answer.aread()
        request = answer.request
        route = next((one for one in self._routes if self._is_of(one, request)), None)
        if route is not None:
            # As a field's name has no number of a list, so has it none here.
            sent = {
                Field(route.name, where, path, self.marks.made[text].kind).name
                for where, path, text in route.given(request)
                if text in self.marks.made
            }
            self.fed |= sent
            self.taken |= sent if answer.is_success else set()
        page = f"{request.method} {_IDS.sub('*', request.url.path)}"
        self._keep(page if route is None else route.name, answer)

    @staticmethod
    def _is_of(route: _Route, request: httpx2.Request) -> bool:
        return route.method == request.method and route.address.fullmatch(request.url.path) is not None

    def _keep(self, name: str, answer: httpx2.Response) -> None:
        place = f"answer {answer.status_code} of {name}"
        gives = GIVES.get(name, frozenset()) | _shown_once(name, answer)
        # A form comes back to who typed it, and so does what was kept of it; in no head, and without what is secret.
        is_form = name.startswith("POST /") or name == "GET /resume"
        head = "\n".join(f"{field}: {value}" for field, value in answer.headers.multi_items())
        self.items.append(Item(f"the head of {place}", head.encode(), gives))
        self.items.append(Item(place, answer.content, gives | (PERSONAL if is_form else frozenset())))
        self.items += self.kept_in(place, answer)

    def kept_in(self, place: str, answer: httpx2.Response) -> Iterator[Item]:
        """What a browser is to keep, opened: sealed it may be personal, never secret."""
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if (kept := _KEPT.fullmatch(name)) and morsel.value:
                    try:
                        sealed = base64.urlsafe_b64decode(morsel.value.encode())
                        content = zlib.decompress(self.cipher.open(sealed, f"kept.{kept[1]}"))
                    except (SealBroken, binascii.Error) as error:
                        raise AssertionError(f"{name} of {place} is no cookie of ours") from error
                    yield Item(f"cookie {name} of {place}", content, PERSONAL)


def _shown_once(name: str, answer: httpx2.Response) -> frozenset[Kind]:
    """What the one answer that shows a secret shows: not its repetition, and no page that may be kept."""
    if name == "show_secret" and answer.is_success and "Idempotent-Replayed" not in answer.headers:
        return _SHOWN
    is_page = name == "POST /cases/*/secrets/*" and answer.is_success and "Refresh" in answer.headers
    return _SHOWN if is_page else frozenset()


def unfed(document: Mapping[str, Any], fed: Iterable[str]) -> list[str]:
    """The fields that take a secret and got no mark."""
    return sorted({one.name for one in takes(document)} - set(fed))
