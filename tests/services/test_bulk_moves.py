"""Bulk moves: proposed for all women at once, changed by hand, carried out and undone as a whole."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.bulk_moves import BulkMove, BulkMoveRow
from mobile_units.models.itineraries import Stop
from mobile_units.models.messages import MessageToWoman
from mobile_units.models.mixed_sessions import MixedSession
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxDependency, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules import sessions as rules_of_sessions
from mobile_units.rules.admission import Reservation
from mobile_units.rules.bulk_moves import BulkMoveStatus
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.sessions import Resource
from mobile_units.rules.slots import Interval
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ACTIVE, OCCUPYING, CancelledBy, VisitStatus
from mobile_units.services import (
    bulk_move_application,
    bulk_move_undo,
    bulk_moves,
    mixed_sessions,
    offers,
    visits,
    waiting_list,
    women,
)
from mobile_units.services.actors import Actor
from mobile_units.services.bulk_move_scopes import Scope
from mobile_units.services.bulk_moves import Choice, NewBulkMove
from mobile_units.services.offers import Offered
from mobile_units.services.visits import Cancellation, NewVisit, StatusChange
from mobile_units.services.waiting_list import NewEntry
from mobile_units.transmission import outbox
from tests import factories, factories_booking
from tests.factories_booking import DAY, NOW
from tests.statements import counted, refused

NEAR, FAR = (51.30, 18.60), (54.35, 18.65)
"""Coordinates 9 and 350 km from the stop at Wieluń that is lost."""


def stop_with_slots(  # noqa: PLR0917 -- a stop with slots: where, when, how many, and of how many places
    session: Session,
    actor: Actor,
    slots: int,
    at: tuple[float, float] = NEAR,
    day: date = DAY,
    capacity: int = 1,
    path: Path = Path.MAMMOGRAPHY,
) -> list[Slot]:
    """The slots of a stop, ten minutes apart from nine o'clock."""
    stop = factories_booking.stop(session, actor.provider_id, day, "Osjaków", at)
    schedule = factories_booking.schedule(session, actor.provider_id, path, day, at=stop)
    times = [(datetime.combine(day, time(9)) + timedelta(minutes=10 * n)).time() for n in range(slots)]
    return [
        factories_booking.slot(session, actor.provider_id, at=each, capacity=capacity, of=schedule) for each in times
    ]


def stop_of(slot: Slot) -> int:
    """The stop of a slot."""
    assert slot.schedule.mobile_point is not None
    return slot.schedule.mobile_point.stop_id


def booked(session: Session, actor: Actor, slot: Slot, **terms: Any) -> Visit:
    """The visit of a new woman in a slot."""
    born = terms.pop("born", date(1970, 5, 17))
    declared = terms.pop("declared", {})
    woman = factories_booking.woman(session, actor.provider_id, born, **declared)
    path = slot.schedule.path
    return visits.book(session, actor, NewVisit(woman_id=woman.id, slot_id=slot.id, path=path, **terms), NOW)


@dataclass
class Lost:
    """A stop that is lost, with visits at ten-minute steps from nine."""

    session: Session
    actor: Actor
    visits: list[Visit] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)

    @property
    def scope(self) -> Scope:
        """All visits of the stop leave."""
        return Scope(stop_id=stop_of(self.slots[0]))

    def propose(self, **scope: Any) -> BulkMove:
        """The proposal for the stop."""
        command = NewBulkMove(reason="awaria", scope=Scope(stop_id=stop_of(self.slots[0]), **scope))
        return bulk_moves.propose(self.session, self.actor, command, NOW)

    def apply(self, move: BulkMove, **how: Any) -> BulkMove:
        """The move carried out."""
        return bulk_move_application.apply(self.session, self.actor, move.id, move.version, NOW, **how)

    def undo(self, move: BulkMove, now: datetime = NOW) -> BulkMove:
        """The move undone."""
        return bulk_move_undo.undo(self.session, self.actor, move.id, move.version, "pomyłka", now)


@pytest.fixture
def lost(session: Session, actor: Actor) -> Lost:
    """A stop with three slots of one place, all taken."""
    slots = stop_with_slots(session, actor, 3, at=(51.22097, 18.56964))
    return Lost(session, actor, [booked(session, actor, slot) for slot in slots], slots)


def goes(move: BulkMove) -> dict[int, int | None]:
    """The slot of each visit."""
    return {row.visit_id: row.to_slot_id for row in move.rows}


