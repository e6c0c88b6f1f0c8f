"""The transaction of a request, and the actor in whose name it runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app, g
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.services.actors import Actor, audit


@contextmanager
def transaction() -> Iterator[Session]:
    """One use-case, one transaction, on the application's engine."""
    with db.transaction(current_app.extensions["engine"]) as session:
        yield session


@contextmanager
def transaction_about_a_woman(action: str) -> Iterator[Session]:
    """As `transaction`; a refusal that tells of her health leaves its trace, which the rollback would have taken."""
    try:
        with transaction() as session:
            yield session
    except DomainError as error:
        if error.code == "not_eligible":
            with transaction() as session:
                audit(session, actor(), f"{action}_refused", "woman", error.facts["woman_id"])
        raise


def actor() -> Actor:
    """The signed-in user; routes are only reached with one, unless they are public."""
    found: Actor = g.actor
    return found
