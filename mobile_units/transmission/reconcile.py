"""Reconciliation over the network: what the centre holds is fetched page by page and compared as it comes.

No transaction is open while a page is fetched. What a comparison is, and how a difference is settled, is told by the
caller, for the rules of visits are none of the transmission's business.

A visit that she moves out of the compared days meanwhile is not among the pages. So the changes are read once more
before a visit is said to be missing: what she did before the last page was told is known here by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import structlog
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.transmission.gateway import Rejected
from mobile_units.transmission.inbound import Reader
from mobile_units.transmission.messages import CentralChange, ChangesPage, ChangesQuery, UnreadableChange

log = structlog.get_logger()


class Comparison(Protocol):
    """One reconciliation of one provider while it is running."""

    def compare(self, session: Session, changes: Sequence[CentralChange]) -> Sequence[int]:
        """Keeps what differs about the visits of a page; returns the keys of the differences."""

    def unreadable(self, session: Session, changes: Sequence[UnreadableChange]) -> None:
        """Keeps which visits of a page could not be read, for a person."""

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

    reader: Reader
    provider_id: int
    comparison: Comparison
    first_day: date
    last_day: date

    def run(self) -> bool:
        """Compares everything; False if the centre did not tell it all, which is noted.

        Raises:
            OperationalError: the database is unreachable; the reconciliation counts as interrupted when its lease ends.
        """
        failure = self._compare_all()
        with db.transaction(self.reader.engine) as session:
            if failure is None:
                self.comparison.finish(session)
            else:
                self.comparison.fail(session, failure)
        return failure is None

    def _compare_all(self) -> str | None:
        cursor, more = None, True
        while more:
            if self.reader.stop.is_set():
                return "interrupted"
            query = ChangesQuery(cursor=cursor, first_day=self.first_day, last_day=self.last_day)
            page = self.reader.fetch(self.provider_id, query)
            if not isinstance(page, ChangesPage):
                return page.description if isinstance(page, Rejected) else page.reason
            with db.transaction(self.reader.engine) as session:
                found = self.comparison.compare(session, page.changes)
                if page.unreadable:
                    self.comparison.unreadable(session, page.unreadable)
            self._settle(found)
            cursor, more = page.cursor, page.more
        return self.reader.read_to_the_end(self.provider_id) or self._find_missing()

    def _find_missing(self) -> str | None:
        while not self.reader.stop.is_set():
            with db.transaction(self.reader.engine) as session:
                found = self.comparison.missing(session)
            if found is None:
                return None
            self._settle(found)
        return "interrupted"

    def _settle(self, found: Sequence[int]) -> None:
        """Each in a transaction of its own; one that cannot be settled is left to a person."""
        for difference_id in found:
            try:
                with db.transaction(self.reader.engine) as session:
                    self.comparison.settle(session, difference_id)
            except DomainError as refusal:
                log.info("difference_left_open", difference=difference_id, code=refusal.code)
