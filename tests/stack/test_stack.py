"""The supervisor and what others do with it: real Postgres and Temporal, stand-ins for api and worker."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from rich.console import Console

from stack import control
from stack.answers import answers
from stack.children import send, start_time, wait_until
from stack.environment import External
from stack.keys import keys_environment
from stack.places import PROJECT, CliError, Places
from stack.postgres import EmbeddedPostgres
from stack.programs import CrashRecord
from stack.progress import Progress
from stack.state import StackState, is_running, read_state

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMAND = (sys.executable, "-m", "tests.stack.stand_in_stack")
_LEASHED_USER = """
import os, signal, sys
from pathlib import Path
from stack import control
from stack.places import Places
with control.running(places=Places(Path(sys.argv[1])), command=sys.argv[2:]):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True, scope="module")
def _without_settings_of_the_caller() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            *("DATABASE_URL", "OWNER_DATABASE_URL", "VAULT_DATABASE_URL", "TEMPORAL_ADDRESS"),
            *("AMANAT_API_PORT", "AMANAT_API_HOST"),
        ):
            patch.delenv(name, raising=False)
        yield


def own_places(directory: Path) -> Iterator[Places]:
    """Give a stack a directory of its own, and leave nothing running or lying about."""
    places = Places(directory / "var")
    yield places
    state = read_state(places)
    if state is not None:  # quicker than stopping in order, which has its own test
        send(state.pid, signal.SIGKILL)
        wait_until(lambda: all(start_time(pid) is None for pid in (state.pid, *state.pids.values())), 30)
    EmbeddedPostgres(places.postgres).remove()


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    """Where a test may start, maltreat and stop a stack."""
    yield from own_places(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """Where one stack runs for all tests that only look at it."""
    for places in own_places(tmp_path_factory.mktemp("shared")):
        start(places)
        yield places


def quiet() -> Progress:
    """Progress that nobody sees."""
    return Progress(Console(quiet=True))


def start(places: Places, *, reset: bool = False) -> StackState:
    """Start the stack of stand-ins and return its state."""
    control.start(places, quiet(), reset=reset, command=_COMMAND)
    state = read_state(places)
    assert state is not None
    return state


def log_of(places: Places) -> str:
    """Return what the supervisor said."""
    return (places.log / "stack.log").read_text("utf-8")


def noted(places: Places, program: str) -> dict[str, str]:
    """Return the environment that a stand-in noted."""
    found: dict[str, str] = json.loads((places.var / f"{program}.environment.json").read_text("utf-8"))
    return found


def test_everything_starts_answers_and_stops_in_order(places: Places) -> None:
    """After the start all parts answer; after the stop nothing of it runs."""
    state = start(places)
    assert state.addresses is not None
    assert state.phase == "ready"
    assert set(state.pids) == {"postgres", "temporal", "api", "worker"}
    assert answers(f"{state.addresses.api}/readyz")
    assert answers(f"{state.addresses.temporal_ui}/")
    assert control.stop(places, quiet())
    assert all(start_time(pid) is None for pid in state.pids.values())
    lines = [line for line in log_of(places).splitlines() if line.startswith("stopping")]
    assert lines[-2:] == ["stopping temporal", "stopping postgres"]
    assert not control.stop(places, quiet())


@pytest.mark.long
def test_two_stacks_that_start_in_the_same_moment_both_come_up_on_ports_of_their_own(
    places: Places, tmp_path: Path
) -> None:
    for other in own_places(tmp_path / "other"):
        with ThreadPoolExecutor() as both:
            states = list(both.map(start, (places, other)))
        used = [ports_of(state) for state in states]
        assert used[0].isdisjoint(used[1])
        for state in states:
            assert state.addresses is not None
            assert answers(f"{state.addresses.api}/readyz")


def ports_of(state: StackState) -> set[int]:
    """Every port that a stack told about."""
    told = state.addresses
    assert told is not None
    named = {int(address.rpartition(":")[2]) for address in (told.api, told.temporal, told.temporal_ui)}
    return named | {told.database_port or 0, *told.metrics_ports.values()}


def test_an_api_whose_port_somebody_took_meanwhile_is_started_on_another_and_not_mistaken(places: Places) -> None:
    """The other one answers as a ready api does, and first."""
    places.prepare()
    rival = places.var / "rival"
    rival.touch()
    state = start(places)
    assert state.addresses is not None
    assert state.addresses.api_port != int(rival.read_text("ascii"))
    assert noted(places, "api")["AMANAT_API_PORT"] == str(state.addresses.api_port)
    # Which port was busy is not said by its number where the usual one is another stack's.
    assert f"is busy; {state.addresses.api_port} is taken for" in log_of(places)


def test_programs_get_the_settings_they_read_and_not_the_owners_address(shared: Places) -> None:
    """Each process has its own metrics port; the keys have the form that the settings expect."""
    api, worker = noted(shared, "api"), noted(shared, "worker")
    assert api["AMANAT_METRICS_PORT"] != worker["AMANAT_METRICS_PORT"]
    assert "amanat_app_login:" in api["DATABASE_URL"]
    assert api["DATABASE_URL"].startswith("postgresql+psycopg://")
    assert "OWNER_DATABASE_URL" not in api
    for program in (api, worker):
        assert "amanat_vault_login:" in program["VAULT_DATABASE_URL"]
        assert program["AMANAT_VAULT_DIRECTORY"] == str(shared.vault_keys)
    assert "amanat_owner:" in (shared.var / "upgraded").read_text("utf-8")
    assert (api["TEMPORAL_NAMESPACE"], api["AMANAT_STAND_ALONE"]) == ("amanat", "1")
    assert api["AMANAT_FILES_URL"] == (shared.var / "files").as_uri()
    assert api["AMANAT_LOCAL_BANK"] == worker["AMANAT_LOCAL_BANK"] == str(shared.var / "bank")
    rings = [json.loads(api[f"AMANAT_{name}_KEYS"]) for name in ("FIELD", "CODEC", "VAULT")]
    assert len({ring["keys"][ring["current"]] for ring in rings}) == 3
    for ring in rings:
        assert ring["current"] in ring["keys"]


def test_a_command_gets_the_environment_of_the_running_stack(shared: Places, tmp_path: Path) -> None:
    """Commands beside the stack reach the same database with the same keys."""
    with pytest.raises(CliError, match="no stack is running"):
        control.running_environment(Places(tmp_path))
    environment = control.running_environment(shared)
    same = ("DATABASE_URL", "AMANAT_FIELD_KEYS", "VAULT_DATABASE_URL", "AMANAT_VAULT_KEYS", "AMANAT_VAULT_DIRECTORY")
    assert {name: environment[name] for name in same} == {name: noted(shared, "api")[name] for name in same}
    with psycopg.connect(environment["OWNER_DATABASE_URL"].replace("+psycopg", "")) as owner:
        assert owner.execute("SELECT current_user").fetchone() == ("amanat_owner",)


def test_what_describes_the_stack_is_private_and_without_secrets(shared: Places) -> None:
    """Other users of the machine read nothing; the state file could be shown to anybody."""
    for file in (shared.state, shared.secrets, shared.postgres / "passwords.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(shared.var.stat().st_mode) == 0o700
    state = shared.state.read_text("utf-8")
    secrets = [*noted(shared, "api")["DATABASE_URL"].split(":")[2:3], noted(shared, "api")["AMANAT_CODE_PEPPER"]]
    assert all(secret.partition("@")[0] not in state for secret in secrets)


def test_a_second_start_keeps_keys_passwords_and_data(places: Places) -> None:
    """Stopping and starting changes nothing that was sealed or stored."""
    start(places)
    first = noted(places, "api")
    with psycopg.connect(control.running_environment(places)["OWNER_DATABASE_URL"].replace("+psycopg", "")) as owner:
        owner.execute("CREATE TABLE kept ()")
    control.stop(places, quiet())
    start(places)
    second = noted(places, "api")
    rings = ("AMANAT_FIELD_KEYS", "AMANAT_CODEC_KEYS", "AMANAT_VAULT_KEYS")
    for name in (*rings, "AMANAT_BLIND_INDEX_KEY", "AMANAT_CODE_PEPPER"):
        assert first[name] == second[name]
    with psycopg.connect(control.running_environment(places)["OWNER_DATABASE_URL"].replace("+psycopg", "")) as owner:
        assert owner.execute("SELECT to_regclass('kept') IS NOT NULL").fetchone() == (True,)


def test_a_second_stack_in_the_same_place_is_refused_and_told_where_the_first_is(shared: Places) -> None:
    """Two supervisors never share data; not even one that is asked to clear it."""
    state = read_state(shared)
    assert state is not None
    assert state.addresses is not None
    with pytest.raises(CliError, match=f"running already at {state.addresses.api}"):
        start(shared, reset=True)
    environment = {**os.environ, "AMANAT_VAR": str(shared.var), "PYTHONPATH": str(PROJECT)}
    direct = subprocess.run([*_COMMAND, "--reset"], env=environment, capture_output=True, text=True, check=False)
    assert direct.returncode == 1
    assert f"running already at {state.addresses.api}" in direct.stdout
    assert read_state(shared) == state


@pytest.mark.long
def test_reset_begins_from_nothing(places: Places) -> None:
    """Keys, data and messages of before are gone."""
    start(places)
    before = noted(places, "api")["AMANAT_CODE_PEPPER"]
    message = places.var / "messages" / "old"
    message.write_text("old", "utf-8")
    control.stop(places, quiet())
    start(places, reset=True)
    assert noted(places, "api")["AMANAT_CODE_PEPPER"] != before
    assert not message.exists()


def test_each_part_that_is_killed_comes_back(places: Places) -> None:
    """Whichever part dies is started again, and the others are left alone."""
    before = start(places)
    for name in ("api", "worker", "temporal", "postgres"):
        os.kill(before.pids[name], signal.SIGKILL)
        assert wait_until(lambda: has_new_pid(places, before, name), 30)  # noqa: B023 - called at once
        after = read_state(places)
        assert after is not None
        assert {n: p for n, p in after.pids.items() if n != name} == {n: p for n, p in before.pids.items() if n != name}
        assert f"{name} ended by itself" in log_of(places)
        before = after


def has_new_pid(places: Places, before: StackState, name: str) -> bool:
    """Tell whether the part runs again as another process."""
    now = read_state(places)
    return now is not None and name in now.pids and now.pids[name] != before.pids[name]


def test_a_part_that_crashes_again_and_again_stops_the_stack_and_is_named(places: Places) -> None:
    """After five new starts within a minute the stack gives up and says why."""
    state = start(places)
    (places.var / "crash-worker").touch()
    os.kill(state.pids["worker"], signal.SIGKILL)
    with pytest.raises(CliError, match="worker crashes again and again"):
        control.wait_for_end(places, threading.Event())
    assert wait_until(lambda: not is_running(places), 60)
    assert "worker crashes again and again" in log_of(places)
    assert log_of(places).count("worker ended by itself") == 5
    assert all(start_time(pid) is None for pid in state.pids.values())


def test_a_program_that_does_not_start_is_reported_with_its_last_words(places: Places) -> None:
    """The person sees the reason, and nothing keeps running."""
    places.prepare()
    (places.var / "crash-api").touch()
    with pytest.raises(CliError, match="the lines above say why"):
        start(places)
    assert "api ended at its start" in log_of(places)
    assert "crashed as told" in log_of(places)
    assert wait_until(lambda: not is_running(places), 30)


def test_a_killed_supervisor_leaves_nothing_behind(places: Places) -> None:
    """Its parts die with it, and the next start works."""
    state = start(places)
    os.kill(state.pid, signal.SIGKILL)
    assert wait_until(lambda: all(start_time(pid) is None for pid in state.pids.values()), 20)
    assert read_state(places) is None
    assert not control.stop(places, quiet())
    assert not Path("/proc", str(state.pid)).exists()  # nor as one that ended and was not asked how
    assert start(places).phase == "ready"


@pytest.mark.long
def test_a_stack_borrowed_by_a_process_that_is_killed_stops(places: Places) -> None:
    """``running()`` leaves nothing behind even when its user cannot clean up."""
    command = [sys.executable, "-c", _LEASHED_USER, str(places.var), *_COMMAND]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert wait_until(lambda: not is_running(places), 60)


def test_a_running_stack_is_borrowed_and_left_running(shared: Places) -> None:
    """Using a stack that somebody started neither restarts nor stops it."""
    state = read_state(shared)
    assert state is not None
    with control.running(places=shared, progress=quiet(), command=_COMMAND) as addresses:
        assert addresses == state.addresses
    assert read_state(shared) == state


@pytest.mark.long
def test_a_second_signal_does_not_wait(places: Places) -> None:
    """Whoever asks twice gets an end at once, and still nothing is left behind."""
    state = start(places)
    os.kill(state.pids["postgres"], signal.SIGSTOP)  # cannot stop in order: the first signal has to wait
    send(state.pid, signal.SIGTERM)
    assert wait_until(lambda: "stopping postgres" in log_of(places), 30)
    send(state.pid, signal.SIGINT)
    assert wait_until(lambda: not is_running(places), 10)
    assert wait_until(lambda: all(start_time(pid) is None for pid in state.pids.values()), 10)


def test_parts_that_the_environment_names_are_used_and_not_started(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DATABASE_URL and TEMPORAL_ADDRESS switch each part to the real thing; nothing else changes."""
    database = EmbeddedPostgres(tmp_path / "theirs", durable=False)
    database.start()
    try:
        monkeypatch.setenv("DATABASE_URL", database.owner_url().replace("+psycopg", ""))
        monkeypatch.setenv("VAULT_DATABASE_URL", database.vault_url().replace("+psycopg", ""))
        monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
        state = start(places)
        assert set(state.pids) == {"api", "worker"}
        assert noted(places, "api")["TEMPORAL_ADDRESS"] == "temporal.example:7233"
        assert noted(places, "api")["DATABASE_URL"] == database.owner_url()
        assert noted(places, "api")["VAULT_DATABASE_URL"] == database.vault_url()
        assert (places.var / "upgraded").read_text("utf-8") == database.owner_url()
        assert control.running_environment(places)["OWNER_DATABASE_URL"] == database.owner_url()
        control.stop(places, quiet())
        assert database.pid is not None
    finally:
        database.remove()


def test_a_database_of_ones_own_is_not_used_without_the_login_of_its_vault() -> None:
    """With the app's own login every secret would be refused, in words that name no setting."""
    own = {"DATABASE_URL": "postgresql://app@db/amanat"}
    with pytest.raises(CliError, match="set VAULT_DATABASE_URL too"):
        External.from_environment(own)
    # Migrations alone need neither.
    assert External.from_environment({"OWNER_DATABASE_URL": "postgresql://owner@db/amanat"}).databases is None
    named = External.from_environment(own | {"VAULT_DATABASE_URL": "postgresql://vault@db/amanat"}).databases
    assert named is not None
    assert (named.app, named.owner) == ("postgresql+psycopg://app@db/amanat",) * 2
    assert named.vault == "postgresql+psycopg://vault@db/amanat"


def test_a_stack_of_a_release_without_secrets_gets_a_ring_for_them_and_none_that_was_lost(tmp_path: Path) -> None:
    """What a lost ring sealed is opened by no new one."""
    places = Places(tmp_path / "var")
    places.prepare()
    keys_environment(places, has_data=False)
    kept = json.loads(places.secrets.read_text("utf-8"))
    older = json.dumps({name: key for name, key in kept.items() if name != "vault_keys"})
    places.secrets.write_text(older, "utf-8")

    first = keys_environment(places, has_data=True)
    assert keys_environment(places, has_data=True) == first
    assert json.loads(first["AMANAT_FIELD_KEYS"]) == kept["field_keys"]
    assert json.loads(first["AMANAT_VAULT_KEYS"])["current"]
    assert stat.S_IMODE(places.secrets.stat().st_mode) == 0o600

    places.vault_keys.mkdir()
    places.secrets.write_text(older, "utf-8")
    with pytest.raises(CliError, match="is damaged"):
        keys_environment(places, has_data=True)
    assert places.secrets.read_text("utf-8") == older


@pytest.mark.long
def test_lost_keys_are_reported_instead_of_replaced(places: Places) -> None:
    """New keys would make everything that the old ones sealed unreadable."""
    start(places)
    control.stop(places, quiet())
    places.secrets.unlink()
    with pytest.raises(CliError, match="did not start"):
        start(places)
    assert "cannot be read" in log_of(places)
    assert not places.secrets.exists()


@pytest.mark.long
def test_logs_of_earlier_runs_are_kept_but_not_for_ever(places: Places) -> None:
    """The last five are there, numbered from the newest."""
    places.prepare()
    log = places.log / "stack.log"
    for number in range(1, 6):
        log.with_name(f"stack.log.{number}").write_text(f"run {number}", "utf-8")
    log.write_text("run 0", "utf-8")
    start(places)
    assert sorted(file.name for file in places.log.glob("stack.log*")) == ["stack.log"] + [
        f"stack.log.{number}" for number in range(1, 6)
    ]
    assert log.with_name("stack.log.1").read_text("utf-8") == "run 0"
    assert log.with_name("stack.log.5").read_text("utf-8") == "run 4"


def test_a_crash_is_forgiven_five_times_a_minute_with_growing_waits() -> None:
    """The sixth within the window is hopeless; an old one does not count."""
    record = CrashRecord()
    delays = [record.delay_after_crash(float(second)) for second in range(6)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, None]
    assert record.delay_after_crash(120.0) == 0.1
