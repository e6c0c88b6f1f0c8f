"""Slots that should go but have visits: they are orphaned, listed, withdrawn with the last visit, or open again.

The stop is that of `test_changes`: Wednesday, 9:00 to 10:00, and Thursday, 8:00 to 10:00, ten minutes a woman.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.itineraries import Stop, StopDay
from mobile_units.models.service_places import OpeningHours
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.orphans import Cause
from mobile_units.rules.programmes import Mobility, Programme
from mobile_units.rules.visits import OCCUPYING, CancelledBy, VisitStatus
from mobile_units.services import changes, itineraries, orphans, place_changes, publishing, slots, versions, visits
from mobile_units.services.actors import Actor
from mobile_units.services.change_works import Changes
from mobile_units.services.changes import StopChange, WorkedDay
from mobile_units.services.itineraries import DayHours
from mobile_units.services.orphans import Orphan, OrphanCount, OrphanFilter
from mobile_units.services.place_changes import PlaceChange, PlaceDay
from mobile_units.services.queries import Paging
from mobile_units.services.visits import Cancellation
from tests import factories, factories_booking, factories_planning
from tests.factories_planning import FIRST, MAMMOGRAPHY, THURSDAY, WEDNESDAY, contract, draft_with_stop
from tests.services.test_changes import (
    NINE,
    NOW,
    SLOTS,
    TEN,
    WHOLE,
    WITHDRAW,
    accept_all,
    booked,
    published,
    rows,
    starts,
    waiting,
)
from tests.statements import refused


@pytest.fixture
def stop(session: Session, actor: Actor) -> Stop:
    """A published stop of two days, handed over."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    return published(session, actor)


def orphaning(
    session: Session, actor: Actor, stop: Stop, *days: WorkedDay, now: datetime = NOW, orphan: bool = True
) -> Changes:
    """Changes the days of a stop as it was read just now; none withdraws it."""
    session.refresh(stop.itinerary)
    command = StopChange(version=stop.itinerary.version, days=days, orphan=orphan)
    return changes.change_stop(session, actor, stop.id, command, now)


def cancel(session: Session, actor: Actor, visit: Visit) -> None:
    """The woman gives her place up."""
    session.refresh(visit)
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))


def cause_of(listed: Orphan) -> Cause | None:
    """Why a slot is on the list."""
    return listed.why.cause if listed.why else None


def status(session: Session, slot_id: int) -> SlotStatus:
    """What a slot is now."""
    return session.get_one(Slot, slot_id, populate_existing=True).status


# orphaning


def test_a_dropped_day_leaves_its_visits_in_orphaned_slots(session: Session, actor: Actor, stop: Stop) -> None:
    """Ten of the twelve slots of Thursday go, two keep their visits; the preview and the answer say so alike."""
    made = [booked(session, actor, rows(session, actor)[number]) for number in (6, 17)]
    accept_all(session)
    command = StopChange(version=stop.itinerary.version, days=[WHOLE[0]], orphan=True)
    told = changes.preview_stop(session, actor, stop.id, command, NOW)
    assert len(starts(session, actor)) == 18
    done = changes.change_stop(session, actor, stop.id, command, NOW)
    assert done == told
    assert [(each.slot_id, each.visits) for each in done.orphaned] == [(visit.slot_id, 1) for visit in made]
    assert [each.id for each in done.visits] == [visit.id for visit in made]
    assert (len(done.withdrawn), done.kept) == (12, 0)
    assert starts(session, actor, SlotStatus.ORPHANED) == ["11 07:00", "11 08:50"]
    assert len(starts(session, actor, SlotStatus.WITHDRAWN)) == 10
    assert [row.day for row in stop.days] == [WEDNESDAY]
    assert waiting(session, actor)[0] is WITHDRAW
    assert stop.women_planned == 6
    orphaning(session, actor, stop, WorkedDay(WEDNESDAY, closes=time(9, 30)))
    assert stop.women_planned == 3


def test_nothing_is_booked_into_an_orphaned_slot(session: Session, actor: Actor, stop: Stop) -> None:
    """Though it has a place for another woman; it is neither blocked nor resized, and not opened while not worked."""
    orphaning(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, rooms=2))
    slot = rows(session, actor)[6]
    booked(session, actor, slot)
    orphaning(session, actor, stop, WHOLE[0])
    for use in (
        lambda: booked(session, actor, slot),
        lambda: slots.block(session, actor, slot.id),
        lambda: slots.unblock(session, actor, slot.id),
        lambda: slots.change_capacity(session, actor, slot.id, 3, NOW),
    ):
        with refused("slot_orphaned"):
            use()
    assert slots.withdraw(session, actor, [slot.id], NOW, orphan=True)[0].status is SlotStatus.ORPHANED