def why(move: BulkMove) -> list[str | None]:
    """Why each visit has no place."""
    return [row.reason for row in move.rows]


def places(session: Session, actor: Actor) -> dict[int, tuple[int, SlotStatus]]:
    """Taken places and status of every slot of the provider, as stored."""
    query = select(Slot.id, Slot.taken, Slot.status).join(Slot.schedule)
    found = session.execute(query.where(Slot.schedule.has(provider_id=actor.provider_id)))
    return {key: (taken, status) for key, taken, status in found}


def active(session: Session, actor: Actor) -> dict[int, int]:
    """The slot of the one active visit of each woman."""
    query = select(Visit.woman_id, Visit.slot_id).where(Visit.provider_id == actor.provider_id)
    found = session.execute(query.where(Visit.status.in_(sorted(ACTIVE)))).all()
    assert len({woman for woman, _ in found}) == len(found)
    return {row.woman_id: row.slot_id for row in found}


def require_sound(session: Session, actor: Actor) -> None:
    """Places taken are those of the visits, within the capacity."""
    session.flush()
    query = select(Visit.slot_id).where(Visit.provider_id == actor.provider_id, Visit.status.in_(sorted(OCCUPYING)))
    held = Counter(session.scalars(query))
    for key, (taken, _) in places(session, actor).items():
        assert taken == held[key]
    assert all(slot.taken <= slot.capacity for slot in session.scalars(select(Slot)).all())


def test_everybody_goes_to_the_nearest_stop_and_nobody_is_bound(session: Session, lost: Lost) -> None:
    """The proposal tells who goes where; no place is taken by it."""
    near = stop_with_slots(session, lost.actor, 4)
    stop_with_slots(session, lost.actor, 4, at=FAR)
    move = lost.propose()
    assert set(goes(move)) == {visit.id for visit in lost.visits}
    assert set(goes(move).values()) < {slot.id for slot in near}
    whole = bulk_moves.get(session, lost.actor, move.id)
    assert (whole.totals.placed, whole.totals.without_place, whole.totals.days_later) == (3, 0, 0)
    assert whole.rows[0].to is not None
    assert (whole.rows[0].was.stop_id, whole.rows[0].to.stop_id) == (stop_of(lost.slots[0]), stop_of(near[0]))
    assert whole.rows[0].km_farther == pytest.approx(9.0, abs=0.5)
    assert {places(session, lost.actor)[slot.id] for slot in near} == {(0, SlotStatus.OPEN)}


def test_the_rules_of_eligibility_say_from_when_to_when_she_can_go(session: Session, actor: Actor) -> None:
    """Not before her interval is over, not after the year in which she is too old."""
    declared = {"examinations": [women.DeclaredExamination(path=Path.MAMMOGRAPHY, performed_on=date(2025, 3, 12))]}
    [soon] = stop_with_slots(session, actor, 1, day=date(2027, 3, 19))
    [late] = stop_with_slots(session, actor, 1, day=date(2027, 12, 20))
    waiting = booked(session, actor, soon, declared=declared)
    ageing = booked(session, actor, late, born=date(1953, 5, 17))
    places = [stop_with_slots(session, actor, 1, day=day)[0] for day in (date(2027, 3, 11), date(2028, 1, 4))]
    scope = Scope(visit_ids=(waiting.id, ageing.id), to_stop_ids=[stop_of(slot) for slot in places])
    move = bulk_moves.propose(session, actor, NewBulkMove(reason="awaria", scope=scope), NOW)
    assert goes(move) == {waiting.id: places[1].id, ageing.id: places[0].id}
    assert [(row.not_before, row.latest) for row in bulk_moves.get(session, actor, move.id).rows] == [
        (date(2027, 3, 12), None),
        (None, date(2027, 12, 31)),
    ]
    [too_soon] = stop_with_slots(session, actor, 1, day=date(2027, 3, 11))
    with refused("not_on_this_day"):
        choice = Choice(version=move.version, visit_id=waiting.id, slot_id=too_soon.id)
        bulk_moves.choose(session, actor, move.id, choice, NOW)


