"""What the logs say, and what they must never say."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from telemetry import configure_logging

_SECRET = "0499370899"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Logs as a process writes them; the root logger is as before afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging("INFO")
    yield stream
    root.handlers, root.level = handlers, level


def fail(national_id: str) -> None:
    """Fail with something personal in a local variable."""
    raise RuntimeError(f"of {len(national_id)} digits")


def test_a_trace_holds_no_values_of_variables(written: io.StringIO) -> None:
    try:
        fail(_SECRET)
    except RuntimeError:
        logging.getLogger("amanat.api").exception("unexpected_error", extra={"request_id": "r"})

    text = written.getvalue()
    line = json.loads(text)
    assert line["exception"][0]["exc_type"] == "RuntimeError"
    assert line["request_id"] == "r"
    assert _SECRET not in text


def test_what_queries_find_is_logged_at_no_level(written: io.StringIO) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine.Engine").debug("Row ('%s',)", _SECRET)
    logging.getLogger("amanat.api").debug("at_work")

    assert _SECRET not in written.getvalue()
    assert "at_work" in written.getvalue()


def test_each_line_is_one_json_object_with_what_was_told(written: io.StringIO) -> None:
    logging.getLogger("amanat.commands").info("command_done", extra={"operation": "apply_for_credit"})
    logging.getLogger("some.library").warning("careful")

    first, second = (json.loads(line) for line in written.getvalue().splitlines())
    assert (first["event"], first["operation"], first["level"]) == ("command_done", "apply_for_credit", "info")
    assert (second["event"], second["logger"]) == ("careful", "some.library")
