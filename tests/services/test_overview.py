"""The figures of the first page."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import Engine, event, update
from sqlalchemy.orm import Session

from mobile_units.models.itineraries import ItineraryStatus, StopDay
from mobile_units.models.slots import SlotStatus
from mobile_units.models.transmissions import MessageState
from mobile_units.rules.programmes import Mobility
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import overview
from mobile_units.services.actors import Actor
from mobile_units.services.cover import CoverState
from tests import factories
from tests.factories_booking import schedule, service_place, slot, stop
from tests.factories_transmission import message, visit

MONDAY = date(2027, 3, 8)
WEDNESDAY = date(2027, 3, 10)
NOW = datetime(2027, 3, 9, 11, 0, tzinfo=UTC)
"""Tuesday noon in Poland."""
TODAY = NOW.date()


def read(session: Session, actor: Actor, monday: date = MONDAY) -> overview.Overview:
    """The overview on that Tuesday."""
    return overview.read(session, actor, monday, NOW)


def test_nothing_is_counted_for_a_new_provider(session: Session, actor: Actor) -> None:
    """All figures are zero and nothing is at risk."""
    found = read(session, actor)
    assert found.counts == overview.Counts(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert (found.week.units, found.week.has_stops, found.week.next_stop_day) == ([], False, None)
    assert (found.handover.messages, found.handover.visits_not_passed, found.handover.day_at_risk) == ({}, 0, None)
    assert (found.provider, found.places) == ("Centrum Badań", [])


def test_only_published_stops_of_the_calendar_quarter_are_counted(session: Session, actor: Actor) -> None:
    """Stops of the first quarter, drafts apart; `stops_ahead` are those not yet over."""
    for day in (date(2026, 12, 31), date(2027, 1, 2), TODAY, date(2027, 3, 31), date(2027, 4, 1)):
        stop(session, actor.provider_id, day)
    stop(session, actor.provider_id, WEDNESDAY).itinerary.status = ItineraryStatus.DRAFT
    session.flush()
    counts = read(session, actor).counts
    assert (counts.stops, counts.stops_ahead, counts.sites, counts.units) == (3, 2, 6, 6)


def test_retired_sites_and_units_are_not_counted(session: Session, actor: Actor) -> None:
    """Only what may still be planned."""
    stop(session, actor.provider_id)
    retired = stop(session, actor.provider_id)
    retired.site.active = retired.unit.active = False
    session.flush()
    counts = read(session, actor).counts
    assert (counts.sites, counts.units) == (1, 1)


def test_only_places_that_can_still_be_booked_are_free(session: Session, actor: Actor) -> None:
    """Slots that are full, blocked or begun have none."""
    of = schedule(session, actor.provider_id, day=TODAY)
    slot(session, actor.provider_id, of=of, at=time(12), capacity=9)
    partly = slot(session, actor.provider_id, of=of, at=time(13), capacity=4)
    partly.taken = 1
    slot(session, actor.provider_id, of=of, at=time(14), capacity=2).taken = 2
    slot(session, actor.provider_id, of=of, at=time(15), capacity=5).status = SlotStatus.BLOCKED
    slot(session, actor.provider_id, day=WEDNESDAY, capacity=2)
    session.flush()
    counts = read(session, actor).counts
    assert (counts.open_slots, counts.free_places) == (2, 5)


def test_visits_are_counted_by_what_they_mean_today(session: Session, actor: Actor) -> None:
    """Booked are those that a woman counts on; today's are all that keep their place."""
    today, later = (slot(session, actor.provider_id, day=day, capacity=20) for day in (TODAY, WEDNESDAY))
    for status in VisitStatus:
        if status is not VisitStatus.CANCELLED:
            visit(session, actor.provider_id, today, status)
    visit(session, actor.provider_id, later, VisitStatus.CONFIRMED)
    counts = read(session, actor).counts
    booked = {VisitStatus.BOOKED, VisitStatus.CONFIRMED, VisitStatus.ARRIVED}
    assert booked == overview.BOOKED
    assert (counts.visits_booked, counts.visits_today, counts.performed_today) == (4, 6, 1)


def test_the_day_ends_at_midnight_in_poland(session: Session, actor: Actor) -> None:
    """Late in the evening by UTC it is already the next day."""
    visit(session, actor.provider_id, slot(session, actor.provider_id, day=WEDNESDAY))
    before, after = (datetime(2027, 3, 9, hour, 30, tzinfo=UTC) for hour in (22, 23))
    assert overview.read(session, actor, MONDAY, before).counts.visits_today == 0
    assert overview.read(session, actor, MONDAY, after).counts.visits_today == 1