def test_a_rule_that_was_set_aside_stays_so_whoever_moves_her(session: Session, actor: Actor) -> None:
    """The reason that a midwife gave goes along, though the coordinator who applies could not have given one."""
    midwife = Actor(actor.provider_id, None, frozenset({Role.MIDWIFE}))
    [slot] = stop_with_slots(session, actor, 1)
    visit = booked(session, midwife, slot, born=date(2000, 1, 1), override_reason="wskazanie lekarza")
    [place] = stop_with_slots(session, actor, 1)
    lost = Lost(session, Actor(actor.provider_id, None, frozenset({Role.COORDINATOR})), [visit], [slot])
    lost.apply(lost.propose())
    [moved] = session.scalars(select(Visit).where(Visit.slot_id == place.id))
    assert (moved.override_reason, moved.moved_from) == ("wskazanie lekarza", visit.uuid)


def test_who_cannot_go_anywhere_is_told_why(session: Session, lost: Lost) -> None:
    """Nothing of her path, all too far, kept for others, or fewer places than women: each has its reason."""
    assert why(lost.propose()) == 3 * ["none_near"]
    [late] = stop_with_slots(session, lost.actor, 1, day=DAY + timedelta(days=40))
    far = stop_with_slots(session, lost.actor, 3, at=FAR)
    assert why(lost.propose()) == 3 * ["none_near"]
    [other] = stop_with_slots(session, lost.actor, 1, path=Path.HPV_LBC)
    assert why(lost.propose(to_stop_ids=[stop_of(other)])) == 3 * ["no_place_of_path"]
    assert len(set(goes(lost.propose(to_stop_ids=[stop_of(late)])).values())) == 2
    assert why(lost.propose(to_stop_ids=[stop_of(far[0])])) == 3 * [None]
    [kept] = stop_with_slots(session, lost.actor, 1)
    kept.reserved_for = Reservation.URGENT
    assert why(lost.propose()) == 3 * ["reserved"]
    lost.visits[1].urgent = True
    assert goes(lost.propose()) == {
        lost.visits[0].id: None,
        lost.visits[1].id: kept.id,
        lost.visits[2].id: None,
    }
    kept.reserved_for = None
    assert sorted(filter(None, why(lost.propose()))) == ["all_full", "all_full"]


def test_held_begun_and_ended_visits_are_not_moved(session: Session, lost: Lost) -> None:
    """The answer names those of the scope that stay, and why; what is asked for must be there."""
    stop_with_slots(session, lost.actor, 3)
    held, arrived, stays = lost.visits
    held.status, held.held_until = VisitStatus.HELD, NOW + timedelta(minutes=5)
    arrived.status = VisitStatus.ARRIVED
    session.flush()
    move = lost.propose()
    assert list(goes(move)) == [stays.id]
    left_out = bulk_moves.get(session, lost.actor, move.id).left_out
    assert [(each["visit_id"], each["why"]) for each in left_out] == [(held.id, "held"), (arrived.id, "arrived")]
    after = lost.slots[0].starts_at + timedelta(hours=8)
    with refused("bulk_move_empty"):
        command = NewBulkMove(reason="awaria", scope=Scope(visit_ids=(stays.id,)))
        bulk_moves.propose(session, lost.actor, command, after)
    for scope in (Scope(stop_id=10**9), Scope(unit_id=10**9, first_day=DAY, last_day=DAY), Scope(visit_ids=(10**9,))):
        with refused("not_found"):
            bulk_moves.propose(session, lost.actor, NewBulkMove(reason="awaria", scope=scope), NOW)
    for scope in (Scope(), Scope(unit_id=1), Scope(stop_id=1, visit_ids=(1,))):
        with refused("bulk_move_scope"):
            bulk_moves.propose(session, lost.actor, NewBulkMove(reason="awaria", scope=scope), NOW)


def test_a_unit_that_is_out_takes_nobody_on_those_days(session: Session, lost: Lost) -> None:
    """Its other stops serve when it is back; orphaned slots are a scope of their own."""
    unit = session.get_one(Stop, stop_of(lost.slots[0])).unit_id
    scope = Scope(unit_id=unit, first_day=DAY, last_day=DAY)
    later = stop_with_slots(session, lost.actor, 3, day=DAY + timedelta(days=1))
    session.get_one(Stop, stop_of(later[0])).unit_id = unit
    session.get_one(Stop, stop_of(later[0])).days[0].unit_id = unit
    session.flush()
    for last_day, found in ((DAY, 3), (DAY + timedelta(days=1), 0)):
        command = NewBulkMove(reason="awaria", scope=replace(scope, last_day=last_day))
        move = bulk_moves.propose(session, lost.actor, command, NOW)
        assert sum(slot is not None for slot in goes(move).values()) == found
    lost.slots[1].status = SlotStatus.ORPHANED
    session.flush()
    command = NewBulkMove(reason="awaria", scope=Scope(orphaned=True))
    assert list(goes(bulk_moves.propose(session, lost.actor, command, NOW))) == [lost.visits[1].id]