def test_the_last_visit_that_leaves_takes_the_slot_with_it(session: Session, actor: Actor, stop: Stop) -> None:
    """One room is too small for two to return; one cancels: still orphaned; the other one: withdrawn, and told."""
    orphaning(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, rooms=2))
    slot = rows(session, actor)[6]
    made = [booked(session, actor, slot) for _ in range(2)]
    orphaning(session, actor, stop, WHOLE[0])
    orphaning(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, rooms=1))
    accept_all(session)
    cancel(session, actor, made[0])
    assert status(session, slot.id) is SlotStatus.ORPHANED
    accept_all(session)
    cancel(session, actor, made[1])
    assert status(session, slot.id) is SlotStatus.WITHDRAWN
    assert WITHDRAW in waiting(session, actor)
    assert orphans.count(session, actor) == OrphanCount(0, 0, None)


def test_an_orphaned_slot_whose_time_is_wanted_again_is_open(session: Session, actor: Actor, stop: Stop) -> None:
    """The day comes back from 8:05: the slots are cut anew around the one that kept its time and its visit."""
    visit = booked(session, actor, rows(session, actor)[7])
    orphaning(session, actor, stop, WHOLE[0])
    accept_all(session)
    done = orphaning(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, time(8, 5), NINE))
    assert [f"{each.starts_at:%H:%M}" for each in done.added] == ["07:10", "07:20", "07:30", "07:40", "07:50"]
    assert status(session, visit.slot_id) is SlotStatus.OPEN
    assert SLOTS in waiting(session, actor)
    assert session.get_one(Slot, visit.slot_id).taken == 1
    assert orphans.count(session, actor).slots == 0


def test_a_day_that_leaves_out_an_orphaned_slot_keeps_off_its_time(session: Session, actor: Actor, stop: Stop) -> None:
    """The woman of 8:10 still comes: from 8:15 on the first slot begins when she has gone."""
    visit = booked(session, actor, rows(session, actor)[7])
    orphaning(session, actor, stop, WHOLE[0])
    done = orphaning(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, time(8, 15), time(8, 45)))
    assert [f"{each.starts_at:%H:%M}" for each in done.added] == ["07:20", "07:30"]
    assert status(session, visit.slot_id) is SlotStatus.ORPHANED


def test_fewer_rooms_than_visits_orphan_the_slot(session: Session, actor: Actor, stop: Stop) -> None:
    """It keeps its size; with rooms enough its coordinator opens it again, in the hours of the stop."""
    orphaning(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, rooms=3))
    slot = rows(session, actor)[6]
    for _ in range(2):
        booked(session, actor, slot)
    women = stop.women_planned
    done = orphaning(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, rooms=1))
    assert [(each.slot_id, each.visits) for each in done.orphaned] == [(slot.id, 2)]
    session.refresh(slot)
    assert (slot.status, slot.capacity, slot.taken) == (SlotStatus.ORPHANED, 3, 2)
    assert stop.women_planned == round(women * 17 / 42)
    orphaning(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, rooms=1, closes=NINE))
    assert status(session, slot.id) is SlotStatus.ORPHANED
    assert slots.unblock(session, actor, slot.id).status is SlotStatus.OPEN


def test_a_withdrawn_stop_frees_its_unit_and_comes_back(session: Session, actor: Actor, stop: Stop) -> None:
    """Its days are gone, so the unit can stand elsewhere; the orphaned slots return with the days."""
    booked(session, actor, rows(session, actor)[0])
    changes.withdraw_stop(session, actor, stop.id, stop.itinerary.version, NOW, orphan=True)
    assert session.scalar(select(func.count()).where(StopDay.stop_id == stop.id)) == 0
    assert starts(session, actor, SlotStatus.ORPHANED) == ["10 08:00"]
    other = draft_with_stop(session, actor, stop.unit, WEDNESDAY)
    elsewhere = factories_planning.publish(session, actor, other, NOW)
    assert elsewhere.slots
    [again] = session.scalars(select(Stop).where(Stop.itinerary_id == other.id)).all()
    changes.withdraw_stop(session, actor, again.id, again.itinerary.version, NOW)
    accept_all(session)
    orphaning(session, actor, stop, WHOLE[0])
    assert [slot.status for slot in rows(session, actor) if slot.taken] == [SlotStatus.OPEN]


def test_single_slots_are_withdrawn_or_orphaned(session: Session, actor: Actor, stop: Stop) -> None:
    """All or none without leave; an orphaned one does not return while the hours around it stay."""
    one, other = rows(session, actor)[6:8]
    booked(session, actor, one)
    with refused("slots_have_visits"):
        slots.withdraw(session, actor, [one.id, other.id], NOW)
    done = slots.withdraw(session, actor, [one.id, other.id], NOW, orphan=True)
    assert [each.status for each in done] == [SlotStatus.ORPHANED, SlotStatus.WITHDRAWN]
    assert orphaning(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, closes=time(11))).kept == 10
    assert status(session, one.id) is SlotStatus.ORPHANED


