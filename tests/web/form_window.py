"""Windows without a browser, in which people send the forms of pages, and what they meet there is kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import httpx2

from activities.transition import ActivityContext
from commands.command import Context
from tests.account_people import sent_code
from tests.api.world import World
from tests.arrange import Arrange, Someone
from tests.books import Superuser
from tests.transitions import Transitions
from tests.web.conftest import HERE
from tests.web.page_forms import Button, PageForm, Pairs, read_page
from tests.web.visitor import SESSION_COOKIE
from web.app import page_addresses

# What is there for trying out, and has tests of its own.
TRIAL: Final = ("/developer", "/styleguide", "/bank")
DECISION: Final = "/tasks/{task_id}/decision"
# No more pages of one route are looked at in one walk: they have the same forms.
_MOST_OF_A_ROUTE: Final = 2
_REDIRECTS: Final = 4


class Kind(NamedTuple):
    """A form as it is known: the route that it goes to, and what its button or its decision says."""

    address: str
    says: str


# What only opens a page with what was ticked.
_LEADS_ON: Final = {Kind("/inbox/bulk", "action=together")}


def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route)))


_ROUTES: Final = {
    method: [(route, _pattern(route)) for route in sorted(page_addresses(method), key=lambda route: route.count("{"))]
    for method in ("GET", "POST")
}


def route_of(method: str, path: str) -> str:
    """The route of an address, as it is written; empty for none."""
    plain = path.partition("?")[0]
    return next((route for route, pattern in _ROUTES[method] if pattern.fullmatch(plain)), "")


def _kind_of(form: PageForm, button: Button) -> Kind:
    """What a form is known as; of several deeds at one route each is another form."""
    deed = button.action.partition("?")[0].rpartition("/")[2]
    return Kind(route_of("POST", button.action).replace("{deed}", deed), form.says(button))


@dataclass(slots=True)
class Desk:
    """Where the forms are sent, and which there were."""

    site: httpx2.AsyncClient
    world: World
    context: Context
    activity_context: ActivityContext
    arrange: Arrange
    superuser: Superuser
    met: dict[Kind, str] = field(default_factory=dict)
    sent: set[Kind] = field(default_factory=set)
    # Each as a pair of the kind of task and the decision.
    decided: set[tuple[str, str]] = field(default_factory=set)

    @property
    def transitions(self) -> Transitions:
        """Of all processes."""
        return Transitions(self.activity_context)

    def of(self, who: Someone | str | None = None) -> Window:
        """A window of somebody, by name if they belong to the world; of nobody if left out."""
        someone = self.world.people[who] if isinstance(who, str) else who
        window = Window(self, someone, httpx2.AsyncClient(transport=self.site._transport, base_url=self.site.base_url))
        if someone is not None:
            window.client.cookies.set(SESSION_COOKIE, someone.token, domain="amanat.test")
        return window

    async def task(self, case_id: object, kind: str) -> str:
        """The address of a case's open task."""
        sql = "SELECT id FROM tasks WHERE case_id = %s AND kind = %s AND status = 'open'"
        ((task_id,),) = await self.superuser.rows(sql, case_id, kind)
        return f"/tasks/{task_id}"

    async def walk(self, who: str | None) -> None:
        """Follow the links of somebody's pages from the first one on."""
        window, to_see, seen, often = self.of(who), ["/"], set[str](), Counter[str]()
        while to_see:
            path = to_see.pop(0)
            route = route_of("GET", path)
            if path in seen or not route or often[route] >= _MOST_OF_A_ROUTE or path.startswith(TRIAL):
                continue
            seen.add(path)
            often[route] += 1
            if await window.look(path):
                to_see += [link.partition("#")[0] for link in window.links if link.startswith("/")]


