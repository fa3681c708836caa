"""The commands of ``./amanat``."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
import traceback
from typing import Annotated, Final, NoReturn

import typer

from stack.places import CliError, Places

# Commands with a module of their own, each holding a typer application called ``app``. They are imported
# when they are called, so that a slow or broken one costs the others nothing.
DELEGATED: Final = {
    "demo": ("demo.story", "Play a whole case from file to usable credit, and show what happened."),
    "staff": ("cli.staff", "Make and change staff accounts."),
    "import": ("cli.import_", "Import a personnel file."),
    "audit": ("cli.audit", "Verify the audit chains."),
    "ledger": ("cli.ledger", "Show and verify the ledger."),
    "vault": ("cli.vault", "The keys of what members entrust."),
    "case": ("cli.case", "Repair of single cases."),
    "prove": ("cli.prove", "Run every test in its long form, and the demo."),
    "bench": ("bench.main", "Measure: figures beside a baseline of the same run."),
    "openapi": ("cli.openapi", "Write the API document."),
    "processes": ("cli.processes", "Draw each process from its code."),
    "templates": ("cli.templates", "List every SMS with its text."),
    "pictures": ("cli.pictures", "Make the README's pictures anew."),
    "catalogue": ("cli.catalogue", "Collect the pages' messages, and say which lack Persian."),
}
_PASS_ON: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
_INTERRUPTED: Final = 130

app = typer.Typer(
    name="amanat",
    help="Amanat (امانت): welfare finance as durable processes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks show local variables, among them secrets
)


def _delegate(name: str, module: str, summary: str) -> None:
    @app.command(name, help=summary, context_settings=_PASS_ON)
    def call(context: typer.Context) -> None:
        delegated = importlib.import_module(module).app
        typer.main.get_command(delegated)(args=context.args, prog_name=f"amanat {name}")


for _name, (_module, _summary) in DELEGATED.items():
    _delegate(_name, _module, _summary)


@app.command()
def up(
    *,
    foreground: Annotated[bool, typer.Option(help="Stay attached; Ctrl-C stops, twice kills.")] = False,
    reset: Annotated[bool, typer.Option(help="Delete everything under var/ first.")] = False,
) -> None:
    """Start the whole stack: Postgres, Temporal, the api and a worker."""
    from stack import control  # noqa: PLC0415 - keeps the other commands quick
    from stack.progress import Progress  # noqa: PLC0415
    from stack.state import is_running, read_state  # noqa: PLC0415

    places, progress = Places(), Progress()
    if foreground:
        from stack.supervisor import StopRequested, Supervisor  # noqa: PLC0415

        try:
            Supervisor(places, progress).run(reset=reset)
        except StopRequested:
            return
    state = read_state(places) if not reset and is_running(places) else None
    if state is not None and state.phase == "ready" and state.addresses is not None:
        progress.say("this stack is running already; ./amanat down stops it")
        addresses = state.addresses
    else:
        addresses = control.start(places, progress, reset=reset)
    for label, address in addresses.for_people().items():
        typer.echo(f"{label:<12} {address}")


@app.command()
def down() -> None:
    """Stop the running stack."""
    from stack import control  # noqa: PLC0415 - keeps the other commands quick
    from stack.progress import Progress  # noqa: PLC0415

    progress = Progress()
    if not control.stop(Places(), progress):
        progress.say("no stack is running")


@app.command()
def migrate() -> None:
    """Bring the database to the newest version: the running stack's, or the one DATABASE_URL names."""
    from stack.control import running_environment  # noqa: PLC0415
    from stack.environment import owner_database  # noqa: PLC0415 - keeps the other commands quick
    from stack.supervisor import migrate as upgrade  # noqa: PLC0415

    upgrade(owner_database(os.environ) or running_environment()["OWNER_DATABASE_URL"])
    typer.echo("the database is at the newest version")


@app.command(context_settings=_PASS_ON)
def test(context: typer.Context) -> None:
    """Run the tests; arguments go to pytest."""
    from cli.checks import run_tests  # noqa: PLC0415 - keeps the other commands quick

    raise typer.Exit(run_tests(context.args))


@app.command()
def check() -> None:
    """Run the static checks: ruff, its formatter, mypy, import-linter."""
    from cli.checks import run_checks  # noqa: PLC0415 - keeps the other commands quick

    raise typer.Exit(run_checks())


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; what a person can mend is said in one line."""
    try:
        app(args=arguments, prog_name="amanat")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except CliError as error:
        print(f"amanat: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BaseException:  # noqa: BLE001 - the last line of defence, which still has to leave as below
        traceback.print_exc()
        return 1
    return 0


def main() -> NoReturn:
    """Run the command line, then leave without the interpreter's own end.

    Temporal's library sometimes aborts there, after correct output (temporalio/sdk-python#300).
    """
    code = run(sys.argv[1:])
    atexit._run_exitfuncs()  # noqa: SLF001 - what os._exit would skip
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # nobody reads any more
            code = code or 1
    os._exit(code)
