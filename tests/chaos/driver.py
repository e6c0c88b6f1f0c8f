"""The staff of the provider: they book, move, cancel and record visits at random while the hand-over runs."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Event

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.errors import DomainError
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import ACTIVE, CancelledBy, VisitStatus
from mobile_units.rules.women import make_pesel
from mobile_units.services import slot_search, slots, visits, women
from mobile_units.services.queries import Paging
from tests.chaos.scene import Scene

LONGEST_QUEUE = 40
"""Messages that wait before the staff take a breath, so that what they do meets messages on their way."""
RECENT = 60
PATHS = (Path.MAMMOGRAPHY, Path.MAMMOGRAPHY, Path.CLASSIC_CYTOLOGY, Path.HPV_LBC)
ATTENDANCE = (VisitStatus.PERFORMED, VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW)


@dataclass(slots=True)
class Driver:
    """One seeded run of random operations through the services."""

    engine: Engine
    scene: Scene
    random: random.Random
    stop: Event
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    women: int = 0

    def run(self, messages: int, deadline: float) -> None:
        """Works until so many messages were stored, `stop` is set, or the time is over."""
        while not self.stop.is_set() and time.monotonic() < deadline:
            try:
                waiting, stored = self._queue()
                if stored >= messages:
                    return
                if waiting > LONGEST_QUEUE:
                    self.stop.wait(0.2)
                    continue
                for _ in range(10):
                    self.step()
            except (OperationalError, InterfaceError) as error:
                self.lost[type(error.orig).__name__] += 1
                self.stop.wait(0.2)

    def step(self) -> None:
        """One operation; a refusal is an answer as well."""
        operation = self.random.choices(*zip(*self._operations(), strict=True))[0]
        try:
            with db.transaction(self.engine) as session:
                operation(session)
        except DomainError as refusal:
            self.refused[refusal.code] += 1
        else:
            self.done[operation.__name__] += 1

    def _operations(self) -> Sequence[tuple[Callable[[Session], None], int]]:
        return (
            (self.book, 44),
            (self.move, 12),
            (self.cancel, 9),
            (self.change_path, 9),
            (self.confirm, 5),
            (self.arrive, 5),
            (self.attend, 12),
            (self.correct, 4),
            (self.block, 2),
            (self.unblock, 2),
            (self.change_woman, 3),
        )

    def book(self, session: Session) -> None:
        """A new woman, or one known already, in a free slot."""
        path = self.random.choice(PATHS)
        woman_id = self._known_woman(session) if self.random.random() < 0.4 else self._new_woman(session)
        command = visits.NewVisit(
            woman_id=woman_id or self._new_woman(session),
            slot_id=self._free_slot(session, path.programme),
            path=path,
            urgent=self.random.random() < 0.05,
            override_reason="na prośbę lekarza" if self.random.random() < 0.3 else None,
        )
        visits.book(session, self.scene.actor, command, clock.now())

    def move(self, session: Session) -> None:
        """Another slot."""
        visit = self._visit(session, Visit.status.in_(sorted(ACTIVE)))
        command = visits.Move(version=visit.version, slot_id=self._free_slot(session, visit.programme))
        visits.move(session, self.scene.actor, visit.id, command, clock.now())

    def cancel(self, session: Session) -> None:
        """By the woman or by the provider."""
        visit = self._visit(session, Visit.status.in_(sorted(ACTIVE)))
        by = self.random.choice((CancelledBy.WOMAN, CancelledBy.PROVIDER))
        visits.cancel(session, self.scene.actor, visit.id, visits.Cancellation(version=visit.version, cancelled_by=by))

    def change_path(self, session: Session) -> None:
        """The other examination of the cervical programme."""
        wanted = Visit.status.in_(sorted(ACTIVE)), Visit.programme == Programme.CERVICAL
        visit = self._visit(session, *wanted)
        path = Path.HPV_LBC if visit.path is Path.CLASSIC_CYTOLOGY else Path.CLASSIC_CYTOLOGY
        command = visits.PathChange(version=visit.version, path=path)
        visits.change_path(session, self.scene.actor, visit.id, command)

    def confirm(self, session: Session) -> None:
        """The woman says that she will come."""
        self._record(session, self._visit(session, Visit.status == VisitStatus.BOOKED), VisitStatus.CONFIRMED)

    def arrive(self, session: Session) -> None:
        """She came."""
        waiting = Visit.status.in_((VisitStatus.BOOKED, VisitStatus.CONFIRMED, VisitStatus.NO_SHOW))
        self._record(session, self._visit(session, waiting), VisitStatus.ARRIVED)

    def attend(self, session: Session) -> None:
        """How it went."""
        visit = self._visit(session, Visit.status.in_(sorted(ACTIVE)))
        self._record(session, visit, self.random.choice(ATTENDANCE))

    def correct(self, session: Session) -> None:
        """It went otherwise."""
        visit = self._visit(session, Visit.status.in_(ATTENDANCE))
        self._record(session, visit, self.random.choice(ATTENDANCE))

    def block(self, session: Session) -> None:
        """A slot that nobody has booked, taken out of booking."""
        slots.block(session, self.scene.actor, self._slot(session, Slot.status == SlotStatus.OPEN, Slot.taken == 0))

    def unblock(self, session: Session) -> None:
        """A blocked slot, opened again."""
        slots.unblock(session, self.scene.actor, self._slot(session, Slot.status == SlotStatus.BLOCKED))

    def change_woman(self, session: Session) -> None:
        """A new telephone number, of which her visits tell."""
        visit = self._visit(session, Visit.status.in_(sorted(ACTIVE)))
        woman = session.get_one(Woman, visit.woman_id)
        telephone = f"{self.random.randrange(500_000_000, 900_000_000)}"
        women.change(session, self.scene.actor, woman.id, woman.version, {"telephone": telephone}, clock.today())

    def _queue(self) -> tuple[int, int]:
        own = OutboxMessage.provider_id == self.scene.actor.provider_id
        waiting = func.count().filter(OutboxMessage.state.in_((MessageState.PENDING, MessageState.IN_PROGRESS)))
        with db.transaction(self.engine) as session:
            waiting_now, stored = session.execute(select(waiting, func.count()).where(own)).one()
            return waiting_now, stored

    def _new_woman(self, session: Session) -> int:
        self.women += 1
        born = date(clock.today().year - 60, 1, 1) + timedelta(days=self.women * 7 % 4000)
        command = women.NewWoman(
            identity=women.Identity(pesel=make_pesel(born, self.women % 5000, "F")),
            given_name="Pacjentka",
            family_name=f"Fikcyjna-{self.women:05d}",
            telephone="600000000",
        )
        return women.register(session, self.scene.actor, command, clock.today()).id

    def _known_woman(self, session: Session) -> int | None:
        query = select(Woman.id).where(Woman.provider_id == self.scene.actor.provider_id)
        known = session.scalars(query.order_by(Woman.id.desc()).limit(400)).all()
        return self.random.choice(known) if known else None

    def _free_slot(self, session: Session, programme: Programme) -> int:
        """One of the slots of a day, often one of the few that everybody wants."""
        days = (self.scene.last_day - self.scene.first_day).days
        day = self.scene.first_day + timedelta(days=self.random.randint(0, days))
        paging = Paging(1, 5 if self.random.random() < 0.3 else 100)
        wanted = slot_search.SlotFilter(paging=paging, programme=programme, first_day=day, last_day=day)
        free = slot_search.find(session, self.scene.actor, wanted, clock.now()).items
        if not free:
            raise DomainError("slot_full")
        return self.random.choice(free).id

    def _visit(self, session: Session, *conditions: ColumnElement[bool]) -> Visit:
        """A visit that meets the conditions, more often than not one of the latest."""
        query = select(Visit).where(Visit.provider_id == self.scene.actor.provider_id, *conditions)
        limit = RECENT if self.random.random() < 0.7 else 10 * RECENT
        keys = session.scalars(query.with_only_columns(Visit.id).order_by(Visit.id.desc()).limit(limit)).all()
        if not keys:
            raise DomainError("not_found", what="a visit")
        return session.get_one(Visit, self.random.choice(keys))

    def _slot(self, session: Session, *conditions: ColumnElement[bool]) -> int:
        keys = session.scalars(select(Slot.id).where(*conditions).order_by(Slot.id).limit(2000)).all()
        if not keys:
            raise DomainError("not_found", what="a slot")
        return self.random.choice(keys)

    def _record(self, session: Session, visit: Visit, status: VisitStatus) -> None:
        now = self._on_the_day(session, visit)
        command = visits.StatusChange(version=visit.version, status=status)
        visits.change_status(session, self.scene.actor, visit.id, command, now)

    @staticmethod
    def _on_the_day(session: Session, visit: Visit) -> datetime:
        """Attendance is recorded from the day on; the service is told the hour of the slot."""
        return session.scalars(select(Slot.starts_at).where(Slot.id == visit.slot_id)).one()