def test_a_mixed_session_offers_only_what_it_can_hold_at_once(session: Session, lost: Lost) -> None:
    """Three slots at one time share one room and one person: one woman is sent there, not three."""
    room = (Resource("Gabinet", frozenset({Path.MAMMOGRAPHY})),)
    offered = stop_with_slots(session, lost.actor, 3)
    judged = rules_of_sessions.Session(
        hours=Interval(local_instant(DAY, time(8)), local_instant(DAY, time(16))),
        minutes={Path.MAMMOGRAPHY: 30},
        rooms=room,
        crew=room,
    )
    shared = MixedSession(
        provider_id=lost.actor.provider_id,
        stop_id=stop_of(offered[0]),
        day=DAY,
        starts_at=judged.hours.starts_at,
        ends_at=judged.hours.ends_at,
        content=mixed_sessions.content_of(judged),
    )
    for slot in offered:
        slot.session = shared
    session.flush()
    move = lost.propose()
    assert sorted(filter(None, goes(move).values())) == [offered[0].id]
    lost.apply(move, leave_unassigned=True)
    assert [session.scalar(select(Slot.fits).where(Slot.id == slot.id)) for slot in offered] == 3 * [False]
    require_sound(session, lost.actor)


def test_a_proposal_takes_few_statements_however_many_women(session: Session, lost: Lost) -> None:
    """Nothing is read for each woman: visits, schedules, slots, history, rules; audit log, move and rows are stored."""
    stop_with_slots(session, lost.actor, 12)
    stop = stop_with_slots(session, lost.actor, 8, at=(51.22097, 18.56964))
    many = Lost(session, lost.actor, [booked(session, lost.actor, slot) for slot in stop], stop)
    sent = []
    for scope in (lost.scope, many.scope):
        session.flush()
        session.expire_all()
        with counted(session.connection()) as statements:
            bulk_moves.propose(session, lost.actor, NewBulkMove(reason="awaria", scope=scope), NOW)
        sent.append(len(statements))
    assert sent[0] == sent[1] <= 12, "\n".join(statements)


def test_what_was_chosen_by_hand_stays_when_the_rest_is_worked_out_anew(session: Session, lost: Lost) -> None:
    """A far slot and none at all are kept; a place that is gone since is not."""
    near, far = stop_with_slots(session, lost.actor, 4), stop_with_slots(session, lost.actor, 1, at=FAR)
    move = lost.propose()
    one, other, third = lost.visits
    for visit, slot_id in ((one, far[0].id), (other, None), (third, near[3].id)):
        choice = Choice(version=move.version, visit_id=visit.id, slot_id=slot_id)
        bulk_moves.choose(session, lost.actor, move.id, choice, NOW)
    assert [row.by_hand for row in move.rows] == [True, True, True]
    booked(session, lost.actor, near[3])
    move = bulk_moves.recompute(session, lost.actor, move.id, move.version, NOW)
    assert goes(move) == {one.id: far[0].id, other.id: None, third.id: near[0].id}
    assert [row.by_hand for row in move.rows] == [True, True, False]
    with refused("stale_version"):
        bulk_moves.recompute(session, lost.actor, move.id, 1, NOW)


def test_a_choice_has_to_be_possible(session: Session, lost: Lost) -> None:
    """The own slot, a full one, a closed one, one of another programme and an unknown one are refused."""
    [full, blocked, other] = (stop_with_slots(session, lost.actor, 1)[0] for _ in range(3))
    booked(session, lost.actor, full)
    blocked.status, other.reserved_for = SlotStatus.BLOCKED, Reservation.URGENT
    [cervical] = stop_with_slots(session, lost.actor, 1, path=Path.HPV_LBC)
    move = lost.propose()
    expected = {
        lost.slots[0].id: "same_slot",
        full.id: "slot_full",
        blocked.id: "slot_not_open",
        other.id: "slot_reserved",
        cervical.id: "path_not_of_programme",
        10**9: "not_found",
    }
    for slot_id, code in expected.items():
        with refused(code):
            choice = Choice(version=move.version, visit_id=lost.visits[0].id, slot_id=slot_id)
            bulk_moves.choose(session, lost.actor, move.id, choice, NOW)
    bulk_moves.discard(session, lost.actor, move.id, move.version)
    with refused("bulk_move_settled"):
        lost.apply(move)
    with refused("not_found"):
        bulk_moves.get(session, Actor(0), move.id)