def test_a_smaller_slot_is_orphaned_on_demand(session: Session, actor: Actor, stop: Stop) -> None:
    """Two visits and one place: refused, or orphaned with the size that it had."""
    slot = rows(session, actor)[0]
    slots.change_capacity(session, actor, slot.id, 2, NOW)
    for _ in range(2):
        booked(session, actor, slot)
    with refused("slots_have_visits"):
        slots.change_capacity(session, actor, slot.id, 1, NOW)
    done = slots.change_capacity(session, actor, slot.id, 1, NOW, orphan=True)
    assert (done.status, done.capacity) == (SlotStatus.ORPHANED, 2)


def test_a_closed_laboratory_orphans_its_visits(session: Session, actor: Actor) -> None:
    """Monday closes with one visit; opened again, its slot is open."""
    contract(session, actor.provider_id, {"10.7940.158.02": 100})
    place = factories_booking.service_place(session, actor.provider_id, mobility=Mobility.STATIONARY)
    place.opening_hours = [
        OpeningHours(programme=Programme.BREAST, weekday=1, opens=time(8), closes=TEN, minutes_per_woman=30)
    ]
    session.flush()
    publishing.open_stationary(session, actor, place.id, FIRST, date(2027, 3, 31))
    monday = date(2027, 3, 8)
    slot = next(each for each in rows(session, actor) if each.starts_at.date() == monday)
    booked(session, actor, slot)

    def closed(*hours: place_changes.WorkingHours) -> Changes:
        session.refresh(place)
        command = PlaceChange(version=place.version, days=[PlaceDay(monday, hours)], orphan=True)
        return place_changes.change_place(session, actor, place.id, command, NOW)

    assert len(closed().orphaned) == 1
    [listed] = orphans.find(session, actor, OrphanFilter(service_place_id=place.id)).items
    assert (listed.stop_id, cause_of(listed)) == (None, Cause.PLACE_CHANGED)
    assert status(session, slot.id) is SlotStatus.ORPHANED
    assert len(closed(place_changes.WorkingHours(time(8), TEN)).added) == 4
    assert status(session, slot.id) is SlotStatus.OPEN


def test_a_published_version_orphans_what_it_leaves_out(session: Session, actor: Actor, stop: Stop) -> None:
    """Without leave it is refused; the preview counts the messages of both cases."""
    visit = booked(session, actor, rows(session, actor)[17])
    accept_all(session)
    version = versions.revise(session, actor, stop.itinerary_id)
    [copy] = version.stops
    command = itineraries.StopChange(version=version.version, days=[DayHours(WEDNESDAY)])
    itineraries.change_stop(session, actor, copy.id, command)
    factories_planning.approve(session, actor, version, NOW)
    told = publishing.preview(session, actor, version.id, NOW)
    assert [len(each.changes.orphaned) for each in told.changed if each.changes] == [1]
    assert not told.messages
    assert publishing.preview(session, actor, version.id, NOW, orphan=True).messages[WITHDRAW] == 1
    with refused("slots_have_visits"):
        publishing.publish(session, actor, version.id, version.version, NOW)
    assert publishing.publish(session, actor, version.id, version.version, NOW, orphan=True).changed == 1
    assert status(session, visit.slot_id) is SlotStatus.ORPHANED
    [listed] = orphans.find(session, actor, OrphanFilter()).items
    assert cause_of(listed) is Cause.ITINERARY_PUBLISHED


# the list


def test_the_list_tells_visits_place_and_cause(session: Session, actor: Actor, stop: Stop) -> None:
    """By stop and day; nobody is named, and no other provider sees it."""
    made = [booked(session, actor, rows(session, actor)[number]) for number in (17, 0, 6)]
    user = factories.user(session, actor.provider_id)
    orphaning(session, Actor(actor.provider_id, user.id), stop)
    page = orphans.find(session, actor, OrphanFilter())
    assert [each.visits[0].id for each in page.items] == [made[1].id, made[2].id, made[0].id]
    first = page.items[0]
    assert (first.day, first.stop_id, first.unit_id, first.site) == (WEDNESDAY, stop.id, stop.unit_id, stop.site.name)
    assert first.why is not None
    assert (first.why.cause, first.why.login) == (Cause.STOP_WITHDRAWN, user.login)
    assert orphans.count(session, actor) == OrphanCount(3, 3, first.starts_at)
    stranger = Actor(factories.provider(session).id)
    assert orphans.find(session, stranger, OrphanFilter()).total == orphans.count(session, stranger).slots == 0
    words = {cause.name_pl for cause in Cause}
    assert first.why.cause.name_pl == "wycofano postój"
    assert len(words) == len(Cause)


