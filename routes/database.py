"""The transaction of a request, and the actor in whose name it runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from flask import current_app, g
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.config import Settings
from mobile_units.errors import DomainError
from mobile_units.planning.problem import KeptDistances, Matrix, Problem
from mobile_units.services.actors import Actor, audit
from mobile_units.services.alternatives import NO_PLACE, Wish, nearest
from mobile_units.services.planning import KEPT_DISTANCES


@contextmanager
def transaction() -> Iterator[Session]:
    """One use-case, one transaction, on the application's engine."""
    with db.transaction(current_app.extensions["engine"]) as session:
        session.info[KEPT_DISTANCES] = _kept_distances(current_app.extensions["settings"])
        yield session


def _kept_distances(settings: Settings) -> KeptDistances | None:
    """The roads that were asked for already; what reads them is loaded when they are wanted."""
    return None if settings.osrm_url is None else partial(_kept, settings.osrm_url, settings.distances_folder)


def _kept(url: str, folder: Path, problem: Problem) -> Matrix | None:
    from mobile_units.planning.distances import kept_matrix  # noqa: PLC0415 -- loads numpy, and few requests need it
    from mobile_units.planning.osrm import Osrm  # noqa: PLC0415 -- as above

    return kept_matrix(problem, Osrm(url=url), folder)


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


@contextmanager
def nearest_instead(wish_of: Callable[[Session], Wish]) -> Iterator[None]:
    """A refusal because there is no place leaves with the nearest places instead, looked up after the rollback."""
    try:
        yield
    except DomainError as error:
        if error.code not in NO_PLACE:
            raise
        with transaction() as session:
            found = nearest(session, actor(), wish_of(session), clock.now())
        raise DomainError(error.code, **error.facts, alternatives=found) from None