def test_all_are_moved_and_told(session: Session, lost: Lost) -> None:
    """The lost stop's orphaned slots go with their last visits; each woman is to be told, each step is passed on."""
    near = stop_with_slots(session, lost.actor, 3)
    for slot in lost.slots:
        slot.status = SlotStatus.ORPHANED
    session.flush()
    move = lost.apply(lost.propose())
    assert (move.status, sorted(row.position or 0 for row in move.rows)) == (BulkMoveStatus.APPLIED, [1, 2, 3])
    assert {places(session, lost.actor)[slot.id] for slot in lost.slots} == {(0, SlotStatus.WITHDRAWN)}
    assert {places(session, lost.actor)[slot.id] for slot in near} == {(1, SlotStatus.OPEN)}
    new = [row.new_visit_id for row in move.rows]
    told = session.scalars(select(MessageToWoman.visit_id).where(MessageToWoman.kind == NoticeKind.MOVED))
    assert set(new) <= set(told)
    saved = session.scalars(select(OutboxMessage.subject_id).where(OutboxMessage.kind == MessageKind.SAVE_VISIT))
    assert set(new) <= set(saved)
    for visit in lost.visits:
        cancellation = outbox.latest(session, MessageKind.CANCEL_VISIT, visit.id)
        assert cancellation is not None
        assert outbox.latest(session, MessageKind.SAVE_VISIT, visit.id) in cancellation.waits_for
    require_sound(session, lost.actor)


def test_who_has_no_place_stays_only_if_that_is_wanted(session: Session, lost: Lost) -> None:
    """Otherwise all is refused with the list; those who stay keep their orphaned slots."""
    stop_with_slots(session, lost.actor, 1)
    move = lost.propose()
    staying = [visit_id for visit_id, slot_id in goes(move).items() if slot_id is None]
    with pytest.raises(DomainError) as refusal:
        lost.apply(move)
    assert refusal.value.code == "bulk_move_unassigned"
    assert refusal.value.facts["visits"] == [{"visit_id": visit_id} for visit_id in staying]
    lost.apply(move, leave_unassigned=True)
    assert {session.get_one(Visit, visit_id).status for visit_id in staying} == {VisitStatus.BOOKED}
    require_sound(session, lost.actor)


def test_an_outdated_proposal_is_refused_whole_and_recomputed(session: Session, lost: Lost) -> None:
    """One visit was cancelled, the place of another is gone: both are listed, nobody has moved."""
    near = stop_with_slots(session, lost.actor, 3)
    move = lost.propose()
    gone, taken = lost.visits[0], lost.visits[1]
    visits.cancel(session, lost.actor, gone.id, Cancellation(version=gone.version, cancelled_by=CancelledBy.WOMAN))
    booked(session, lost.actor, session.get_one(Slot, goes(move)[taken.id]))
    with pytest.raises(DomainError) as refusal:
        lost.apply(move)
    assert refusal.value.code == "bulk_move_outdated"
    assert refusal.value.facts["visits"] == [
        {"visit_id": gone.id, "why": "visit_changed"},
        {"visit_id": taken.id, "why": "place_gone"},
    ]
    move = lost.apply(bulk_moves.recompute(session, lost.actor, move.id, move.version, NOW))
    assert set(goes(move)) == {taken.id, lost.visits[2].id}
    assert set(goes(move).values()) < {slot.id for slot in near}
    require_sound(session, lost.actor)


