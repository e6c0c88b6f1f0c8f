"""How far each place reaches, which days it lacks, and when its duty of three full months will be broken."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy.orm import Session

from mobile_units.models.schedules import ScheduleHours
from mobile_units.models.service_places import OpeningHours, ServicePlace
from mobile_units.models.slots import SlotStatus
from mobile_units.models.templates import DatedException
from mobile_units.rules.calendar import local_instant, working_days
from mobile_units.rules.programmes import Mobility, Path, Programme
from mobile_units.services import cover
from mobile_units.services.actors import Actor
from mobile_units.services.cover import CoverState, PlaceCover
from tests import factories
from tests.factories_booking import schedule, service_place, slot

TODAY = date(2026, 6, 10)
"""The horizon is the end of September; from July on it is the end of October."""
NOW = datetime(2026, 6, 10, 10, tzinfo=UTC)
SEPTEMBER = date(2026, 9, 30)
TUESDAYS = frozenset({2})


def offer(session: Session, place: ServicePlace, *days: date, accepted: bool = True) -> None:
    """Slots of a place on days: at stops, or in one schedule of a stationary place."""
    if place.mobility is Mobility.MOBILE:
        schedules = [schedule(session, place.provider_id, day=day, place=place) for day in days]
    else:
        schedules = [schedule(session, place.provider_id, Path.MAMMOGRAPHY, days[0], place=place)]
        schedules[0].valid_to = days[-1]
        schedules[0].hours.clear()
        session.flush()
        schedules[0].hours = [
            ScheduleHours(starts_at=local_instant(day, time(8)), ends_at=local_instant(day, time(16))) for day in days
        ]
    for of in schedules:
        of.accepted_at = NOW if accepted else None
    for day, of in zip(days, schedules * len(days), strict=False):
        made = slot(session, place.provider_id, of=of, at=time(9, of.id % 60))
        made.starts_at = local_instant(day, time(9))
        made.ends_at = made.starts_at + timedelta(minutes=10)
        session.flush()


def stationary(session: Session, actor: Actor, weekdays: frozenset[int] = TUESDAYS) -> ServicePlace:
    """A stationary place with opening hours on some weekdays."""
    place = service_place(session, actor.provider_id, mobility=Mobility.STATIONARY)
    place.opening_hours = [
        OpeningHours(programme=Programme.BREAST, weekday=each, opens=time(8), closes=time(12), minutes_per_woman=10)
        for each in sorted(weekdays)
    ]
    session.flush()
    return place


def read(session: Session, actor: Actor, today: date = TODAY) -> list[PlaceCover]:
    """The cover as it is read afterwards."""
    session.flush()
    session.expire_all()
    return list(cover.read(session, actor, today))


@pytest.mark.parametrize(
    ("last_day", "broken", "state"),
    [
        (date(2026, 9, 29), TODAY, CoverState.BROKEN),
        (SEPTEMBER, date(2026, 7, 1), CoverState.SOON_BROKEN),
        (date(2026, 10, 30), date(2026, 8, 1), CoverState.KEPT),
    ],
)
def test_a_mobile_place_is_judged_by_its_last_day(
    session: Session, actor: Actor, last_day: date, broken: date, state: CoverState
) -> None:
    """Days without a stop are no gap; a month before the duty is broken there is a warning."""
    place = service_place(session, actor.provider_id)
    offer(session, place, date(2026, 6, 1), last_day)
    [found] = read(session, actor)
    assert (found.reach, found.missing, found.broken_on, found.state) == (last_day, [], broken, state)


@pytest.mark.parametrize(("days", "state"), [(30, CoverState.SOON_BROKEN), (31, CoverState.KEPT)])
def test_the_warning_comes_thirty_days_before(session: Session, actor: Actor, days: int, state: CoverState) -> None:
    """From the first of July back; it says how far to reach then."""
    offer(session, service_place(session, actor.provider_id), SEPTEMBER)
    [found] = read(session, actor, date(2026, 7, 1) - timedelta(days=days))
    assert (found.broken_on, found.state, found.needed_until) == (date(2026, 7, 1), state, date(2026, 10, 31))


def test_a_stationary_place_lacks_the_days_on_which_it_usually_works(session: Session, actor: Actor) -> None:
    """On Tuesdays; a day closed by an exception is none of them, one with other hours is."""
    place = stationary(session, actor)
    tuesdays = working_days(TODAY, SEPTEMBER, TUESDAYS)
    gap, closed, moved = tuesdays[3], tuesdays[5], tuesdays[7]
    offer(session, place, *(day for day in tuesdays if day not in {gap, closed, moved}))
    for day, hours in ((closed, []), (moved, [{"opens": "12:00", "closes": "14:00"}])):
        session.add(
            DatedException(
                provider_id=actor.provider_id, service_place_id=place.id, day=day, hours=hours, reason="urlop"
            )
        )
    [found] = read(session, actor)
    assert (found.missing, found.state) == ([gap, moved], CoverState.BROKEN)
    assert found.reach == gap - timedelta(days=1)


def test_a_stationary_place_with_all_its_days_keeps_its_duty_until_the_month_ends(
    session: Session, actor: Actor
) -> None:
    """As the mobile one that reaches as far."""
    offer(session, stationary(session, actor), *working_days(TODAY, SEPTEMBER, TUESDAYS))
    [found] = read(session, actor)
    assert (found.missing, found.reach, found.broken_on) == ([], date(2026, 10, 5), date(2026, 7, 1))


def test_without_opening_hours_the_weekdays_of_its_slots_are_its_usual_ones(session: Session, actor: Actor) -> None:
    """A place that is opened by templates; one that offers nothing is measured by Monday to Friday."""
    place = stationary(session, actor, frozenset())
    [nothing] = read(session, actor)
    assert (nothing.reach, nothing.state, nothing.missing[0]) == (None, CoverState.BROKEN, date(2026, 6, 11))
    offer(session, place, *working_days(TODAY, SEPTEMBER, TUESDAYS))
    assert read(session, actor)[0].missing == []


@pytest.mark.parametrize("mobility", list(Mobility))
@pytest.mark.parametrize("status", [SlotStatus.WITHDRAWN, SlotStatus.ORPHANED, SlotStatus.BLOCKED])
def test_only_slots_that_somebody_works_count(
    session: Session, actor: Actor, mobility: Mobility, status: SlotStatus
) -> None:
    """A withdrawn or orphaned one is not offered any more; a blocked one is, though nobody is booked into it."""
    place = service_place(session, actor.provider_id, mobility=mobility)
    made = slot(session, actor.provider_id, of=schedule(session, actor.provider_id, day=SEPTEMBER, place=place))
    made.schedule.accepted_at, made.status = NOW, status
    made.taken = int(status is SlotStatus.ORPHANED)
    assert (read(session, actor)[0].reach is not None) is (status is SlotStatus.BLOCKED)


def test_what_is_not_accepted_reaches_nowhere(session: Session, actor: Actor) -> None:
    """The duty is towards the central system."""
    for mobility in Mobility:
        offer(session, service_place(session, actor.provider_id, mobility=mobility), SEPTEMBER, accepted=False)
    assert [(each.reach, each.state) for each in read(session, actor)] == [(None, CoverState.BROKEN)] * 2


def test_the_most_urgent_place_comes_first_and_others_are_not_ours(session: Session, actor: Actor) -> None:
    """By the day on which the duty is broken."""
    late, soon, broken = (service_place(session, actor.provider_id) for _ in range(3))
    offer(session, late, date(2026, 12, 31))
    offer(session, soon, SEPTEMBER)
    offer(session, service_place(session, factories.provider(session).id), SEPTEMBER)
    assert [each.service_place_id for each in read(session, actor)] == [broken.id, soon.id, late.id]