def test_the_list_is_filtered_and_comes_in_pages(session: Session, actor: Actor, stop: Stop) -> None:
    """By stop, unit, place and days; visits that are over are nobody's to move."""
    made = [booked(session, actor, rows(session, actor)[number]) for number in (0, 6, 17)]
    orphaning(session, actor, stop)
    place = rows(session, actor)[0].service_place_id
    for criteria, count in (
        (OrphanFilter(stop_id=stop.id), 3),
        (OrphanFilter(stop_id=stop.id + 1), 0),
        (OrphanFilter(unit_id=stop.unit_id), 3),
        (OrphanFilter(unit_id=stop.unit_id + 1), 0),
        (OrphanFilter(service_place_id=place), 3),
        (OrphanFilter(service_place_id=place + 1), 0),
        (OrphanFilter(first_day=THURSDAY), 2),
        (OrphanFilter(last_day=WEDNESDAY), 1),
    ):
        assert orphans.find(session, actor, criteria).total == count
    part = orphans.find(session, actor, OrphanFilter(paging=Paging(2, 2)))
    assert ([each.visits[0].id for each in part.items], part.total) == ([made[2].id], 3)
    session.get_one(Visit, made[0].id).status = VisitStatus.PERFORMED
    session.flush()
    assert orphans.find(session, actor, OrphanFilter()).total == orphans.count(session, actor).visits == 2


def test_orphaning_is_audited(session: Session, actor: Actor, stop: Stop) -> None:
    """One entry for each slot, with what did it."""
    visit = booked(session, actor, rows(session, actor)[0])
    orphaning(session, actor, stop, WHOLE[1])
    query = select(AuditEntry.action).where(AuditEntry.subject == "slot", AuditEntry.subject_id == visit.slot_id)
    assert session.scalars(query).all() == ["orphan_stop_changed"]


# any sequence


HOURS = st.tuples(st.integers(8, 10), st.integers(11, 13)).map(lambda hours: (time(hours[0]), time(hours[1])))
DAYS = st.lists(st.tuples(st.sampled_from([WEDNESDAY, THURSDAY]), HOURS, st.sampled_from([None, 1, 2])), max_size=2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), DAYS),
        st.tuples(st.just("book"), st.integers(0, 40)),
        st.tuples(st.just("cancel"), st.integers(0, 40)),
        st.tuples(st.just("withdraw"), st.integers(0, 40)),
    ),
    min_size=2,
    max_size=8,
)


def _take_step(session: Session, actor: Actor, stop: Stop, kind: str, what: object) -> None:
    if kind == "change":
        days = {day: WorkedDay(day, opens, closes, rooms) for day, (opens, closes), rooms in what}  # type: ignore[attr-defined]  # a list of days
        orphaning(session, actor, stop, *days.values())
        return
    number = int(what)  # type: ignore[call-overload]  # a number
    if kind == "cancel":
        own = select(Visit).where(Visit.provider_id == actor.provider_id, Visit.status == VisitStatus.BOOKED)
        active = session.scalars(own.order_by(Visit.id)).all()
        if active:
            cancel(session, actor, active[number % len(active)])
        return
    everything = rows(session, actor)
    slot = everything[number % len(everything)]
    if kind == "withdraw":
        slots.withdraw(session, actor, [slot.id], NOW, orphan=True)
        return
    savepoint = session.begin_nested()
    try:
        booked(session, actor, slot)
        savepoint.commit()
    except DomainError:
        savepoint.rollback()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_sequence_of_changes_loses_a_visit(
    session: Session, actor: Actor, stop: Stop, steps: Sequence[tuple[str, object]]
) -> None:
    """Every visit that holds a place is in a slot that is there, each slot counts its visits, and no two overlap."""
    savepoint = session.begin_nested()
    try:
        for kind, what in steps:
            _take_step(session, actor, stop, kind, what)
            session.expire_all()
            query = select(Visit.slot_id, func.count()).group_by(Visit.slot_id)
            held = dict(
                iter(
                    session.execute(
                        query.where(Visit.provider_id == actor.provider_id, Visit.status.in_(sorted(OCCUPYING)))
                    )
                )
            )
            there = [slot for slot in rows(session, actor) if slot.status is not SlotStatus.WITHDRAWN]
            assert all(slot.taken == held.get(slot.id, 0) for slot in rows(session, actor))
            assert set(held) <= {slot.id for slot in there}
            assert all(one.ends_at <= following.starts_at for one, following in pairwise(there))
            assert all(slot.taken for slot in there if slot.status is SlotStatus.ORPHANED)
    finally:
        savepoint.rollback()