def test_undone_everybody_is_where_she_was(session: Session, lost: Lost) -> None:
    """Withdrawn slots are orphaned again; a blocked and an overbooked one have their visits back."""
    stop_with_slots(session, lost.actor, 4)
    crowded = factories_booking.slot(session, lost.actor.provider_id, at=time(12), of=lost.slots[0].schedule)
    crowded.extra = 1
    lost.visits.append(booked(session, lost.actor, crowded))
    lost.slots[0].status = SlotStatus.ORPHANED
    session.flush()
    before = places(session, lost.actor), active(session, lost.actor)
    move = lost.apply(lost.propose())
    session.get_one(Slot, lost.slots[1].id).status = SlotStatus.BLOCKED
    session.flush()
    move = lost.undo(move)
    assert move.status is BulkMoveStatus.UNDONE
    assert active(session, lost.actor) == before[1]
    expected = before[0] | {lost.slots[1].id: (1, SlotStatus.BLOCKED)}
    assert places(session, lost.actor) == expected
    back = session.get_one(Visit, move.rows[0].restored_visit_id)
    assert (back.status, back.path, back.contract_range_id) == (
        VisitStatus.BOOKED,
        lost.visits[0].path,
        lost.visits[0].contract_range_id,
    )
    require_sound(session, lost.actor)


def test_a_move_is_not_undone_once_something_of_it_changed(session: Session, lost: Lost) -> None:
    """A confirmed visit, a place that was given away and one that has begun are listed; nobody goes back."""
    stop_with_slots(session, lost.actor, 4)
    move = lost.apply(lost.propose())
    new = session.get_one(Visit, move.rows[0].new_visit_id)
    visits.change_status(session, lost.actor, new.id, StatusChange(version=1, status=VisitStatus.CONFIRMED), NOW)
    booked(session, lost.actor, lost.slots[1])
    for now, third in ((NOW, set()), (lost.slots[2].starts_at, {"begun"})):
        with pytest.raises(DomainError) as refusal:
            lost.undo(move, now)
        assert refusal.value.code == "bulk_move_changed"
        found = {each["visit_id"]: each["why"] for each in refusal.value.facts["visits"]}
        assert found[lost.visits[0].id] == "visit_changed"
        assert found[lost.visits[1].id] == "place_given"
        assert {why for key, why in found.items() if key == lost.visits[2].id} == third
    require_sound(session, lost.actor)


def test_what_stays_free_in_a_slot_of_several_places_is_kept_for_those_who_wait(session: Session, lost: Lost) -> None:
    """Two leave a full slot and one comes, who has one of their places; the other is offered to a woman who waits."""
    [crowded] = stop_with_slots(session, lost.actor, 1, capacity=3)
    leaving = [booked(session, lost.actor, crowded) for _ in range(3)][:2]
    waits = factories_booking.woman(session, lost.actor.provider_id)
    asked = NewEntry(woman_id=waits.id, path=crowded.schedule.path, stop_id=stop_of(crowded))
    waiting_list.add(session, lost.actor, asked, NOW)
    elsewhere = stop_with_slots(session, lost.actor, 2)
    goes_to = [(leaving[0], elsewhere[0]), (leaving[1], elsewhere[1]), (lost.visits[0], crowded)]
    rows = [
        BulkMoveRow(visit_id=visit.id, visit_version=1, to_slot_id=slot.id, by_hand=True) for visit, slot in goes_to
    ]
    move = BulkMove(provider_id=lost.actor.provider_id, reason="próba", scope={}, weights={}, rows=rows)
    session.add(move)
    session.flush()
    lost.apply(move)
    session.refresh(crowded)
    assert (crowded.taken, crowded.kept_for_waiting) == (2, True)
    assert offers.offer(session, crowded.id, NOW) is Offered.TO_A_WOMAN
    session.refresh(crowded)
    assert (crowded.taken, crowded.kept_for_waiting) == (3, False)
    require_sound(session, lost.actor)


@pytest.mark.parametrize("status", [SlotStatus.OPEN, SlotStatus.ORPHANED])
def test_each_woman_costs_three_statements(session: Session, actor: Actor, status: SlotStatus) -> None:
    """A place given back, a visit that ends, and a place taken; the rest is read and stored for all women at once."""
    sent = {}
    for count in (2, 12):
        slots = stop_with_slots(session, actor, count, at=(51.22097, 18.56964))
        scene = Lost(session, actor, [booked(session, actor, slot) for slot in slots], slots)
        for slot in slots:
            slot.status = status
        near = stop_with_slots(session, actor, count)
        settle(session, actor)
        move = scene.propose(to_stop_ids=(stop_of(near[0]),))
        for act in (scene.apply, scene.undo):
            session.expire_all()
            session.refresh(move)
            with counted(session.connection()) as statements:
                act(move)
            sent[act.__name__, count] = len(statements)
    assert sent["apply", 12] - sent["apply", 2] == 3 * 10
    assert sent["undo", 12] - sent["undo", 2] == 3 * 10


