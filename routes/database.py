"""The transaction of a request, and the actor in whose name it runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app, g
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.services.actors import Actor


@contextmanager
def transaction() -> Iterator[Session]:
    """One use-case, one transaction, on the application's engine."""
    with db.transaction(current_app.extensions["engine"]) as session:
        yield session


def actor() -> Actor:
    """The signed-in user; routes are only reached with one, unless they are public."""
    found: Actor = g.actor
    return found
