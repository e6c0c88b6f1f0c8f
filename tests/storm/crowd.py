"""One process of the crowd: attempts at random, each in a transaction of its own, and what became of each."""

import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as clock_time
from random import Random
from typing import Any

from sqlalchemy import Engine, Row, func, select
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.errors import DomainError
from mobile_units.models.bulk_moves import BulkMove, BulkMoveRow
from mobile_units.models.itineraries import Itinerary, Stop
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.bulk_moves import BulkMoveStatus
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import ACTIVE, CancelledBy, VisitStatus
from mobile_units.rules.waiting import WaitingStatus
from mobile_units.services import (
    bulk_move_application,
    bulk_move_undo,
    changes,
    holds,
    offers,
    slots,
    visits,
    waiting_list,
)
from mobile_units.services.alternatives import NO_PLACE, Wish, nearest, wish_of_move
from tests.storm.scene import Scene

NOTHING_THERE = "nothing there"
"""The answer where there is nothing to do it to, such as no hold to confirm."""

MOVABLE = (VisitStatus.BOOKED, VisitStatus.CONFIRMED)
HOURS = (
    (clock_time(8), clock_time(10)),
    (clock_time(8, 40), clock_time(10)),
    (clock_time(8), clock_time(9, 20)),
)
"""The hours between which the changed stop goes back and forth."""

Made = Sequence[int]
"""The keys of visits that an attempt made."""


class NothingThereError(Exception):
    """There is nothing of what an attempt is about."""


@dataclass(slots=True)
class Report:
    """What a process did: how its attempts ended, by name and answer, and the visits that it was told of.

    `keys` are the visits that were answered to repeated requests, `losers` those who had no place, and
    `without_way_out` those of them to whom no other place was named. `failures` are answers that nobody understands.
    """

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    made: list[int] = field(default_factory=list)
    keys: list[tuple[str, int]] = field(default_factory=list)
    losers: int = 0
    without_way_out: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0


