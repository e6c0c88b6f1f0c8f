"""Logs: one JSON object a line, with its context, and nothing of anybody in it."""

import io
import json
import logging
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from mobile_units import logs

pytestmark = pytest.mark.usefixtures("logging_as_before")

PESEL = "70051712345"


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is logged at level INFO or above."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure("INFO")
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail() -> None:
    """Raises an error whose text, and whose cause, quote a person."""
    raise ValueError(f"no such woman: {PESEL}") from KeyError(PESEL)


def logged_in_every_way(error: ValueError) -> None:
    """Logs an exception through both libraries, as they allow it."""
    ours, theirs = structlog.get_logger(), logging.getLogger("library")
    ours.exception("ours")
    ours.error("ours", exc_info=True)
    ours.error("ours", exc_info=error)
    ours.error("ours", exc_info=(type(error), error, error.__traceback__))
    theirs.exception("theirs")
    theirs.error("theirs", exc_info=error)


def test_an_exception_is_told_by_type_and_place_never_by_its_text(stream: io.StringIO) -> None:
    """Its text may quote a PESEL, in whatever way it is logged and by whatever library."""
    try:
        fail()
    except ValueError as error:
        logged_in_every_way(error)
    assert PESEL not in stream.getvalue()
    told = lines(stream)
    assert [line["event"] for line in told] == ["ours"] * 4 + ["theirs"] * 2
    for line in told:
        assert line["exception"] == "ValueError"
        assert line["at"][-1].endswith(" fail")


def test_an_exception_may_be_logged_after_it_was_caught(stream: io.StringIO) -> None:
    """An error handler is given the exception itself."""
    with pytest.raises(ValueError, match="no such woman") as caught:
        fail()
    structlog.get_logger().error("late", exc_info=caught.value)
    assert (lines(stream)[0]["exception"], PESEL in stream.getvalue()) == ("ValueError", False)


def test_without_an_exception_there_is_nothing_to_tell(stream: io.StringIO) -> None:
    """A line without an error says nothing of errors."""
    structlog.get_logger().error("nothing happened", exc_info=True)
    assert lines(stream)[0].keys() == {"event", "level", "logger", "timestamp"}


def test_an_error_of_the_database_hides_the_parameters(stream: io.StringIO, engine: Engine) -> None:
    """Neither the log nor the text of the error has the values of a failed statement."""
    with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("SELECT 1 / 0, CAST(:number AS text)"), {"number": PESEL})
    structlog.get_logger().error("failed", exc_info=caught.value)
    assert PESEL not in stream.getvalue() + str(caught.value)
    assert lines(stream)[0]["exception"] == "DataError"


def test_bound_context_is_in_every_line(stream: io.StringIO) -> None:
    """Of our lines and of those of libraries, until it is unbound."""
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("ours").info("first", count=2)
        logging.getLogger("theirs").warning("second %s", 3)
    structlog.get_logger().info("third")
    first, second, third = lines(stream)
    assert (first["request_id"], first["count"], first["level"]) == ("r-1", 2, "info")
    assert (second["request_id"], second["event"], second["logger"]) == ("r-1", "second 3", "theirs")
    assert "request_id" not in third


def test_what_is_below_the_level_is_not_logged(stream: io.StringIO) -> None:
    """Of no library."""
    structlog.get_logger().debug("ours")
    logging.getLogger("theirs").debug("theirs")
    assert stream.getvalue() == ""


def test_configuring_twice_does_not_double_the_lines(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may make several applications."""
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure("INFO")
    structlog.get_logger().info("once")
    assert len(lines(stream)) == 1