def test_the_week_puts_each_stop_in_its_unit_and_day(session: Session, actor: Actor) -> None:
    """With the places taken and free in all schedules of the stop; a unit without stops has an empty row."""
    of = schedule(session, actor.provider_id, day=WEDNESDAY)
    slot(session, actor.provider_id, of=of, at=time(8), capacity=2).taken = 1
    slot(session, actor.provider_id, of=of, at=time(15, 50), capacity=2).taken = 2
    slot(session, actor.provider_id, of=of, at=time(12), capacity=3).status = SlotStatus.BLOCKED
    point = of.mobile_point
    assert point is not None
    idle = stop(session, actor.provider_id, MONDAY + timedelta(days=7))
    week = read(session, actor).week
    rows = {unit.code: unit.days for unit in week.units}
    assert rows.keys() == {point.stop.unit.code, idle.unit.code}
    assert not any(rows[idle.unit.code])
    days = rows[point.stop.unit.code]
    assert [len(stops) for stops in days] == [0, 0, 1, 0, 0, 0, 0]
    [shown] = days[2]
    assert (shown.place, shown.taken, shown.free) == ("Wieluń, Plac Legionów", 3, 1)
    assert (shown.opens_at, shown.closes_at) == (point.stop.days[0].opens_at, point.stop.days[0].closes_at)
    assert (week.has_stops, week.next_stop_day) == (True, MONDAY + timedelta(days=7))


def test_places_of_a_day_that_is_over_are_not_free(session: Session, actor: Actor) -> None:
    """What was not booked in time is lost."""
    of = schedule(session, actor.provider_id, day=MONDAY)
    slot(session, actor.provider_id, of=of, capacity=5).taken = 2
    session.flush()
    [unit] = read(session, actor).week.units
    assert [(each.taken, each.free) for each in unit.days[0]] == [(2, 0)]


def test_two_stops_on_one_day_are_both_shown_in_order(session: Session, actor: Actor) -> None:
    """A unit may stand at one place in the morning and at another in the afternoon."""
    morning = stop(session, actor.provider_id, WEDNESDAY, "Osjaków")
    evening = stop(session, actor.provider_id, WEDNESDAY + timedelta(days=1), "Wieluń")
    same = {"itinerary_id": morning.itinerary_id, "unit_id": morning.unit_id}
    session.execute(update(StopDay).where(StopDay.stop_id == morning.id).values(closes_at=NOW + timedelta(hours=21)))
    evening.itinerary, evening.unit = morning.itinerary, morning.unit
    session.flush()
    shift = {"day": WEDNESDAY, "opens_at": NOW + timedelta(hours=24), "closes_at": NOW + timedelta(hours=27)}
    session.execute(update(StopDay).where(StopDay.stop_id == evening.id).values(**shift))
    session.expire_all()
    [unit] = [unit for unit in read(session, actor).week.units if any(unit.days)]
    assert [each.place.split(",")[0] for each in unit.days[2]] == ["Osjaków", "Wieluń"]
    assert same == {"itinerary_id": evening.itinerary_id, "unit_id": evening.unit_id}


def test_a_retired_unit_is_shown_while_it_still_has_stops(session: Session, actor: Actor) -> None:
    """Its women still come."""
    stop(session, actor.provider_id, WEDNESDAY).unit.active = False
    stop(session, actor.provider_id, MONDAY + timedelta(days=7)).unit.active = False
    session.flush()
    assert len(read(session, actor).week.units) == 1


def test_messages_are_counted_by_kind_and_state(session: Session, actor: Actor) -> None:
    """A rejected message counts only until another takes its place."""
    for state in (MessageState.ACCEPTED, MessageState.REJECTED, MessageState.REJECTED):
        message(session, actor.provider_id, MessageKind.SAVE_SCHEDULE).state = state
    replaced = message(session, actor.provider_id, MessageKind.SAVE_VISIT, subject_id=9_000_007)
    replaced.state = MessageState.REJECTED
    session.flush()
    message(session, actor.provider_id, MessageKind.SAVE_VISIT, subject_id=9_000_007)
    message(session, actor.provider_id, MessageKind.SAVE_SLOTS, subject_id=9_000_007)
    found = read(session, actor).handover
    assert found.messages == {
        MessageKind.SAVE_SCHEDULE: {MessageState.ACCEPTED: 1, MessageState.REJECTED: 2},
        MessageKind.SAVE_SLOTS: {MessageState.PENDING: 1},
        MessageKind.SAVE_VISIT: {MessageState.PENDING: 1},
    }
    assert list(found.totals.values()) == [1, 0, 2, 2]


def test_the_last_answer_is_told(session: Session, actor: Actor) -> None:
    """So that a silent worker is noticed."""
    for minutes in (50, 10, 30):
        sent = message(session, actor.provider_id)
        sent.state, sent.accepted_at = MessageState.ACCEPTED, NOW - timedelta(minutes=minutes)
    session.flush()
    assert read(session, actor).handover.last_accepted_at == NOW - timedelta(minutes=10)


def test_visits_still_to_be_passed_are_found_before_it_is_too_late(session: Session, actor: Actor) -> None:
    """Late are those of past days, urgent ones apart; at risk is the nearest day from today on."""
    past, today, later = (slot(session, actor.provider_id, day=day, capacity=9) for day in (MONDAY, TODAY, WEDNESDAY))
    visit(session, actor.provider_id, past, VisitStatus.PERFORMED)
    visit(session, actor.provider_id, past, VisitStatus.PERFORMED).urgent = True
    visit(session, actor.provider_id, past, VisitStatus.NO_SHOW)
    visit(session, actor.provider_id, past, VisitStatus.HELD)
    visit(session, actor.provider_id, today).passed_at = NOW
    visit(session, actor.provider_id, later)
    session.flush()
    found = read(session, actor).handover
    assert (found.visits_not_passed, found.visits_late, found.day_at_risk) == (3, 1, WEDNESDAY)
    visit(session, actor.provider_id, today)
    assert read(session, actor).handover.day_at_risk == TODAY