@dataclass(slots=True)
class Window:
    """Somebody's window: the page that is open, with its forms."""

    desk: Desk
    someone: Someone | None
    client: httpx2.AsyncClient
    path: str = ""
    html: str = ""
    forms: list[PageForm] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    async def look(self, path: str) -> bool:
        """Open a page; whether it is theirs to see."""
        answer = await self.client.get(path)
        for _ in range(_REDIRECTS):
            if answer.status_code != 303:
                break
            path = answer.headers["Location"]
            answer = await self.client.get(path)
        assert answer.status_code in {200, 403, 404}, (path, answer.status_code)
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            self._show(path, answer.text)
            return True
        return False

    async def go(self, path: str) -> Window:
        """Open a page that is theirs."""
        assert await self.look(path), path
        return self

    def _show(self, path: str, html: str) -> None:
        self.path, self.html = path, html
        self.forms, self.links = read_page(path, html)
        for form in self._posted():
            for button in form.buttons:
                self.desk.met.setdefault(_kind_of(form, button), path)

    def _posted(self) -> list[PageForm]:
        return [form for form in self.forms if form.method == "post"]

    def hidden(self, name: str) -> str:
        """What the page put into a hidden field of one of its forms; empty if none has it."""
        return next((value for form in self.forms if (value := form.hidden(name))), "")

    def _find(self, kind: Kind, about: str) -> tuple[PageForm, Button]:
        """The first form of a kind on the page whose address or hidden fields name what it is about."""
        for form in self._posted():
            for button in form.buttons:
                hidden = [one.value for one in form.fields if one.kind == "hidden"]
                if _kind_of(form, button) == kind and (not about or about in button.action or about in hidden):
                    return form, button
        raise AssertionError((kind, "is not on", self.path, [one.action for one in self.forms]))

    async def send(
        self, address: str, says: str = "", /, *, naming: str = "", file: str | bytes = "", **typed: str
    ) -> Window:
        """Send a form of the page as a browser would, and see what follows.

        Codes are typed from the SMS or the app unless given. ``__`` in a name stands for a dot.

        Args:
            address: the route that the form is sent to.
            says: what its button or its decision says.
            naming: an id in its address or a hidden field, where the page has several of it.
            file: what stands in the file that is chosen, where it takes one.
            **typed: into which field; ``*`` chooses the first of several.
        """
        kind = Kind(address, says)
        form, button = self._find(kind, naming)
        given = {name.replace("__", "."): value for name, value in typed.items()}
        pairs = form.filled(button, await self._codes(form) | given)
        await self._send_half(kind, form, button, given)
        before = await self._done()
        answer = await self._post(button, pairs, file)
        assert answer.status_code in {200, 303}, (kind, pairs, answer.status_code, _problems(answer.text))
        self.desk.sent.add(kind)
        await self._note_decision(form)
        if answer.status_code == 303:
            # What was asked was done, under the form's key.
            is_done = not form.hidden("key") or kind in _LEADS_ON or await self._done() > before
            assert is_done, (kind, "did nothing")
            await self._follow(kind, answer.headers["Location"])
        else:
            self._show(button.action, answer.text)
        return self

    async def _post(self, button: Button, pairs: Pairs, file: str | bytes = "") -> httpx2.Response:
        """Send values, as often as one likes."""
        await self.desk.superuser.run("DELETE FROM rate_windows")
        if file:
            content = file if isinstance(file, bytes) else file.encode()
            files = {"file": ("people.csv", content, "text/csv")}
            return await self.client.post(button.action, data=dict(pairs), files=files, headers=HERE)
        headers = {**HERE, "Content-Type": "application/x-www-form-urlencoded"}
        return await self.client.post(button.action, content=urlencode(pairs), headers=headers)

    async def _send_half(self, kind: Kind, form: PageForm, button: Button, typed: Mapping[str, str]) -> None:
        """Send a form with its first field left empty: it is refused, and comes back with all else as it was typed."""
        left = next((name for name in typed if form.requires(name)), "")
        kept = {name: form.wanted(name, typed[name]) for name in typed if name != left and form.keeps(name)}
        # A step with a draft keeps the half too, and knows another page then.
        if not left or not kept or not button.looks or form.hidden("seen"):
            return
        answer = await self._post(button, form.filled(replace(button, looks=False), {**typed, left: ""}))
        assert answer.status_code == 422, (kind, "without", left, answer.status_code)
        forms, _ = read_page(self.path, answer.text)
        again = next(one for one in forms if any(_kind_of(one, button) == kind for button in one.buttons))
        assert {name: again.holds(name) for name in kept} == kept, (kind, "without", left)

    async def decide(self, says: str, /, **typed: str) -> Window:
        """Decide the task that is open; where a summary of it comes first, or after, it is confirmed."""
        task = self.path.partition("?")[0]
        for form in self.forms:
            if form.method == "get" and form.hidden("decision") == says:
                await self.go(f"{form.action}?{urlencode(form.filled(form.buttons[0], {}))}")
        await self.send(DECISION, says, **typed)
        if any(form.action.startswith(task) and form.hidden("decision") == says for form in self.forms):
            await self.send(DECISION, says)
        assert await self.desk.superuser.value("SELECT status FROM tasks WHERE id = %s", task.split("/")[2]) == "done"
        return self

    async def _codes(self, form: PageForm) -> dict[str, str]:
        """The codes that the form asks for, as they were sent or as the app shows them."""
        codes = {}
        for one in form.fields:
            if one.kind == "hidden":
                continue
            if one.name == "totp" and self.someone is not None and self.someone.totp:
                codes["totp"] = self.someone.totp
            elif one.name.rpartition(".")[2] == "code":
                code_id = form.hidden(f"{one.name}_id") or form.hidden("challenge_id")
                codes[one.name] = await sent_code(self.desk.context, UUID(code_id))
        return codes

    async def _note_decision(self, form: PageForm) -> None:
        if form.hidden("decision"):
            task_id = form.action.split("/")[2]
            kind = str(await self.desk.superuser.value("SELECT kind FROM tasks WHERE id = %s", task_id))
            self.desk.decided.add((kind, form.hidden("decision")))

    async def _done(self) -> int:
        """How much was done so far by anybody under the key of a form."""
        return int(await self.desk.superuser.value("SELECT count(*) FROM idempotency"))

    async def _follow(self, kind: Kind, location: str) -> None:
        """See the page that a form leads to: neither a sign-in that is over nor a code that is needed first."""
        query = dict(parse_qsl(location.partition("?")[2]))
        assert not location.startswith("/confirm") or "code_id" in query or kind.address == "/confirm", location
        assert not location.startswith(("/sign-in?next", "/sign-in/staff?next")), location
        await self.go(location)


def _problems(html: str) -> list[str]:
    """What a page says is wrong."""
    found = re.search(r'class="problems".*?</ul>', html, re.DOTALL)
    text = html[html.find("<main") :] if found is None else found[0]
    return [line.strip() for line in unescape(re.sub(r"<[^>]+>", "", text)).splitlines() if line.strip()][:8]
