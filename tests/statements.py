"""How many statements a piece of code sends to the database, and with which code it is refused."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import IntegrityError

from mobile_units import db
from mobile_units.errors import DomainError


@contextmanager
def counted(source: Engine | Connection) -> Iterator[list[str]]:
    """The statements sent while the block runs, savepoints not among them."""
    sent: list[str] = []

    def note(*event_arguments: object) -> None:
        sent.append(str(event_arguments[2]))

    event.listen(source, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(source, "before_cursor_execute", note)


@contextmanager
def refused(code: str) -> Iterator[None]:
    """The block is refused with this code, by a rule or by a constraint of the database."""
    with pytest.raises((DomainError, IntegrityError)) as caught:
        yield
    error = caught.value
    refusal = db.refusal_of(error) if isinstance(error, IntegrityError) else error
    assert isinstance(refusal, DomainError), refusal
    assert refusal.code == code
