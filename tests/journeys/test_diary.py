"""A diary is worked with for weeks, and after each step both sides hold the same and no slot is overfilled anywhere."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path as FilePath
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.cli.centre import compare, reader_of
from mobile_units.config import Settings
from mobile_units.models.bulk_moves import BulkMove
from mobile_units.models.inbound import InboundState
from mobile_units.models.itineraries import Itinerary, Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import AttemptOutcome, MessageState, OutboxMessage, TransmissionAttempt
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.rules.admission import BookingChannel, Reservation, is_public
from mobile_units.rules.calendar import first_working_day_after, local_day
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.roles import Role
from mobile_units.rules.sessions import Resource
from mobile_units.rules.template_changes import Mode
from mobile_units.rules.templates import Blocking, HeldBack, Overbooking, SharedResources, Template
from mobile_units.rules.visits import OCCUPYING, CancelledBy, VisitStatus
from mobile_units.rules.waiting import WaitingStatus
from mobile_units.sandbox import contract
from mobile_units.sandbox import visits as central_visits
from mobile_units.sandbox.ikp import Ikp
from mobile_units.sandbox.server import SandboxServer
from mobile_units.services import (
    bulk_move_application,
    bulk_move_undo,
    bulk_moves,
    changes,
    holds,
    inbound,
    initial_loads,
    itineraries,
    merging,
    offers,
    reconciliation,
    template_use,
    visits,
    waiting_list,
)
from mobile_units.services.actors import Actor
from mobile_units.services.bulk_move_scopes import Scope
from mobile_units.services.bulk_moves import NewBulkMove
from mobile_units.services.changes import StopChange, WorkedDay
from mobile_units.services.initial_loads import NewLoad
from mobile_units.services.itineraries import DayHours, NewItinerary, NewStop
from mobile_units.services.merging import Merge
from mobile_units.services.offers import Offered
from mobile_units.services.template_use import StopsUse
from mobile_units.services.visits import Cancellation, NewVisit, PathChange, StatusChange
from mobile_units.services.waiting_list import NewEntry
from mobile_units.transmission.inbound import Reader
from mobile_units.transmission.worker import worker_of
from tests import factories, factories_booking, factories_planning
from tests.factories_planning import CYTOLOGY, HPV, MAMMOGRAPHY, does
from tests.factories_templates import hours, kept, week
from tests.services.test_initial_loads import line, table
from tests.statements import refused as is_refused

CYTO = Path.CLASSIC_CYTOLOGY
ARRIVED = AttemptOutcome.DELIVERED, AttemptOutcome.ALREADY_DELIVERED


@dataclass
class Diary:
    """A provider with three units that are out on the next days, and the central system."""

    engine: Engine
    settings: Settings
    server: SandboxServer
    actor: Actor
    days: Sequence[date]

    # both sides

    @property
    def ikp(self) -> Ikp:
        """Where women book by themselves."""
        return Ikp(contract.load(), self.server.state)

    @property
    def reader(self) -> Reader:
        """Reads what women changed."""
        return reader_of(self.settings, self.engine)

    def settle(self, refused_attempts: int | None = 0) -> None:
        """Everything is handed over and read back, and both sides hold the same."""
        worker_of(self.settings, self.engine, Event()).drain(10)
        reading = self.reader.read(self.actor.provider_id, patient=False)
        assert reading is not None
        assert (reading.failure, reading.states.get(InboundState.CONFLICT, 0)) == (None, 0)
        worker_of(self.settings, self.engine, Event()).drain(10)
        self.require_all_accepted(refused_attempts)
        self.require_same_slots()
        self.require_same_visits()

    def require_all_accepted(self, refused_attempts: int | None) -> None:
        """No message is left, and none was ever refused, or so many attempts were (None: any number)."""
        mine = OutboxMessage.provider_id == self.actor.provider_id
        refused = (
            select(OutboxMessage.kind, TransmissionAttempt.description)
            .join(TransmissionAttempt, TransmissionAttempt.message_id == OutboxMessage.id)
            .where(mine, TransmissionAttempt.outcome.not_in(ARRIVED))
        )
        states = select(OutboxMessage.kind, OutboxMessage.state).where(mine)
        with db.transaction(self.engine) as session:
            if refused_attempts is not None:
                assert session.execute(refused).all() == []
            assert {row for row in session.execute(states).all() if row.state is not MessageState.ACCEPTED} == set()

    def require_same_slots(self) -> None:
        """Places and times of every slot that was ever told; no visit more than places, on either side."""
        query = "SELECT id, starts, ends, capacity FROM slot"
        booked = "SELECT slot, count(*) AS visits FROM visit WHERE status <> ? GROUP BY slot"
        with self.server.state.transaction() as state:
            there = {row["id"].partition("/")[2]: row for row in state.execute(query)}
            visits_there = {
                row["slot"].partition("/")[2]: row["visits"]
                for row in state.execute(booked, (central_visits.CANCELLED,))
            }
        with db.transaction(self.engine) as session:
            for slot in self.slots(session):
                assert slot.taken <= slot.capacity + slot.extra
                known = there.pop(str(slot.uuid), None)
                if known is None:
                    assert (slot.status, slot.told_places) == (SlotStatus.WITHDRAWN, None)
                    continue
                named = f"{slot.id} {slot.starts_at} {slot.status} {slot.reserved_for} {slot.capacity} {slot.taken}"
                assert (known["capacity"], slot.told_places) == (places(slot), places(slot)), named
                assert visits_there.get(str(slot.uuid), 0) <= known["capacity"], named
                if slot.status is not SlotStatus.WITHDRAWN:
                    time_there = known["starts"], known["ends"]
                    assert time_there == (slot.starts_at.timestamp(), slot.ends_at.timestamp()), named
        assert there == {}

    def require_same_visits(self) -> None:
        """A comparison of all days finds no difference."""
        with db.transaction(self.engine) as session:
            period = reconciliation.Period(self.days[0] - timedelta(days=30), self.days[-1] + timedelta(days=30))
            begun = reconciliation.begin(session, self.actor, period, clock.now())
        assert compare(self.reader, self.actor, begun)
        with db.transaction(self.engine) as session:
            found = reconciliation.get_with_summary(session, self.actor, begun.id)
            assert found.differences == {}
            held = Counter(
                session.scalars(
                    select(Visit.slot_id).where(
                        Visit.provider_id == self.actor.provider_id, Visit.status.in_(sorted(OCCUPYING))
                    )
                )
            )
            assert {slot.id: slot.taken for slot in self.slots(session) if slot.taken} == held

    # what there is

    def slots(self, session: Session) -> Sequence[Slot]:
        """All slots of the provider."""
        query = select(Slot).join(Slot.schedule).where(Schedule.provider_id == self.actor.provider_id)
        return session.scalars(query.order_by(Slot.starts_at, Slot.id)).all()

    def stops(self, session: Session) -> Sequence[Stop]:
        """The stops in the order in which they were planned."""
        query = select(Stop).join(Stop.itinerary).where(Itinerary.provider_id == self.actor.provider_id)
        return session.scalars(query.order_by(Stop.id)).all()

    def slot(self, session: Session, stop: Stop, path: Path = Path.MAMMOGRAPHY, **wanted: Any) -> Slot:
        """The first empty open slot of a stop that is as wanted."""
        wanted = {"reserved_for": None, "status": SlotStatus.OPEN, "fits": True, "taken": 0} | wanted
        query = select(Slot).join(Slot.schedule).join(Schedule.mobile_point)
        query = query.where(MobilePoint.stop_id == stop.id, Schedule.path == path)
        found = session.scalars(query.order_by(Slot.starts_at)).all()
        return next(row for row in found if all(getattr(row, name) == value for name, value in wanted.items()))

    def book(self, session: Session, slot: Slot, path: Path = Path.MAMMOGRAPHY, **terms: Any) -> Visit:
        """The visit of a new woman."""
        woman = factories_booking.woman(session, self.actor.provider_id)
        command = NewVisit(woman_id=woman.id, slot_id=slot.id, path=path, **terms)
        return visits.book(session, self.actor, command, clock.now())

    def book_there(self, slot: Slot, path: str = "MAMMOGRAFIA") -> str:
        """A woman books in IKP; the identifier of her visit."""
        patient = {
            "pesel": factories_booking.pesel(),
            "given_name": "Fikcja",
            "family_name": "Zmyślona",
            "birth_date": "1970-05-17",
        }
        return self.ikp.book({"slot": self.named(slot), "path": path, "patient": patient})

    def named(self, slot: Slot) -> str:
        """A slot as the centre names it."""
        with db.transaction(self.engine) as session:
            return f"{session.get_one(Slot, slot.id).schedule.service_place.provider.oid_root}/{slot.uuid}"

    def cancel(self, session: Session, visit: Visit, by: CancelledBy = CancelledBy.WOMAN) -> None:
        """A visit is given up."""
        session.refresh(visit)
        visits.cancel(session, self.actor, visit.id, Cancellation(version=visit.version, cancelled_by=by))

    def use(self, session: Session, template: Template, *stops: Stop) -> None:
        """A template is applied to stops, in place of what is there."""
        session.refresh(stops[0].itinerary)
        command = StopsUse(
            version=stops[0].itinerary.version, mode=Mode.OVERWRITE, stop_ids=[stop.id for stop in stops]
        )
        template_use.apply(session, self.actor, kept(session, self.actor, template).id, command, clock.now())


def places(slot: Slot) -> int:
    """How many places women may see of a slot, told again from the rules and not from what is sent."""
    if slot.status is SlotStatus.WITHDRAWN:
        return 0
    shown = slot.status is SlotStatus.OPEN and is_public(slot.reserved_for) and not slot.kept_for_waiting and slot.fits
    return max(slot.capacity, slot.taken) if shown else slot.taken


@pytest.fixture
def diary(engine: Engine, settings: Settings, tmp_path: FilePath) -> Iterator[Diary]:
    """Published and accepted: a mammobus for two days, a second one for the two after it, and a combined unit."""
    first = first_working_day_after(clock.today() + timedelta(days=20))
    second = first_working_day_after(first)
    third = first_working_day_after(second)
    with SandboxServer(tmp_path / "centre.sqlite") as server:
        with db.transaction(engine) as session:
            provider = factories.provider(session)
            provider.oid_root = f"{provider.oid_root}.{provider.id}"
            actor = Actor(provider.id, roles=frozenset({Role.MIDWIFE, Role.ADMINISTRATOR}))
            factories_planning.contract(session, provider.id, {MAMMOGRAPHY: 500, CYTOLOGY: 500, HPV: 500})
            combined = [does(session, provider.id), does(session, provider.id, Programme.CERVICAL)]
            units = [
                factories_planning.unit(session, provider.id, what, setup_minutes=0) for what in (None, None, combined)
            ]
            command = NewItinerary(name="Dziennik", first_day=first, last_day=third + timedelta(days=30))
            itinerary = itineraries.create(session, actor, command)
            worked = ((first, second), 12), ((second, third), 9), ((first,), 12)
            for unit, (days, closes) in zip(units, worked, strict=True):
                unit.closes = time(closes)
                there = factories_planning.site(session, provider.id)
                there.teryt = "1017094"
                stop = NewStop(unit_id=unit.id, site_id=there.id, days=[DayHours(day) for day in days])
                itineraries.add_stop(session, actor, itinerary.id, stop)
            factories_planning.publish(session, actor, itinerary, clock.now())
        found = Diary(engine, replace(settings, cer_url=server.address), server, actor, (first, second, third))
        found.settle()
        yield found


USUAL = week(
    hours("08:00", "11:00"),
    held_back=HeldBack(slots=1),
    quotas={BookingChannel.CENTRAL: 20, BookingChannel.DESK: 20, BookingChannel.TELEPHONE: 20},
    blocking=Blocking(every=6),
    overbooking=Overbooking(7, "co dziesiąta pacjentka nie przychodzi"),
)

BREAST, BOTH = frozenset({Path.MAMMOGRAPHY}), frozenset({Path.MAMMOGRAPHY, CYTO, Path.HPV_LBC})
SHARED = week(
    hours("08:00", "12:00"),
    shared=SharedResources(
        {Path.MAMMOGRAPHY: 20, CYTO: 30, Path.HPV_LBC: 30},
        (Resource("1", BOTH), Resource("2", BREAST)),
        (Resource("a", BOTH), Resource("b", BREAST)),
    ),
)


def test_a_diary_is_worked_with_and_both_sides_agree(diary: Diary) -> None:
    """From the templates to the merge of two women; each stage is one of everyday work."""
    templates_are_applied(diary)
    women_are_booked(diary)
    places_are_held(diary)
    places_are_waited_for(diary)
    a_stop_is_changed(diary)
    a_unit_breaks_down(diary)
    visits_are_carried_out(diary)
    two_women_are_one(diary)


def templates_are_applied(diary: Diary) -> None:
    """Reserved, held back, blocked and with extra places at one stop; shared rooms and crew at another."""
    with db.transaction(diary.engine) as session:
        mammobus, _, combined = diary.stops(session)
        diary.use(session, USUAL, mammobus)
        diary.use(session, SHARED, combined)
    diary.settle()


def women_are_booked(diary: Diary) -> None:
    """By every channel, into every kind of slot; those of whom the centre knows nothing are told again first."""
    with db.transaction(diary.engine) as session:
        mammobus, _, combined = diary.stops(session)
        for channel in BookingChannel:
            if channel is not BookingChannel.CENTRAL:
                slot = diary.slot(session, mammobus, reserved_for=Reservation(channel.value))
                diary.book(session, slot, channel=channel)
        diary.book(session, diary.slot(session, mammobus, reserved_for=Reservation.URGENT), urgent=True)
        crowded = diary.slot(session, mammobus, extra=1)
        diary.book(session, crowded)
        diary.book(session, crowded, overbooking=True)
        diary.book(session, diary.slot(session, combined, CYTO), CYTO)
        diary.book(session, diary.slot(session, combined))
        hers = diary.slot(session, mammobus, reserved_for=Reservation.CENTRAL)
        free = diary.slot(session, mammobus)
    diary.settle()
    with db.transaction(diary.engine) as session:
        mammobus, _, combined = diary.stops(session)
        mixed = diary.slot(session, combined)
    leaving = [diary.book_there(each) for each in (hers, free, mixed)][1]
    diary.settle()
    diary.ikp.cancel(leaving)
    diary.settle()
    with db.transaction(diary.engine) as session:
        loaded = [diary.slot(session, mammobus, reserved_for=Reservation.TELEPHONE), diary.slot(session, combined)]
        content = table(*(line(each, day=str(local_day(each.starts_at)), time=clock_of(each)) for each in loaded))
        result = initial_loads.load(session, diary.actor, NewLoad(file_name="w.csv", content=content), clock.now())
        assert result.load_id is not None, result
    diary.settle()
    with db.transaction(diary.engine) as session:
        for slot in diary.slots(session):
            overbooked = select(Visit).where(Visit.slot_id == slot.id, Visit.status == VisitStatus.BOOKED)
            if slot.taken and (slot.reserved_for or slot.session_id or slot.extra):
                diary.cancel(session, session.scalars(overbooked.order_by(Visit.id)).all()[-1])
    diary.settle()


def clock_of(slot: Slot) -> str:
    """When a slot begins, in Polish time."""
    return f"{slot.starts_at.astimezone(clock.WARSAW):%H:%M}"


def places_are_held(diary: Diary) -> None:
    """One hold is confirmed, one is given up, one runs out; into a reserved slot and a mixed session too."""
    now = clock.now()
    with db.transaction(diary.engine) as session:
        mammobus, _, combined = diary.stops(session)
        wanted = [
            diary.slot(session, mammobus),
            diary.slot(session, mammobus, reserved_for=Reservation.DESK),
            diary.slot(session, combined, CYTO),
        ]
        made = []
        for slot in wanted:
            woman = factories_booking.woman(session, diary.actor.provider_id)
            command = NewVisit(woman_id=woman.id, slot_id=slot.id, path=slot.schedule.path)
            made.append(holds.hold(session, diary.actor, command, now, now + timedelta(minutes=10)))
    diary.settle()
    with db.transaction(diary.engine) as session:
        holds.confirm(session, diary.actor, made[0].id, made[0].version, now)
        given_up = Cancellation(version=made[1].version, cancelled_by=CancelledBy.WOMAN)
        holds.give_up(session, diary.actor, made[1].id, given_up)
    with db.transaction(diary.engine) as session:
        assert holds.expire(session, now + timedelta(minutes=11))
    diary.settle()


def places_are_waited_for(diary: Diary) -> None:
    """The last place of the second mammobus is freed, offered, declined, offered again, and accepted."""
    at = datetime.combine(clock.today() + timedelta(days=1), time(10), clock.WARSAW)
    with db.transaction(diary.engine) as session:
        _, second, _ = diary.stops(session)
        taken = [diary.book(session, slot) for slot in diary.slots(session) if of_stop(session, slot, second)]
        entries = [
            waiting_list.add(
                session,
                diary.actor,
                NewEntry(
                    woman_id=factories_booking.woman(session, diary.actor.provider_id).id,
                    path=Path.MAMMOGRAPHY,
                    stop_id=second.id,
                ),
                clock.now(),
            ).id
            for _ in range(3)
        ]
        diary.cancel(session, taken[0])
    diary.settle()
    with db.transaction(diary.engine) as session:
        [kept_slot] = [slot for slot in diary.slots(session) if slot.kept_for_waiting]
        with is_refused("slot_kept_for_waiting"):
            diary.book(session, kept_slot)
    for entry_id, answer in zip(entries, ("decline", "accept", None), strict=True):
        with db.transaction(diary.engine) as session:
            due = [key for key in offers.due(session) if key == kept_slot.id]
            for key in due:
                assert offers.offer(session, key, at) is Offered.TO_A_WOMAN
        diary.settle()
        with db.transaction(diary.engine) as session:
            entry = session.get_one(WaitingListEntry, entry_id)
            if answer is None:
                assert entry.status is WaitingStatus.WAITING
            elif answer == "decline":
                offers.decline(session, diary.actor, entry.id, entry.version)
            else:
                offers.accept(session, diary.actor, entry.id, entry.version, at)
        diary.settle()
    with db.transaction(diary.engine) as session:
        for visit in taken[1:10]:
            diary.cancel(session, session.get_one(Visit, visit.id))
    diary.settle()
    with db.transaction(diary.engine) as session:
        while freed := offers.due(session):
            for key in freed:
                offers.offer(session, key, at)
    diary.settle()


def of_stop(session: Session, slot: Slot, stop: Stop) -> bool:
    """Whether a slot that can be booked is one of a stop."""
    point = slot.schedule.mobile_point
    return point is not None and point.stop_id == stop.id and slot.status is SlotStatus.OPEN


def a_stop_is_changed(diary: Diary) -> None:
    """A day is dropped, the other begins later, and the template changes how long an examination takes."""
    with db.transaction(diary.engine) as session:
        mammobus = diary.stops(session)[0]
        change = StopChange(
            version=mammobus.itinerary.version, days=(WorkedDay(diary.days[1], time(8, 30), time(11)),), orphan=True
        )
        done = changes.change_stop(session, diary.actor, mammobus.id, change, clock.now())
        assert done.orphaned
    diary.settle()
    with db.transaction(diary.engine) as session:
        mammobus = diary.stops(session)[0]
        diary.use(session, week(hours("08:00", "11:00"), minutes=15), mammobus)
    diary.settle()
    with db.transaction(diary.engine) as session:
        mammobus = diary.stops(session)[0]
        days = tuple(WorkedDay(day, time(8), time(11)) for day in diary.days[:2])
        change = StopChange(version=mammobus.itinerary.version, days=days, orphan=True)
        changes.change_stop(session, diary.actor, mammobus.id, change, clock.now())
        for _ in range(4):
            diary.book(session, diary.slot(session, mammobus))
    diary.settle()


def a_unit_breaks_down(diary: Diary) -> None:
    """Its stop is withdrawn; all women go to the others, back again, and away for good."""
    with db.transaction(diary.engine) as session:
        mammobus = diary.stops(session)[0]
        version = mammobus.itinerary.version
        done = changes.withdraw_stop(session, diary.actor, mammobus.id, version, clock.now(), orphan=True)
        assert done.orphaned
    diary.settle()
    for again in (True, False):
        with db.transaction(diary.engine) as session:
            scope = Scope(stop_id=diary.stops(session)[0].id, orphaned=True)
            move = bulk_moves.propose(session, diary.actor, NewBulkMove(reason="awaria", scope=scope), clock.now())
            bulk_move_application.apply(session, diary.actor, move.id, move.version, clock.now(), leave_unassigned=True)
        diary.settle()
        if again:
            with db.transaction(diary.engine) as session:
                move = session.get_one(BulkMove, move.id)
                bulk_move_undo.undo(session, diary.actor, move.id, move.version, "naprawiony", clock.now())
            diary.settle()
    with db.transaction(diary.engine) as session:
        moved = select(func.count()).where(Visit.status == VisitStatus.MOVED)
        assert session.scalar(moved.where(Visit.provider_id == diary.actor.provider_id))


def visits_are_carried_out(diary: Diary) -> None:
    """Another path in the mixed session, then attendance of all kinds."""
    evening = datetime.combine(diary.days[-1], time(20), clock.WARSAW)
    with db.transaction(diary.engine) as session:
        combined = diary.stops(session)[2]
        visit = diary.book(session, diary.slot(session, combined, CYTO), CYTO)
    diary.settle()
    with db.transaction(diary.engine) as session:
        changed = PathChange(version=visit.version, path=Path.HPV_LBC)
        visits.change_path(session, diary.actor, visit.id, changed)
    diary.settle()
    with db.transaction(diary.engine) as session:
        query = select(Visit).where(Visit.provider_id == diary.actor.provider_id, Visit.status == VisitStatus.BOOKED)
        outcomes = (VisitStatus.ARRIVED, VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW, VisitStatus.CONFIRMED)
        for visit, status in zip(session.scalars(query.order_by(Visit.id)), outcomes, strict=False):
            command = StatusChange(version=visit.version, status=status, reason="próba")
            visits.change_status(session, diary.actor, visit.id, command, evening)
    diary.settle()


def two_women_are_one(diary: Diary) -> None:
    """One has a visit in each programme of a woman who was kept twice."""
    with db.transaction(diary.engine) as session:
        _, second, combined = diary.stops(session)
        visit = diary.book(session, diary.slot(session, second))
        other = diary.book(session, diary.slot(session, combined, CYTO), CYTO)
    diary.settle()
    with db.transaction(diary.engine) as session:
        kept_one, merged = (session.get_one(Visit, each.id).woman for each in (visit, other))
        command = Merge(kept_version=kept_one.version, merged_version=merged.version, reason="ta sama osoba")
        merging.merge(session, diary.actor, kept_one.id, merged.id, command)
    diary.settle()


def test_women_book_in_ikp_while_their_slots_are_taken_away(diary: Diary) -> None:
    """She has a place there that we gave to another: what we tell is refused until it is settled who has it."""
    with db.transaction(diary.engine) as session:
        diary.use(session, SHARED, diary.stops(session)[2])
    diary.settle()
    for taken_over in (False, True):
        with db.transaction(diary.engine) as session:
            combined = diary.stops(session)[2]
            ours = diary.slot(session, combined, CYTO)
            visit = diary.book(session, ours, CYTO)
        with db.transaction(diary.engine) as session:
            lost = next(each for each in diary.slots(session) if not each.fits and each.taken < (each.told_places or 0))
            assert (lost.schedule.path, lost.taken) == (Path.HPV_LBC, 0)
        diary.book_there(lost, "HPV_LBC")
        worker_of(diary.settings, diary.engine, Event()).drain(10)
        reading = diary.reader.read(diary.actor.provider_id, patient=False)
        assert reading is not None
        assert reading.states == {InboundState.CONFLICT: 1}
        with db.transaction(diary.engine) as session:
            (conflict,) = inbound.find(session, diary.actor, inbound.InboundFilter()).items
            if taken_over:
                diary.cancel(session, session.get_one(Visit, visit.id), CancelledBy.PROVIDER)
                inbound.retry(session, diary.actor, conflict.id, clock.now())
            else:
                inbound.decline(session, diary.actor, conflict.id, inbound.Note(note="sala zajęta"), clock.now())
        diary.settle(refused_attempts=None)
