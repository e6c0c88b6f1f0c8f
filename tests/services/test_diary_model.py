"""Slots and visits against a model: whatever is done in whatever order, the database stands as a few dictionaries do.

The model knows what must be allowed and what refused, and why; it knows nothing of locks and statements. Each step is a
use-case with a session of its own, on real PostgreSQL, in a savepoint; after each of them all slots and visits of the
provider are compared with the model, and what must always hold is asked of the rows themselves.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, Engine, Row, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, Stop
from mobile_units.models.mixed_sessions import MixedSession
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.rules import sessions
from mobile_units.rules.admission import BookingChannel, Reservation
from mobile_units.rules.calendar import local_day, local_instant
from mobile_units.rules.programmes import Path
from mobile_units.rules.sessions import Resource
from mobile_units.rules.slots import Interval
from mobile_units.rules.visits import TRANSITIONS, CancelledBy, VisitStatus
from mobile_units.services import changes, holds, itineraries, mixed_sessions, slot_patterns, slot_places, slots, visits
from mobile_units.services.actors import Actor
from mobile_units.services.slot_patterns import PatternAct, PatternCommand, SlotPattern
from mobile_units.services.visits import Cancellation, Move, NewVisit, PathChange, StatusChange
from tests import factories, factories_booking, factories_planning
from tests.factories_booking import DAY, NOW

HELD, BOOKED = VisitStatus.HELD, VisitStatus.BOOKED
ACTIVE = {HELD, BOOKED, VisitStatus.CONFIRMED, VisitStatus.ARRIVED}
OVER = {VisitStatus.CANCELLED, VisitStatus.MOVED}
ATTENDANCE = {VisitStatus.ARRIVED, VisitStatus.PERFORMED, VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW}
CERVICAL = (Path.HPV_LBC, Path.CLASSIC_CYTOLOGY)
SHARED = sessions.Session(
    Interval(local_instant(DAY, time(10)), local_instant(DAY, time(12))),
    {Path.MAMMOGRAPHY: 20, Path.HPV_LBC: 20, Path.CLASSIC_CYTOLOGY: 10},
    (Resource("mammograf", frozenset({Path.MAMMOGRAPHY})), Resource("gabinet", frozenset(CERVICAL))),
    (Resource("położna", frozenset(Path)),),
)
HOURS = ((time(8), time(10)), (time(8), time(9)), (time(9), time(10)))
"""The hours between which the stop goes back and forth; its four slots take half an hour each."""


@dataclass(slots=True)
class MSlot:
    """A slot as the model keeps it; `schedule_path` is what it is meant for."""

    id: int
    starts_at: datetime
    ends_at: datetime
    schedule_path: Path
    capacity: int
    extra: int = 0
    status: str = "open"
    reserved_for: Reservation | None = None
    shared: bool = False
    of_stop: bool = False


@dataclass(slots=True)
class MVisit:
    """A visit as the model keeps it; `told` is what the central system is to hear of it."""

    woman: int
    slot: int
    path: Path
    status: VisitStatus
    held_until: datetime | None = None
    channel: BookingChannel = BookingChannel.DESK
    urgent: bool = False
    overbooked: bool = False
    ran_out: bool = False
    told: set[str] = field(default_factory=set)


@dataclass(slots=True)
class World:
    """What there is, and what follows from it."""

    now: datetime
    slots: dict[int, MSlot]
    hours: tuple[time, time] = HOURS[0]
    visits: dict[int, MVisit] = field(default_factory=dict)

    def inside(self, slot_id: int) -> list[MVisit]:
        """The visits that hold a place in a slot."""
        return [each for each in self.visits.values() if each.slot == slot_id and each.status not in OVER]

    def taken(self, slot_id: int) -> int:
        """How many places are taken."""
        return len(self.inside(slot_id))

    def end(self, visit: MVisit, status: VisitStatus) -> None:
        """A visit leaves its slot, of which nothing remains if it was to go."""
        if visit.status is not HELD:
            visit.told.add("cancel_visit")
        visit.status, visit.held_until = status, None
        slot = self.slots[visit.slot]
        if slot.status == "orphaned" and not self.taken(slot.id):
            slot.status = "withdrawn"

    def end_expired(self, wanted: Callable[[MVisit], bool] = lambda _: True) -> None:
        """The holds whose time is over leave."""
        for visit in self.visits.values():
            if visit.held_until is not None and visit.held_until <= self.now and wanted(visit):
                self.end(visit, VisitStatus.CANCELLED)
                visit.ran_out = True

    def has_active(self, woman: int, path: Path) -> bool:
        """Whether a woman has a visit to come in the programme."""
        return any(
            each.woman == woman and each.status in ACTIVE and each.path.programme == path.programme
            for each in self.visits.values()
        )

    def was_examined(self, woman: int, path: Path) -> bool:
        """Whether she was examined in the programme, which shuts it to her for longer than the model lasts."""
        return any(
            each.woman == woman and each.status is VisitStatus.PERFORMED and each.path.programme == path.programme
            for each in self.visits.values()
        )

    def examinations(self) -> list[sessions.Examination]:
        """What is booked in the slots that share the midwife."""
        return [
            SHARED.examination(each.path, slot.starts_at)
            for slot in self.slots.values()
            if slot.shared
            for each in self.inside(slot.id)
        ]

    def closed(self, slot: MSlot, channel: BookingChannel, *, urgent: bool) -> Iterator[str]:
        """Why a woman is not let into a slot, however many places it has."""
        if slot.starts_at <= self.now:
            yield "slot_in_the_past"
        if slot.status != "open":
            yield {"blocked": "slot_not_open", "orphaned": "slot_orphaned", "withdrawn": "slot_withdrawn"}[slot.status]
        if slot.reserved_for not in {None, Reservation(channel.value), Reservation.URGENT if urgent else None}:
            yield "slot_reserved"

    def enter(self, visit: MVisit, *, overbooking: bool = False) -> set[str]:
        """A visit comes into its slot, expired holds make room; returns why it may not."""
        slot = self.slots[visit.slot]
        limit = slot.capacity + (slot.extra if overbooking else 0)
        if slot.shared:
            self.end_expired(lambda each: self.slots[each.slot].shared)
        refusals = set(self.closed(slot, visit.channel, urgent=visit.urgent))
        if not refusals and self.taken(slot.id) >= limit:
            self.end_expired(lambda each: each.slot == slot.id)
        if self.taken(slot.id) >= limit:
            refusals.add("overbooking_exhausted" if overbooking and slot.extra else "slot_full")
        if slot.shared and not sessions.one_more(SHARED, self.examinations(), visit.path, slot.starts_at):
            refusals.add("session_full")
        visit.overbooked = self.taken(slot.id) >= slot.capacity
        return refusals


@dataclass(frozen=True)
class Stage:
    """What is stored once for all runs of the machine."""

    connection: Connection
    actor: Actor
    women: list[int]
    stop_id: int
    slots: dict[int, MSlot]


@contextmanager
def _use_case(connection: Connection) -> Iterator[Session]:
    """A session of its own in a savepoint, undone at an error."""
    options: dict[str, Any] = {"join_transaction_mode": "create_savepoint", "expire_on_commit": False}
    with Session(connection, **options) as session, session.begin():
        yield session


def build(connection: Connection) -> Stage:
    """A stop of four slots, one of which lets in one more; one slot for two; five slots that share a midwife."""
    with _use_case(connection) as session:
        actor = Actor(factories.provider(session).id)
        factories_booking.contract(session, actor.provider_id)
        stop_id, of_stop = _stop(session, actor)
        for_two = factories_booking.slot(session, actor.provider_id, at=time(13), capacity=2)
        shared = list(_shared(session, actor))
        known = {each.id: _known(each) for each in (*of_stop, for_two, *shared)}
        for each in of_stop:
            known[each.id].of_stop = True
        women = [factories_booking.woman(session, actor.provider_id).id for _ in range(4)]
        return Stage(connection, actor, women, stop_id, known)


def _stop(session: Session, actor: Actor) -> tuple[int, list[Slot]]:
    does = [factories_planning.does(session, actor.provider_id, minutes=30)]
    unit = factories_planning.unit(session, actor.provider_id, does, setup_minutes=0)
    draft = itineraries.create(session, actor, itineraries.NewItinerary(name="Model", first_day=DAY, last_day=DAY))
    site = factories_planning.site(session, actor.provider_id)
    itineraries.add_stop(session, actor, draft.id, factories_planning.stop_of(unit, site, DAY))
    factories_planning.publish(session, actor, draft, NOW)
    stop_id = session.scalars(select(Stop.id).where(Stop.itinerary_id == draft.id)).one()
    query = select(Slot).join(Slot.schedule).join(Schedule.mobile_point).where(MobilePoint.stop_id == stop_id)
    found = list(session.scalars(query.order_by(Slot.starts_at)))
    found[1].extra, found[1].schedule.overbooking_reason = 1, "dojazd"
    session.flush()
    return stop_id, found


def _shared(session: Session, actor: Actor) -> Iterator[Slot]:
    stop = factories_booking.stop(session, actor.provider_id)
    mixed = MixedSession(
        provider_id=actor.provider_id,
        stop_id=stop.id,
        day=DAY,
        starts_at=SHARED.hours.starts_at,
        ends_at=SHARED.hours.ends_at,
        content=mixed_sessions.content_of(SHARED),
    )
    session.add(mixed)
    session.flush()
    for path, minutes in ((Path.MAMMOGRAPHY, (0, 20)), (Path.HPV_LBC, (0, 10, 30))):
        of = factories_booking.schedule(session, actor.provider_id, path, at=stop)
        for minute in minutes:
            slot = factories_booking.slot(session, actor.provider_id, of=of, at=time(10, minute))
            slot.session_id = mixed.id
            yield slot
    slot_places.refresh_session(session, mixed.id)


def _known(slot: Slot) -> MSlot:
    return MSlot(
        slot.id,
        slot.starts_at,
        slot.ends_at,
        slot.schedule.path,
        slot.capacity,
        slot.extra,
        shared=slot.session_id is not None,
    )


anyone, anywhere, any_visit = st.integers(0, 3), st.integers(0, 9), st.integers(0, 7)
mostly = st.sampled_from((True, True, True, False))
rarely = st.sampled_from((False, False, False, True))


class Diary(RuleBasedStateMachine):
    """Everything that can be done to slots and visits."""

    def __init__(self, stage: Stage) -> None:
        """Begins with the stage as it was built."""
        super().__init__()
        self.stage, self.actor = stage, stage.actor
        self.savepoint = stage.connection.begin_nested()
        self.world = World(NOW, deepcopy(stage.slots))

    def teardown(self) -> None:
        """Leaves the stage as it was built."""
        self.savepoint.rollback()

    # steps

    @initialize(where=st.lists(anywhere, min_size=4, max_size=4), minutes=st.sampled_from((0, 1, 10)))
    def some_are_booked(self, where: list[int], minutes: int) -> None:
        """Each woman asks for a place, every other for a while only."""
        for woman, slot in enumerate(where):
            self._ask(woman, slot, (woman % 2) * minutes)

    @rule(
        woman=anyone,
        slot=anywhere,
        path=st.sampled_from(CERVICAL),
        urgent=rarely,
        channel=st.sampled_from((BookingChannel.DESK, BookingChannel.TELEPHONE)),
        overbooking=rarely,
        later=st.sampled_from((0, 0, 0, 10)),
    )
    def book(self, woman: int, slot: int, later: int, **terms: Any) -> None:
        """A booking, some minutes after the last step."""
        self.world.now += timedelta(minutes=later)
        self._ask(woman, slot, 0, **terms)

    @rule(woman=anyone, slot=anywhere, minutes=st.sampled_from((1, 10)), overbooking=rarely)
    def hold(self, woman: int, slot: int, minutes: int, overbooking: bool) -> None:
        """A place is kept for so many minutes."""
        self._ask(woman, slot, minutes, overbooking=overbooking)

    def _ask(  # noqa: PLR0917 -- what a woman asks for
        self,
        woman: int,
        slot: int,
        minutes: int,
        path: Path = Path.HPV_LBC,
        urgent: bool = False,
        channel: BookingChannel = BookingChannel.DESK,
        overbooking: bool = False,
    ) -> None:
        where = self._slot(slot)
        path = path if where.schedule_path in CERVICAL else Path.MAMMOGRAPHY
        until = self.world.now + timedelta(minutes=minutes) if minutes else None
        visit = MVisit(self.stage.women[woman], where.id, path, HELD if until else BOOKED, until, channel, urgent)
        visit.told = set() if until else {"save_visit"}
        after = deepcopy(self.world)
        after.end_expired(lambda each: each.woman == visit.woman and each.path.programme == path.programme)
        refusals = after.enter(visit, overbooking=overbooking)
        refusals |= {"parallel_visit"} if after.has_active(visit.woman, path) else set()
        refusals |= {"not_eligible"} if after.was_examined(visit.woman, path) else set()
        command = NewVisit(
            woman_id=visit.woman, slot_id=where.id, path=path, urgent=urgent, channel=channel, overbooking=overbooking
        )

        def use(session: Session) -> Visit:
            if until:
                return holds.hold(session, self.actor, command, self.world.now, until)
            return visits.book(session, self.actor, command, self.world.now)

        made = self._done(use, refusals)
        if made is not None:
            self.world = after
            self.world.visits[made.id] = visit

    @precondition(lambda self: self.world.visits)
    @rule(which=any_visit, late=st.booleans())
    def confirm(self, which: int, late: bool) -> None:
        """A hold is booked, before its time is over; the woman may come late."""
        key, visit = self._visit(which, HELD)
        if late and visit.held_until is not None:
            self.world.now = max(self.world.now, visit.held_until)
        refusals, slot = self._unless(visit, BOOKED, visit.status is HELD), self.world.slots[visit.slot]
        if visit.ran_out or (visit.held_until is not None and visit.held_until <= self.world.now):
            refusals.add("hold_expired")
        refusals |= {"slot_in_the_past"} if slot.starts_at <= self.world.now else set()
        refusals |= {"slot_orphaned"} if slot.status == "orphaned" else set()
        version = self._version(key)
        if self._done(lambda session: holds.confirm(session, self.actor, key, version, self.world.now), refusals):
            visit.status, visit.held_until = BOOKED, None
            visit.told.add("save_visit")

    @precondition(lambda self: self.world.visits)
    @rule(which=any_visit)
    def give_up(self, which: int) -> None:
        """A hold ends before its time."""
        key, visit = self._visit(which, HELD)
        command = Cancellation(version=self._version(key), cancelled_by=CancelledBy.WOMAN)
        refusals = self._unless(visit, VisitStatus.CANCELLED, visit.status is HELD)
        refusals |= {"hold_expired"} if visit.ran_out else set()
        if self._done(lambda session: holds.give_up(session, self.actor, key, command), refusals):
            self.world.end(visit, VisitStatus.CANCELLED)

    @precondition(lambda self: self.world.visits)
    @rule(which=any_visit)
    def cancel(self, which: int) -> None:
        """A visit or a hold is given up."""
        key, visit = self._visit(which, *ACTIVE)
        command = Cancellation(version=self._version(key), cancelled_by=CancelledBy.PROVIDER)
        refusals = self._unless(visit, VisitStatus.CANCELLED)
        if self._done(lambda session: visits.cancel(session, self.actor, key, command), refusals):
            self.world.end(visit, VisitStatus.CANCELLED)

    @precondition(lambda self: self.world.visits)
    @rule(which=any_visit, to=anywhere)
    def move(self, which: int, to: int) -> None:
        """A visit goes to another slot, where the place that it leaves counts as free."""
        key, old = self._visit(which, BOOKED, VisitStatus.CONFIRMED)
        where, after = self._slot(to), deepcopy(self.world)
        refusals = self._unless(old, VisitStatus.MOVED)
        refusals |= {"same_slot"} if where.id == old.slot else set()
        refusals |= {"path_not_of_programme"} if where.schedule_path.programme != old.path.programme else set()
        refusals |= {"not_eligible"} if after.was_examined(old.woman, old.path) else set()
        new = MVisit(old.woman, where.id, old.path, BOOKED, None, old.channel, old.urgent, told={"save_visit"})
        if not refusals:
            after.end(after.visits[key], VisitStatus.MOVED)
            refusals = after.enter(new)
        command = Move(version=self._version(key), slot_id=where.id)
        made = self._done(lambda session: visits.move(session, self.actor, key, command, self.world.now), refusals)
        if made is not None:
            self.world = after
            self.world.visits[made.id] = new

    @precondition(lambda self: self.world.visits)
    @rule(which=any_visit, path=st.sampled_from(Path))
    def change_path(self, which: int, path: Path) -> None:
        """Another examination of the programme, for which the midwife needs the time."""
        key, visit = self._visit(which, *ACTIVE)
        after, slot = deepcopy(self.world), self.world.slots[visit.slot]
        refusals = set() if visit.status in ACTIVE else {"visit_over"}
        refusals |= {"path_not_of_programme"} if path.programme != visit.path.programme else set()
        refusals |= {"not_eligible"} if after.was_examined(visit.woman, visit.path) else set()
        del after.visits[key]
        shared = slot.shared and not refusals
        if shared and not sessions.one_more(SHARED, after.examinations(), path, slot.starts_at):
            refusals.add("session_full")
        command = PathChange(version=self._version(key), path=path)
        if self._done(lambda session: visits.change_path(session, self.actor, key, command), refusals):
            visit.path = path

    @precondition(lambda self: self.world.visits)
    @rule(which=any_visit, status=st.sampled_from(sorted({VisitStatus.CONFIRMED, *ATTENDANCE})))
    def record(self, which: int, status: VisitStatus) -> None:
        """What staff record; attendance from the day on, and a woman who comes after all must not be booked again."""
        key, visit = self._visit(which)
        refusals = self._unless(visit, status)
        refusals |= {"too_early"} if status in ATTENDANCE and local_day(self.world.now) < DAY else set()
        comes_after_all = status in ACTIVE and visit.status not in ACTIVE
        refusals |= {"parallel_visit"} if comes_after_all and self.world.has_active(visit.woman, visit.path) else set()
        command = StatusChange(version=self._version(key), status=status)
        recorded = lambda session: visits.change_status(session, self.actor, key, command, self.world.now)  # noqa: E731 -- a use-case
        if self._done(recorded, refusals):
            visit.status = status

    @rule(slot=anywhere)
    def block(self, slot: int) -> None:
        """A slot without visits is closed."""
        where = self._slot(slot)
        refusals = self._gone(where)
        refusals |= {"slot_has_visits"} if self.world.taken(where.id) else set()
        if self._done(lambda session: slots.block(session, self.actor, where.id), refusals):
            where.status = "blocked"

    @rule(slot=anywhere)
    def unblock(self, slot: int) -> None:
        """It is opened again, and an orphaned one if its time is worked."""
        where = self._slot(slot)
        refusals = self._gone(where) if where.status == "withdrawn" or not self._is_worked(where) else set()
        if self._done(lambda session: slots.unblock(session, self.actor, where.id), refusals):
            where.status = "open"

    @rule(slot=anywhere, kind=st.sampled_from((None, Reservation.URGENT, Reservation.TELEPHONE)))
    def reserve(self, slot: int, kind: Reservation | None) -> None:
        """A slot is for some women alone, or for all; one that has begun or is gone stays as it is."""
        where = self._slot(slot)
        at = where.starts_at + timedelta(hours=1)  # Polish time in March
        pattern = SlotPattern(
            first_day=DAY,
            last_day=DAY,
            since=at.time(),
            before=(at + timedelta(minutes=1)).time(),
            path=where.schedule_path,
        )
        act = PatternAct.RESERVE if kind else PatternAct.RELEASE
        command = PatternCommand(pattern=pattern, act=act, reserve_for=kind)
        self._done(lambda session: slot_patterns.block_many(session, self.actor, command, self.world.now), set())
        if where.status in {"open", "blocked"} and where.starts_at > self.world.now:
            where.reserved_for = kind

    @rule(slot=anywhere, capacity=st.integers(1, 2), orphan=mostly)
    def resize(self, slot: int, capacity: int, orphan: bool) -> None:
        """A slot takes more or fewer women; with more visits than that it is orphaned."""
        where = self._slot(slot)
        refusals, too_many = self._gone(where), capacity < self.world.taken(where.id)
        refusals |= {"slot_in_the_past"} if where.starts_at <= self.world.now else set()
        refusals |= {"slots_have_visits"} if too_many and not orphan else set()
        wanted = (where.id, capacity, self.world.now)
        resized = lambda session: slots.change_capacity(session, self.actor, *wanted, orphan=orphan)  # noqa: E731 -- a use-case
        if self._done(resized, refusals):
            where.status = "orphaned" if too_many else where.status
            where.capacity = where.capacity if too_many else capacity

    @rule(slot=anywhere, orphan=mostly, really=rarely)
    def withdraw(self, slot: int, orphan: bool, really: bool) -> None:
        """A slot goes, at once or with its last visit; not too often, for the diary runs out of slots."""
        where = self._slot(slot)
        if not really:
            return
        refusals = {"slot_in_the_past"} if where.starts_at <= self.world.now else set()
        gone, taken = where.status in {"withdrawn", "orphaned"}, self.world.taken(where.id)
        refusals |= {"slots_have_visits"} if taken and not gone and not orphan else set()
        withdrawn = lambda session: slots.withdraw(session, self.actor, [where.id], self.world.now, orphan=orphan)  # noqa: E731 -- a use-case
        if self._done(withdrawn, refusals) and not gone:
            where.status = "orphaned" if taken else "withdrawn"

    @precondition(lambda self: local_day(self.world.now) < DAY)
    @rule(hours=st.sampled_from(HOURS), orphan=mostly)
    def change_stop(self, hours: tuple[time, time], orphan: bool) -> None:
        """The stop is worked at other hours: slots go, are orphaned, and return."""
        after = deepcopy(self.world)
        refusals = set() if orphan or not self._kept(hours) else {"slots_have_visits"}
        self._follow(after, hours)

        def use(session: Session) -> Any:
            query = select(Itinerary.version).join(Stop, Stop.itinerary_id == Itinerary.id)
            version = session.scalars(query.where(Stop.id == self.stage.stop_id)).one()
            days = [changes.WorkedDay(DAY, *hours)]
            command = changes.StopChange(version=version, days=days, orphan=orphan)
            return changes.change_stop(session, self.actor, self.stage.stop_id, command, self.world.now)

        if self._done(use, refusals):
            self.world = after

    def _kept(self, hours: tuple[time, time]) -> bool:
        """Whether visits keep a slot from leaving."""
        leaving = (each for each in self.world.slots.values() if each.of_stop and not _lies_in(each, hours))
        return any(each.status in {"open", "blocked"} and self.world.taken(each.id) for each in leaving)

    @staticmethod
    def _follow(world: World, hours: tuple[time, time]) -> None:
        """What becomes of the slots; one that was withdrawn by itself from hours that are worked on does not return."""
        of_stop = [each for each in world.slots.values() if each.of_stop]
        worked = world.hours if any(each.status in {"open", "blocked"} for each in of_stop) else None
        for slot in of_stop:
            wanted, was_worked = _lies_in(slot, hours), worked is not None and _lies_in(slot, worked)
            if slot.status in {"open", "blocked"} and not wanted:
                slot.status = "orphaned" if world.taken(slot.id) else "withdrawn"
            elif slot.status == "withdrawn" and wanted and not was_worked:
                slot.status, slot.capacity = "open", 1
            elif slot.status == "orphaned" and wanted and not was_worked and world.taken(slot.id) <= slot.capacity:
                slot.status = "open"
        world.hours = hours

    @rule()
    def expire(self) -> None:
        """The worker ends all holds whose time is over."""

        def use(session: Session) -> bool:
            while holds.expire(session, self.world.now):
                pass
            return True

        self._done(use, set())
        self.world.end_expired()

    @rule(minutes=st.sampled_from((1, 5, 10)))
    def time_goes_by(self, minutes: int) -> None:
        """Holds run out by themselves, and nothing else changes."""
        self.world.now += timedelta(minutes=minutes)

    @precondition(lambda self: len(self.world.visits) > 3)
    @rule(at=st.sampled_from((time(8, 15), time(10, 5))), really=rarely)
    def the_day_comes(self, at: time, really: bool) -> None:
        """Some slots have begun, and attendance is recorded."""
        if really:
            self.world.now = max(self.world.now, local_instant(DAY, at))

    # what holds after each of them

    @invariant()
    def the_database_stands_as_the_model(self) -> None:
        """Slots with what is taken, visits with what is told; what must always hold is asked of the rows alone."""
        stored, told = self._rows(SLOTS), defaultdict(set)
        for row in self._rows(MESSAGES):
            told[row.subject_id].add(row.kind)
        seen = self._rows(VISITS)
        self._require_sound(stored, seen)
        world = self.world
        assert {row.id: (row.status, row.taken, row.capacity, row.extra, row.reserved_for) for row in stored} == {
            key: (each.status, world.taken(key), each.capacity, each.extra, each.reserved_for)
            for key, each in world.slots.items()
        }
        assert {
            row.id: (row.woman_id, row.slot_id, row.path, row.status, row.held_until, row.overbooked, told[row.id])
            for row in seen
        } == {
            key: (each.woman, each.slot, each.path, each.status, each.held_until, each.overbooked, each.told)
            for key, each in world.visits.items()
        }

    def _require_sound(self, stored: list[Row[Any]], seen: list[Row[Any]]) -> None:
        occupying = [row for row in seen if row.status not in OVER]
        places = Counter(row.slot_id for row in occupying)
        at = {row.id: row for row in stored}
        assert all(row.taken == places[row.id] <= row.capacity + row.extra for row in stored)
        assert not any(places[row.id] for row in stored if row.status == "withdrawn")
        active = Counter((row.woman_id, row.programme) for row in seen if row.status in ACTIVE)
        assert max(active.values(), default=1) == 1
        assert all(row.last == row.status for row in seen)
        booked = [
            SHARED.examination(Path(row.path), at[row.slot_id].starts_at)
            for row in occupying
            if at[row.slot_id].session_id
        ]
        assert sessions.fits(SHARED, booked) is not None
        shared = [row for row in stored if row.session_id and row.status != "withdrawn"]
        asked = [(Path(row.path), row.starts_at) for row in shared]
        assert [row.fits for row in shared] == list(sessions.which_fit(SHARED, booked, asked))

    # what the steps are made of

    def _done(self, use: Callable[[Session], Any], refusals: set[str]) -> Any:
        """What a use-case answers, None if it was refused; it must be refused if, and as, the model says."""
        try:
            with _use_case(self.stage.connection) as session:
                answer = use(session)
        except (DomainError, IntegrityError) as error:
            refusal = db.refusal_of(error) if isinstance(error, IntegrityError) else error
            assert isinstance(refusal, DomainError), refusal
            assert refusal.code in refusals, f"{refusal.code}, not one of {refusals}"
            return None
        assert not refusals, f"done, though {refusals}"
        return answer

    def _slot(self, number: int) -> MSlot:
        return list(self.world.slots.values())[number]

    def _visit(self, number: int, *likely: VisitStatus) -> tuple[int, MVisit]:
        """One of the last visits, of the likely statuses if there is one; every eighth of any status."""
        newest = sorted(self.world.visits.items(), reverse=True)
        found = [each for each in newest if each[1].status in likely] if number < 7 else []
        return (found or newest)[number % len(found or newest)]

    def _version(self, key: int) -> int:
        query = select(Visit.version).where(Visit.id == key)
        return self.stage.connection.execute(query).scalar_one()

    def _unless(self, visit: MVisit, to: VisitStatus, allowed: bool = True) -> set[str]:
        return set() if allowed and to in TRANSITIONS[visit.status] else {"transition_not_allowed"}

    def _gone(self, slot: MSlot) -> set[str]:
        return {f"slot_{slot.status}"} if slot.status in {"withdrawn", "orphaned"} else set()

    def _is_worked(self, slot: MSlot) -> bool:
        return not slot.of_stop or _lies_in(slot, self.world.hours)

    def _rows(self, query: str) -> list[Row[Any]]:
        return list(self.stage.connection.execute(text(query), {"provider_id": self.actor.provider_id}))


def _lies_in(slot: MSlot, hours: tuple[time, time]) -> bool:
    opens, closes = (local_instant(DAY, each) for each in hours)
    return opens <= slot.starts_at and slot.ends_at <= closes


SLOTS = """
SELECT slots.id, slots.status, taken, capacity, extra, reserved_for, session_id, fits, starts_at, schedules.path
FROM slots JOIN schedules ON schedules.id = schedule_id WHERE schedules.provider_id = :provider_id ORDER BY slots.id
"""
VISITS = """
SELECT visits.id, woman_id, slot_id, path, programme, status, held_until, overbooked, (
    SELECT to_status FROM visit_changes WHERE visit_id = visits.id ORDER BY visit_changes.id DESC LIMIT 1
) AS last
FROM visits WHERE provider_id = :provider_id
"""
MESSAGES = """
SELECT kind, subject_id FROM outbox_messages
WHERE provider_id = :provider_id AND kind IN ('save_visit', 'cancel_visit')
"""


def test_slots_and_visits_stand_as_the_model_says(engine: Engine) -> None:
    """Whatever is booked, held, moved, cancelled, blocked, resized and orphaned, in whatever order."""
    some = settings(
        max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    with engine.connect() as connection, connection.begin() as outer:
        stage = build(connection)
        run_state_machine_as_test(lambda: Diary(stage), settings=some)  # type: ignore[arg-type]  # it takes whatever makes a machine
        outer.rollback()
