"""``./amanat processes``: write docs/processes.md, a picture of each process made from its declaration."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import typer

from messages.case import OVER
from messages.queue import Queue
from stack.places import PROJECT
from workflows.case import CaseWorkflow
from workflows.registry import WORKFLOWS

app = typer.Typer(add_completion=False)
DOCUMENT = PROJECT / "docs" / "processes.md"
_HEAD = """# The processes

Made from the code by `./amanat processes`; a test fails when the two differ, when a stored history takes an arrow that
is not drawn, or when an arrow is drawn that no stored history takes. A box is a step that the machine takes; between
two steps it waits for those who were asked, or for a deadline of its own. It looks first at what people did. A step
marked as outside speaks to a gateway or to the file store, and is tried again until that answers or its time is over.
"""


@app.command()
def processes() -> None:
    """Write docs/processes.md anew; a test fails when it differs from the code."""
    DOCUMENT.write_text(describe(), encoding="utf-8")
    typer.echo(f"wrote {DOCUMENT.relative_to(PROJECT)}")


def describe() -> str:
    """All processes, in Markdown."""
    described = ("\n".join(describe_process(process)) for process in dict.fromkeys(WORKFLOWS.values()))
    return "\n".join((_HEAD, *described))


def describe_process(process: type[CaseWorkflow]) -> Iterator[str]:
    """One of them, line by line."""
    module = inspect.getmodule(process)
    story = (inspect.getdoc(module) or "").strip()
    yield f"## {', '.join(f'`{kind}`' for kind in process.kinds)}\n\n{story}\n"
    yield "```mermaid\nstateDiagram-v2"
    yield f"    [*] --> {next(iter(process.steps))}"
    for name, step in process.steps.items():
        if step.queue is Queue.OUTSIDE:
            yield f"    {name}: {name} (outside)"
    for name, step in process.steps.items():
        for after, reason in step.then.items():
            yield f"    {name} --> {'[*]' if after == OVER else after}: {reason}"
    yield "```\n\n| step | asks | silence |\n| --- | --- | --- |"
    for name, step in process.steps.items():
        yield f"| `{name}` | {step.asks or 'nobody'} | {step.silence or 'is not waited for'} |"
    yield "\n| signal | says |\n| --- | --- |"
    for name, sentence in process.signals.items():
        yield f"| `{name}` | {sentence} |"
    yield ""