@dataclass(slots=True)
class Crowd:
    """Somebody who tries everything that women, staff and workers do."""

    engine: Engine
    scene: Scene
    random: Random
    report: Report = field(default_factory=Report)
    wish: Callable[[Session], Wish] | None = None

    def run(self, attempts: int) -> Report:
        """So many attempts, one after the other."""
        actions, weights = zip(*self._actions(), strict=True)
        for _ in range(attempts):
            self.attempt(self.random.choices(actions, weights)[0])
        return self.report

    def attempt(self, action: Callable[[Session], Made]) -> None:
        """One attempt, whose answer is kept whatever it is."""
        self.wish, began = None, time.perf_counter()
        try:
            with db.transaction(self.engine) as session:
                made = action(session)
        except NothingThereError:
            answer = NOTHING_THERE
        except DomainError as refusal:
            answer = refusal.code
            self._look_for_another(refusal.code)
        except Exception as error:  # noqa: BLE001 -- the judge wants to know of every one
            answer = type(getattr(error, "orig", error)).__name__
            self.report.failures.append(f"{action.__name__}: {traceback.format_exc(limit=-4)}")
        else:
            answer = "done"
            self.report.made += made
        self.report.slowest = max(self.report.slowest, time.perf_counter() - began)
        self.report.answers[action.__name__, answer] += 1

    def _look_for_another(self, code: str) -> None:
        """As the web does, after the rollback."""
        if self.wish is None or code not in NO_PLACE:
            return
        self.report.losers += 1
        with db.transaction(self.engine) as session:
            if not nearest(session, self.scene.actor, self.wish(session), self._now()):
                self.report.without_way_out.append(code)

    def _actions(self) -> Sequence[tuple[Callable[[Session], Made], int]]:
        return (
            (self.book, 26),
            (self.repeat, 6),
            (self.hold, 14),
            (self.confirm, 9),
            (self.give_up, 3),
            (self.expire, 4),
            (self.cancel, 8),
            (self.move, 10),
            (self.change_path, 4),
            (self.record, 2),
            (self.block, 1),
            (self.unblock, 3),
            (self.resize, 2),
            (self.change_stop, 3),
            (self.move_many, 4),
            (self.undo, 1),
            (self.wait, 4),
            (self.offer, 3),
            (self.answer, 3),
            (self.settle, 1),
        )

    def book(self, session: Session) -> Made:
        """A woman who has a visit already, or has not, in any slot."""
        return [visits.book(session, self.scene.actor, self._wanted(), self._now()).id]

    def repeat(self, session: Session) -> Made:
        """A request of which there are others like it, here and in other processes, all with one key."""
        command = self._wanted(number := self.random.randrange(24), key=f"repeated-{number:03d}")
        visit = visits.book(session, self.scene.actor, command, self._now())
        self.report.keys.append((command.idempotency_key or "", visit.id))
        return []

    def hold(self, session: Session) -> Made:
        """For a moment only, so that many run out."""
        now = self._now()
        until = now + timedelta(seconds=self.random.uniform(0.01, 1.0))
        return [holds.hold(session, self.scene.actor, self._wanted(), now, until).id]

    def confirm(self, session: Session) -> Made:
        """A hold that may have run out."""
        visit = self._visit(session, VisitStatus.HELD)
        holds.confirm(session, self.scene.actor, visit.id, visit.version, self._now())
        return []

    def give_up(self, session: Session) -> Made:
        """A hold that may have run out or been confirmed."""
        visit = self._visit(session, VisitStatus.HELD)
        holds.give_up(session, self.scene.actor, visit.id, _cancellation(visit))
        return []

    def expire(self, session: Session) -> Made:
        """The round of the worker."""
        holds.expire(session, self._now())
        return []

    def cancel(self, session: Session) -> Made:
        """Any visit to come."""
        visit = self._visit(session, *ACTIVE)
        visits.cancel(session, self.scene.actor, visit.id, _cancellation(visit))
        return []

    def move(self, session: Session) -> Made:
        """To any slot of the programme."""
        visit, actor = self._visit(session, *MOVABLE), self.scene.actor
        slot = self._slot(visit.programme)
        self.wish = lambda session: wish_of_move(session, actor, visit.id, slot)
        command = visits.Move(version=visit.version, slot_id=slot)
        return [visits.move(session, actor, visit.id, command, self._now()).id]

    def change_path(self, session: Session) -> Made:
        """The other examination of the cervical programme, which takes twice or half the time."""
        visit = self._visit(session, *ACTIVE, programme=Programme.CERVICAL)
        path = Path.HPV_LBC if visit.path is Path.CLASSIC_CYTOLOGY else Path.CLASSIC_CYTOLOGY
        command = visits.PathChange(version=visit.version, path=path)
        visits.change_path(session, self.scene.actor, visit.id, command)
        return []

    def record(self, session: Session) -> Made:
        """A woman confirms that she will come."""
        visit = self._visit(session, VisitStatus.BOOKED)
        command = visits.StatusChange(version=visit.version, status=VisitStatus.CONFIRMED)
        visits.change_status(session, self.scene.actor, visit.id, command, self._now())
        return []

    def block(self, session: Session) -> Made:
        """Any slot."""
        slots.block(session, self.scene.actor, self._slot())
        return []

    def unblock(self, session: Session) -> Made:
        """A slot that is blocked, or orphaned in the hours of its stop."""
        closed = self._one(session, select(Slot.id).where(Slot.status.in_((SlotStatus.BLOCKED, SlotStatus.ORPHANED))))
        slots.unblock(session, self.scene.actor, closed.id)
        return []

    def resize(self, session: Session) -> Made:
        """Places for one woman or for two."""
        wanted = self.random.choice((1, 1, 2)), self._now()
        slots.change_capacity(session, self.scene.actor, self._slot(), *wanted, orphan=self.random.random() < 0.5)
        return []

    def change_stop(self, session: Session) -> Made:
        """Other hours, other rooms; women in the way keep their slots, or the change is refused."""
        version = session.scalars(
            select(Itinerary.version).join(Stop, Stop.itinerary_id == Itinerary.id).where(Stop.id == self.scene.stop_id)
        ).one()
        opens, closes = self.random.choice(HOURS)
        days = [changes.WorkedDay(self.scene.day, opens, closes, rooms=self.random.choice((None, 1, 2)))]
        command = changes.StopChange(version=version, days=days, orphan=self.random.random() < 0.6)
        changes.change_stop(session, self.scene.actor, self.scene.stop_id, command, self._now())
        return []

    def move_many(self, session: Session) -> Made:
        """Two or three women at once, or into each other's places; proposed before, so that others come between."""
        found = self._some(session, MOVABLE, Programme.BREAST, self.random.choice((2, 3, 3)))
        targets = self.random.sample(self.scene.mammography, len(found))
        if self.random.random() < 0.5:
            targets = [found[number - 1].slot_id for number in range(len(found))]
        rows = [
            BulkMoveRow(visit_id=visit.id, visit_version=visit.version, to_slot_id=slot, by_hand=True)
            for visit, slot in zip(found, targets, strict=True)
        ]
        with db.transaction(self.engine) as before:
            move = BulkMove(
                provider_id=self.scene.actor.provider_id, reason="awaria", scope={}, weights={}, version=1, rows=rows
            )
            before.add(move)
            before.flush()
            key = move.id
        applied = bulk_move_application.apply(session, self.scene.actor, key, 1, self._now())
        return [row.new_visit_id for row in applied.rows if row.new_visit_id]

    def undo(self, session: Session) -> Made:
        """One of the last bulk moves."""
        applied = select(BulkMove.id, BulkMove.version).where(BulkMove.status == BulkMoveStatus.APPLIED)
        move = self._one(session, applied.order_by(BulkMove.id.desc()).limit(1), shuffle=False)
        undone = bulk_move_undo.undo(session, self.scene.actor, move.id, move.version, "naprawiono", self._now())
        return [row.restored_visit_id for row in undone.rows if row.restored_visit_id]

    def wait(self, session: Session) -> Made:
        """For a place at the stop where nearly all are taken."""
        woman = self.random.choice(self.scene.women)
        command = waiting_list.NewEntry(woman_id=woman, path=Path.MAMMOGRAPHY, stop_id=self.scene.waited_for)
        waiting_list.add(session, self.scene.actor, command, self._now())
        return []

    def offer(self, session: Session) -> Made:
        """The round of the worker, for one slot."""
        due = offers.due(session)
        if not due:
            raise NothingThereError
        slot = self.random.choice(due)
        if offers.offer(session, slot, self._now()) is not offers.Offered.TO_A_WOMAN:
            return []
        offered = select(func.max(WaitingListEntry.visit_id)).join(WaitingListEntry.visit)
        mine = offered.where(WaitingListEntry.status == WaitingStatus.OFFERED, Visit.slot_id == slot)
        return [session.scalars(mine).one() or 0]

    def answer(self, session: Session) -> Made:
        """The woman takes the place, or does not, or waits no more."""
        offered = WaitingListEntry.status == WaitingStatus.OFFERED
        entry = self._one(session, select(WaitingListEntry.id, WaitingListEntry.version).where(offered))
        act = self.random.choice((offers.decline, offers.withdraw, None))
        if act is None:
            offers.accept(session, self.scene.actor, entry.id, entry.version, self._now())
        else:
            act(session, self.scene.actor, entry.id, entry.version)
        return []

    def settle(self, session: Session) -> Made:
        """The other round of the worker."""
        offers.settle(session, self._now())
        return []

    def _now(self) -> datetime:
        return clock.now() + self.scene.ahead

    def _wanted(self, number: int | None = None, key: str | None = None) -> visits.NewVisit:
        """What a woman asks for; a `number` stands for the same each time."""
        dice = self.random if number is None else Random(number)  # noqa: S311 -- no secret
        programme = dice.choice((Programme.BREAST, Programme.BREAST, Programme.CERVICAL))
        path = Path.MAMMOGRAPHY
        if programme is Programme.CERVICAL:
            path = dice.choice((Path.HPV_LBC, Path.CLASSIC_CYTOLOGY))
        wanted = visits.NewVisit(
            woman_id=dice.choice(self.scene.women),
            slot_id=self._slot(programme, dice),
            path=path,
            urgent=dice.random() < 0.2,
            channel=dice.choice((BookingChannel.DESK, BookingChannel.DESK, BookingChannel.TELEPHONE)),
            overbooking=dice.random() < 0.3,
            idempotency_key=key,
        )
        self.wish = lambda _: Wish(wanted.slot_id, wanted.path, wanted.channel, wanted.urgent)
        return wanted

    def _slot(self, programme: Programme = Programme.BREAST, dice: Random | None = None) -> int:
        scarce = self.scene.cervical if programme is Programme.CERVICAL else self.scene.mammography
        return (dice or self.random).choice(scarce)

    def _visit(self, session: Session, *statuses: VisitStatus, programme: Programme | None = None) -> Row[Any]:
        return self._some(session, statuses, programme, 1)[0]

    def _some(
        self, session: Session, statuses: Sequence[VisitStatus], programme: Programme | None, count: int
    ) -> Sequence[Row[Any]]:
        """Visits as anybody sees them, by columns alone, so that what follows reads them anew."""
        columns = (Visit.id, Visit.version, Visit.slot_id, Visit.programme, Visit.path)
        query = select(*columns).where(Visit.status.in_(sorted(statuses))).order_by(func.random()).limit(count)
        wanted = query if programme is None else query.where(Visit.programme == programme)
        found: Sequence[Any] = session.execute(wanted).all()
        if len(found) < count:
            raise NothingThereError
        return found

    def _one(self, session: Session, query: Any, *, shuffle: bool = True) -> Row[Any]:
        found: Row[Any] | None = session.execute(query.order_by(func.random()) if shuffle else query).first()
        if found is None:
            raise NothingThereError
        return found


def _cancellation(visit: Row[Any]) -> visits.Cancellation:
    return visits.Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN)
