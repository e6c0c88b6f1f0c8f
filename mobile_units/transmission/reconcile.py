"""Reconciliation over the network: what the centre holds is fetched page by page and compared as it comes.

No transaction is open while a page is fetched. What a comparison is, and how a difference is settled, is told by the
caller, for the rules of visits are none of the transmission's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from threading import Event
from typing import Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.transmission.gateway import Gateway, Rejected
from mobile_units.transmission.messages import CentralChange, ChangesPage, ChangesQuery

log = structlog.get_logger()


class Comparison(Protocol):
    """One reconciliation of one provider while it is running."""

    def compare(self, session: Session, changes: Sequence[CentralChange]) -> Sequence[int]:
        """Keeps what differs about the visits of a page; returns the keys of the differences."""

    def missing(self, session: Session) -> Sequence[int] | None:
        """Keeps which of the next visits here the centre does not hold; None once all were looked at."""

    def settle(self, session: Session, difference_id: int) -> None:
        """Settles a difference by itself where that is safe, otherwise leaves it to a person."""

    def finish(self, session: Session) -> None:
        """Notes that all is compared."""

    def fail(self, session: Session, failure: str) -> None:
        """Notes that it could not be compared, and why."""


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Carries one comparison out; `first_day` and `last_day` are those of the slots, both included."""

    engine: Engine
    gateway: Gateway
    comparison: Comparison
    first_day: date
    last_day: date
    stop: Event = field(default_factory=Event)

    def run(self) -> bool:
        """Compares everything; False if the centre did not tell it all, which is noted.

        Raises:
            OperationalError: the database is unreachable; the reconciliation counts as interrupted when its lease ends.
        """
        failure = self._compare_all()
        with db.transaction(self.engine) as session:
            if failure is None:
                self.comparison.finish(session)
            else:
                self.comparison.fail(session, failure)
        return failure is None

    def _compare_all(self) -> str | None:
        cursor, more = None, True
        while more:
            if self.stop.is_set():
                return "interrupted"
            query = ChangesQuery(cursor=cursor, first_day=self.first_day, last_day=self.last_day)
            page = self.gateway.changes(query)
            if not isinstance(page, ChangesPage):
                return page.description if isinstance(page, Rejected) else page.reason
            with db.transaction(self.engine) as session:
                found = self.comparison.compare(session, page.changes)
            self._settle(found)
            cursor, more = page.cursor, page.more
        return self._find_missing()

    def _find_missing(self) -> str | None:
        while not self.stop.is_set():
            with db.transaction(self.engine) as session:
                found = self.comparison.missing(session)
            if found is None:
                return None
            self._settle(found)
        return "interrupted"

    def _settle(self, found: Sequence[int]) -> None:
        """Each in a transaction of its own; one that cannot be settled is left to a person."""
        for difference_id in found:
            try:
                with db.transaction(self.engine) as session:
                    self.comparison.settle(session, difference_id)
            except DomainError as refusal:
                log.info("difference_left_open", difference=difference_id, code=refusal.code)