class Centre:
    """The central system as far as this goes: slots hold what they may, a woman has one visit in the programme."""

    def __init__(self, session: Session, held: dict[int, int]) -> None:
        """It holds the visits, which are in the slots."""
        self.session, self.held = session, dict(held)

    def take(self, message: OutboxMessage) -> None:
        """A message arrives."""
        if message.kind is MessageKind.CANCEL_VISIT:
            del self.held[message.subject_id]
        elif message.kind is MessageKind.SAVE_VISIT:
            visit = self.session.get_one(Visit, message.subject_id)
            self.held[visit.id] = visit.slot_id
            assert sum(slot_id == visit.slot_id for slot_id in self.held.values()) <= visit.slot.capacity
            women = [self.session.get_one(Visit, key).woman_id for key in self.held]
            assert len(set(women)) == len(women)


def settle(session: Session, actor: Actor) -> None:
    """All that is on its way was accepted."""
    session.flush()
    of_ours = update(OutboxMessage).where(OutboxMessage.provider_id == actor.provider_id)
    session.execute(of_ours.values(state=MessageState.ACCEPTED, attempts=1))
    session.expire_all()


def deliver(session: Session, actor: Actor, centre: Centre, choose: Callable[[int], int]) -> None:
    """Hands over what waits, `choose` picking one of those that wait for nothing."""
    query = select(OutboxMessage).where(
        OutboxMessage.provider_id == actor.provider_id, OutboxMessage.state == MessageState.PENDING
    )
    waiting = {each.id: each for each in session.scalars(query.order_by(OutboxMessage.id))}
    links = select(OutboxDependency.message_id, OutboxDependency.requires_id)
    needs = [tuple(row) for row in session.execute(links.where(OutboxDependency.message_id.in_(waiting)))]
    while waiting:
        ready = [key for key in waiting if not any(one == key and other in waiting for one, other in needs)]
        centre.take(waiting.pop(ready[choose(len(ready))]))
    settle(session, actor)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_move_is_carried_out_within_all_limits_and_undone_without_a_trace(
    session: Session, data: st.DataObject
) -> None:
    """Women change places between slots as a person likes, through full ones in circles too.

    No slot holds more than it may, here or at the central system, in whatever order messages go that do not wait for
    each other; every woman has one visit throughout; undone, all is as it was.
    """
    choose = lambda count: data.draw(st.integers(0, count - 1))  # noqa: E731 -- a dice
    with session.begin_nested() as savepoint:
        actor = Actor(factories.provider(session).id)
        offered = stop_with_slots(session, actor, 4)
        for slot in offered:
            slot.capacity = data.draw(st.integers(1, 2))
        session.flush()
        taken = [slot for slot in offered for _ in range(data.draw(st.integers(0, slot.capacity)))]
        made = [booked(session, actor, slot) for slot in taken]
        settle(session, actor)
        before = places(session, actor), active(session, actor)
        centre = Centre(session, {visit.id: visit.slot_id for visit in made})
        wanted = data.draw(st.permutations([slot for slot in offered for _ in range(slot.capacity)]))
        chosen = {visit.id: slot.id for visit, slot in zip(made, wanted, strict=False) if visit.slot_id != slot.id}
        if not chosen:
            savepoint.rollback()
            return
        row = [BulkMoveRow(visit_id=key, visit_version=1, to_slot_id=to, by_hand=True) for key, to in chosen.items()]
        move = BulkMove(provider_id=actor.provider_id, reason="próba", scope={}, weights={}, rows=row)
        session.add(move)
        session.flush()
        staying = Counter(visit.slot_id for visit in made if visit.id not in chosen) + Counter(chosen.values())
        overfull = any(staying[slot.id] > slot.capacity for slot in offered)
        if overfull:
            with refused("bulk_move_outdated"):
                bulk_move_application.apply(session, actor, move.id, move.version, NOW)
            savepoint.rollback()
            return
        bulk_move_application.apply(session, actor, move.id, move.version, NOW)
        require_sound(session, actor)
        assert active(session, actor) == before[1] | {
            session.get_one(Visit, key).woman_id: to for key, to in chosen.items()
        }
        deliver(session, actor, centre, choose)
        bulk_move_undo.undo(session, actor, move.id, move.version, "pomyłka", NOW)
        require_sound(session, actor)
        assert (places(session, actor), active(session, actor)) == before
        deliver(session, actor, centre, choose)
        savepoint.rollback()