def test_visits_passed_too_late_are_told_apart(session: Session, actor: Actor) -> None:
    """Passed after the midnight that ended their day in Poland; urgent, missed and punctual ones are not among them."""
    past = slot(session, actor.provider_id, day=MONDAY, capacity=9)
    midnight = datetime(2027, 3, 8, 23, tzinfo=UTC)
    for status, passed_at, urgent in (
        (VisitStatus.PERFORMED, midnight, False),
        (VisitStatus.BOOKED, NOW, False),
        (VisitStatus.PERFORMED, midnight - timedelta(seconds=1), False),
        (VisitStatus.PERFORMED, midnight, True),
        (VisitStatus.NO_SHOW, midnight, False),
    ):
        made = visit(session, actor.provider_id, past, status)
        made.passed_at, made.urgent = passed_at, urgent
    session.flush()
    found = read(session, actor).handover
    assert (found.visits_not_passed, found.visits_late, found.visits_passed_late) == (0, 0, 2)
    assert found.day_at_risk is None


def test_an_urgent_visit_puts_no_day_at_risk(session: Session, actor: Actor) -> None:
    """It has still to be passed, but the NFZ pays for it at any time."""
    visit(session, actor.provider_id, slot(session, actor.provider_id, day=WEDNESDAY)).urgent = True
    session.flush()
    found = read(session, actor).handover
    assert (found.visits_not_passed, found.visits_late, found.day_at_risk) == (1, 0, None)


@pytest.mark.parametrize(
    ("last_day", "accepted", "covered"),
    [(date(2027, 6, 30), True, True), (date(2027, 6, 29), True, False), (date(2027, 6, 30), False, False)],
)
def test_accepted_schedules_have_to_reach_the_horizon(
    session: Session, actor: Actor, last_day: date, *, accepted: bool, covered: bool
) -> None:
    """From March they have to reach the last working day of June; a schedule not accepted reaches nowhere."""
    place = service_place(session, actor.provider_id)
    first, last = (schedule(session, actor.provider_id, day=day, place=place) for day in (MONDAY, last_day))
    for each in (first, last):
        slot(session, actor.provider_id, of=each)
    first.accepted_at, last.accepted_at = NOW, NOW if accepted else None
    session.flush()
    found = read(session, actor)
    [shown] = found.places
    assert (shown.state is not CoverState.BROKEN) is covered
    assert shown.reach == (last_day if accepted else None)
    assert (shown.name, shown.mobility, found.horizon) == (place.name, Mobility.MOBILE, date(2027, 6, 30))


def test_a_withdrawn_schedule_reaches_nowhere(session: Session, actor: Actor) -> None:
    """The central system keeps it, but nobody can book there."""
    made = slot(session, actor.provider_id, day=date(2027, 6, 30))
    made.schedule.accepted_at, made.status = NOW, SlotStatus.WITHDRAWN
    session.flush()
    assert [place.reach for place in read(session, actor).places] == [None]


def test_a_withdrawn_stop_is_not_counted(session: Session, actor: Actor) -> None:
    """It has no days any more."""
    made = stop(session, actor.provider_id, MONDAY)
    assert read(session, actor).counts.stops == 1
    made.days.clear()
    session.flush()
    assert read(session, actor).counts.stops == 0


def test_a_place_without_schedules_is_not_covered(session: Session, actor: Actor) -> None:
    """It is listed all the same."""
    service_place(session, actor.provider_id)
    [shown] = read(session, actor).places
    assert (shown.reach, shown.state) == (None, CoverState.BROKEN)


def test_another_provider_is_not_counted(session: Session, actor: Actor) -> None:
    """Whatever another provider does leaves the overview as it was."""
    other = factories.provider(session).id
    visit(session, other, slot(session, other, day=WEDNESDAY, capacity=3))
    message(session, other)
    before = read(session, actor)
    assert before.counts == overview.Counts(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert (before.week.units, before.week.next_stop_day, before.handover.messages, before.places) == ([], None, {}, [])


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(*arguments: object) -> None:
        sent.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_the_number_of_statements_does_not_grow(session: Session, engine: Engine, actor: Actor) -> None:
    """As many for a provider with much as for one with nothing."""
    with counting(engine) as for_nothing:
        read(session, actor)
    for day in (MONDAY, TODAY, WEDNESDAY, WEDNESDAY + timedelta(days=1)):
        full = slot(session, actor.provider_id, day=day, capacity=3)
        visit(session, actor.provider_id, full)
        message(session, actor.provider_id)
    session.flush()
    session.expire_all()
    with counting(engine) as for_much:
        read(session, actor)
    assert len(for_much) == len(for_nothing) <= 14
