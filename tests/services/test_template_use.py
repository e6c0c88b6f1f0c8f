"""Templates applied to published stops and to stationary places, by hand-checked numbers.

The unit's stop is published for Wednesday, 9:00 to 10:00, and Thursday, 8:00 to 10:00, a woman every ten minutes: 6 and
12 slots; in March Poland is one hour ahead of UTC.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Stop
from mobile_units.models.mixed_sessions import MixedSession
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import OpeningHours, ServicePlace
from mobile_units.models.slots import UNSURE, Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.admission import BookingChannel, Reservation
from mobile_units.rules.calendar import local_day
from mobile_units.rules.programmes import Mobility, Path, Programme
from mobile_units.rules.template_changes import Mode
from mobile_units.rules.template_slots import IdleDay, IdleReason
from mobile_units.rules.templates import Blocking, HeldBack, Overbooking, Template
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import dated_exceptions, itineraries, publishing, template_use, templates, visits
from mobile_units.services.actors import Actor
from mobile_units.services.dated_exceptions import NewException
from mobile_units.services.template_use import PlaceUse, StopsUse, TemplateUsed
from mobile_units.services.visits import NewVisit
from tests import factories_booking, factories_planning
from tests.factories_planning import CYTOLOGY, HPV, MAMMOGRAPHY, THURSDAY, WEDNESDAY, contract, does, draft, unit
from tests.factories_templates import accept_all, hours, kept, shared, waiting, week
from tests.statements import refused

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
WITHDRAW, SLOTS = MessageKind.WITHDRAW_SLOTS, MessageKind.SAVE_SLOTS
POINTS, SCHEDULE = MessageKind.IMPORT_MOBILE_POINTS, MessageKind.SAVE_SCHEDULE


def published(session: Session, actor: Actor, *programmes: object, stops: int = 1) -> Sequence[Stop]:
    """Stops of one itinerary on the same days, each of a unit of its own, handed over."""
    itinerary = draft(session, actor)
    for _ in range(stops):
        does_what = list(programmes) or None
        command = factories_planning.stop_of(
            unit(session, actor.provider_id, does_what),  # type: ignore[arg-type]  # UnitProgramme
            factories_planning.site(session, actor.provider_id),
            WEDNESDAY,
            THURSDAY,
            women=18,
        )
        itineraries.add_stop(session, actor, itinerary.id, command)
    factories_planning.publish(session, actor, itinerary, NOW)
    told(session)
    return session.scalars(select(Stop).where(Stop.itinerary_id == itinerary.id).order_by(Stop.id)).all()


def told(session: Session) -> None:
    """All was handed over, and the central system knows every slot as it stands."""
    accept_all(session)
    for row in session.scalars(select(Slot)):
        row.told_places = row.capacity
    session.flush()
    session.expire_all()


@pytest.fixture
def stop(session: Session, actor: Actor) -> Stop:
    """A published stop of a mammobus."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100, "10.7940.158.02": 100, CYTOLOGY: 100, HPV: 100})
    [only] = published(session, actor)
    return only


def use(
    session: Session,
    actor: Actor,
    template: Template,
    *stops: Stop,
    mode: Mode = Mode.OVERWRITE,
    now: datetime = NOW,
) -> TemplateUsed:
    """Previews a template at stops as they were read just now, applies it, and has both say the same."""
    kept_as = kept(session, actor, template)
    session.refresh(stops[0].itinerary)
    command = StopsUse(version=stops[0].itinerary.version, mode=mode, stop_ids=[stop.id for stop in stops])
    before = state(session, actor)
    seen = template_use.preview(session, actor, kept_as.id, command, now)
    assert state(session, actor) == before
    done = template_use.apply(session, actor, kept_as.id, command, now)
    assert done == seen
    session.expire_all()
    return done


def state(session: Session, actor: Actor) -> object:
    """All that a preview could leave behind."""
    session.expire_all()
    listed = [
        (row.id, row.status, row.ends_at, row.capacity, row.extra, row.reserved_for, row.session_id, row.fits)
        for row in rows(session, actor)
    ]
    schedules = [(each.id, each.valid_from, each.crew, len(each.hours)) for each in schedules_of(session, actor)]
    return listed, schedules, waiting(session, actor), len(session.scalars(select(MixedSession)).all())


def rows(session: Session, actor: Actor, *statuses: SlotStatus) -> Sequence[Slot]:
    """The slots of the provider in order of time; of some statuses only, if any are named."""
    query = select(Slot).join(Slot.schedule).where(Schedule.provider_id == actor.provider_id)
    query = query.where(Slot.status.in_(statuses)) if statuses else query
    return session.scalars(query.order_by(Slot.starts_at, Slot.schedule_id)).all()


def schedules_of(session: Session, actor: Actor) -> Sequence[Schedule]:
    """The provider's schedules."""
    query = select(Schedule).where(Schedule.provider_id == actor.provider_id).order_by(Schedule.id)
    return session.scalars(query).all()


def starts(found: Sequence[Slot]) -> list[str]:
    """When slots start, in UTC."""
    return [f"{row.starts_at:%d %H:%M}" for row in found]


def booked(session: Session, actor: Actor, slot: Slot, path: Path = Path.MAMMOGRAPHY) -> Visit:
    """A visit of a new woman, told."""
    woman = factories_booking.woman(session, actor.provider_id)
    command = NewVisit(woman_id=woman.id, slot_id=slot.id, path=path)
    visit = visits.book(session, actor, command, NOW)
    accept_all(session)
    session.expire_all()
    return visit


# stops


def test_other_minutes_replace_the_slots_and_only_the_difference_is_queued(
    session: Session, actor: Actor, stop: Stop
) -> None:
    """Every twenty minutes for two women: half of the slots go, the others become longer and take two."""
    done = use(session, actor, week(minutes=20, places=2), stop)
    assert (done.sums["removed"], done.sums["changed"], done.sums["added"], done.sums["kept"]) == (9, 9, 0, 0)
    assert (done.sums["women_before"], done.sums["women_after"]) == (18, 18)
    offered = rows(session, actor, SlotStatus.OPEN)
    assert starts(offered)[:4] == ["10 08:00", "10 08:20", "10 08:40", "11 07:00"]
    assert {(row.ends_at - row.starts_at, row.capacity, row.told_places) for row in offered} == {
        (timedelta(minutes=20), 2, UNSURE)
    }
    assert waiting(session, actor) == [WITHDRAW, SLOTS]


def test_applied_twice_it_does_nothing_more(session: Session, actor: Actor, stop: Stop) -> None:
    """Nothing is stored and nothing is queued the second time, whatever the template keeps back."""
    quotas = {BookingChannel.CENTRAL: 20, BookingChannel.DESK: 30}
    template = week(
        held_back=HeldBack(slots=1),
        quotas=quotas,
        blocking=Blocking(every=6),
        overbooking=Overbooking(2, "co dziesiąta pacjentka nie przychodzi"),
        crew="Załoga A",
    )
    done = use(session, actor, template, stop)
    assert done.sums["changed"] + done.sums["kept"] == 18
    counted = {kind: sum(row.reserved_for is kind for row in rows(session, actor)) for kind in Reservation}
    assert (counted[Reservation.URGENT], counted[Reservation.TELEPHONE]) == (2, 0)
    assert sum(row.extra for row in rows(session, actor)) == 2
    assert sum(row.status is SlotStatus.BLOCKED for row in rows(session, actor)) == 3
    [schedule] = schedules_of(session, actor)
    assert (schedule.crew, schedule.overbooking_reason) == ("Załoga A", "co dziesiąta pacjentka nie przychodzi")
    assert schedule.template_id == done.template_id
    told(session)
    before = state(session, actor)
    again = use(session, actor, template, stop)
    assert (again.sums["kept"], again.sums["changed"], again.sums["added"]) == (18, 0, 0)
    assert state(session, actor) == before


def test_hours_of_the_template_become_those_of_the_schedule(session: Session, actor: Actor, stop: Stop) -> None:
    """Two working times on Thursday; on Wednesday the stop opens at nine. Taken back, then the schedule."""
    use(session, actor, week(hours("08:00", "08:40"), hours("09:20", "10:00")), stop)
    [schedule] = schedules_of(session, actor)
    assert [(f"{row.starts_at:%d %H:%M}", f"{row.ends_at:%H:%M}") for row in schedule.hours] == [
        ("10 08:20", "09:00"),
        ("11 07:00", "07:40"),
        ("11 08:20", "09:00"),
    ]
    assert waiting(session, actor) == [WITHDRAW, SCHEDULE]
    told(session)
    use(session, actor, week(), stop)
    assert [f"{row.starts_at:%d %H:%M}" for row in schedule.hours] == ["10 08:00", "11 07:00"]
    assert waiting(session, actor) == [SCHEDULE, SLOTS]
    assert len(rows(session, actor, SlotStatus.OPEN)) == len(rows(session, actor)) == 18


def test_a_slot_with_a_visit_becomes_orphaned_and_returns(session: Session, actor: Actor, stop: Stop) -> None:
    """The template ends at nine; the visit at 9:10 on Thursday stays, and is offered again with the whole day."""
    slot = next(row for row in rows(session, actor) if f"{row.starts_at:%d %H:%M}" == "11 08:10")
    visit = booked(session, actor, slot)
    done = use(session, actor, week(hours("08:00", "09:00")), stop)
    [listed] = [each for outcome in done.outcomes for each in outcome.orphaned]
    assert (listed.slot_id, listed.visits, listed.wanted, listed.starts_at) == (slot.id, 1, False, slot.starts_at)
    assert (slot.status, slot.taken, visit.slot_id) == (SlotStatus.ORPHANED, 1, slot.id)
    assert len(rows(session, actor, SlotStatus.WITHDRAWN)) == 11
    assert IdleDay(WEDNESDAY, IdleReason.TOO_SHORT) in done.outcomes[0].idle
    [schedule] = schedules_of(session, actor)
    assert [f"{row.starts_at:%d %H:%M}" for row in schedule.hours] == ["11 07:00"]
    assert use(session, actor, week(hours("08:00", "09:00")), stop).sums["orphaned"] == 1
    assert use(session, actor, week(), stop).sums["changed"] == 1
    assert (slot.status, slot.taken) == (SlotStatus.OPEN, 1)


def test_nothing_is_changed_by_adding(session: Session, actor: Actor, stop: Stop) -> None:
    """A day that was cut short is filled with slots for two women; those that stand keep their one place."""
    use(session, actor, week(hours("08:00", "09:20")), stop)
    told(session)
    done = use(session, actor, week(places=2), stop, mode=Mode.ADDITIVE)
    assert (done.sums["added"], done.sums["untouched"], done.sums["changed"]) == (8, 10, 0)
    assert [row.capacity for row in rows(session, actor, SlotStatus.OPEN)] == [1, 1, *[2] * 4, *[1] * 8, *[2] * 4]
    assert waiting(session, actor) == [SCHEDULE, SLOTS]
    told(session)
    assert use(session, actor, week(places=2), stop, mode=Mode.ADDITIVE).sums["added"] == 0
    assert waiting(session, actor) == []


def test_what_has_begun_stays(session: Session, actor: Actor, stop: Stop) -> None:
    """At 9:00 on Thursday, 8:00 in UTC: the slots until then, and their hours, are as they were."""
    now = datetime(2027, 3, 11, 8, tzinfo=UTC)
    use(session, actor, week(hours("08:00", "08:30")), stop, now=now)
    assert starts(rows(session, actor, SlotStatus.OPEN))[6:] == [
        "11 07:00", "11 07:10", "11 07:20", "11 07:30", "11 07:40", "11 07:50", "11 08:00",
    ]  # fmt: skip
    [schedule] = schedules_of(session, actor)
    assert [f"{row.starts_at:%d %H:%M}-{row.ends_at:%H:%M}" for row in schedule.hours][1] == "11 07:00-08:10"


def test_many_stops_at_once_all_or_none(session: Session, actor: Actor, stop: Stop) -> None:
    """Two stops of one itinerary; with one of another itinerary, or one that is not there, none is touched."""
    first, second = published(session, actor, stops=2)
    done = use(session, actor, week(minutes=20), first, second)
    assert [(each.stop_id, sum(day.removed for day in each.days)) for each in done.outcomes] == [
        (first.id, 9),
        (second.id, 9),
    ]
    template = kept(session, actor, week())
    session.refresh(first.itinerary)
    for stop_ids, code in (
        ([first.id, stop.id], "stops_of_several_itineraries"),
        ([first.id, 2**62], "not_found"),
        ([first.id, first.id], "given_twice"),
    ):
        command = StopsUse(version=first.itinerary.version, mode=Mode.OVERWRITE, stop_ids=stop_ids)
        with refused(code):
            template_use.apply(session, actor, template.id, command, NOW)
    command = StopsUse(version=first.itinerary.version - 1, mode=Mode.OVERWRITE, stop_ids=[first.id])
    with refused("stale_version"):
        template_use.apply(session, actor, template.id, command, NOW)
    templates.retire(session, actor, template.id)
    with refused("template_retired"):
        template_use.apply(session, actor, template.id, command, NOW)


def test_an_exception_of_the_units_place_holds_for_its_stop(session: Session, actor: Actor, stop: Stop) -> None:
    """Thursday is closed with a reason, and has a template other hours on Wednesday, a quarter past nine to ten."""
    [schedule] = schedules_of(session, actor)
    place_id = schedule.service_place_id
    dated_exceptions.create(session, actor, place_id, NewException(THURSDAY, (), "targ"))
    dated_exceptions.create(session, actor, place_id, NewException(WEDNESDAY, [hours("09:15", "10:00")], "zjazd"))
    done = use(session, actor, week(), stop)
    assert done.outcomes[0].idle == (IdleDay(THURSDAY, IdleReason.CLOSED, "targ"),)
    assert starts(rows(session, actor, SlotStatus.OPEN)) == ["10 08:15", "10 08:25", "10 08:35", "10 08:45"]


def test_a_template_of_another_programme_is_refused(session: Session, actor: Actor, stop: Stop) -> None:
    """The unit does mammography only."""
    with refused("template_not_for_unit"):
        use(session, actor, week(shared=shared()), stop)


# rooms and crew that are shared


def both(session: Session, actor: Actor) -> Stop:
    """A published stop of a unit that does mammography and cytology."""
    [made] = published(
        session, actor, does(session, actor.provider_id), does(session, actor.provider_id, Programme.CERVICAL)
    )
    return made


def test_shared_rooms_make_one_session_of_each_working_time(session: Session, actor: Actor, stop: Stop) -> None:
    """Mammography for two and cytology for one; who is booked decides what still fits."""
    mixed = both(session, actor)
    use(session, actor, week(hours("08:00", "10:00"), shared=shared()), mixed)
    query = select(MixedSession).where(MixedSession.stop_id == mixed.id).order_by(MixedSession.starts_at)
    found = session.scalars(query).all()
    assert [(each.day, f"{each.starts_at:%H:%M}", f"{each.ends_at:%H:%M}") for each in found] == [
        (WEDNESDAY, "08:00", "09:00"),
        (THURSDAY, "07:00", "09:00"),
    ]
    own = [row for row in rows(session, actor, SlotStatus.OPEN) if row.session_id]
    assert {(row.schedule.path, row.capacity) for row in own} == {
        (Path.MAMMOGRAPHY, 2),
        (Path.CLASSIC_CYTOLOGY, 1),
    }
    assert {row.session_id for row in own} == {each.id for each in found}
    assert waiting(session, actor).count(SLOTS) == 2
    told(session)
    again = use(session, actor, week(hours("08:00", "10:00"), shared=shared()), mixed)
    assert (again.sums["kept"], again.sums["added"], again.sums["removed"]) == (len(own), 0, 0)
    assert waiting(session, actor) == []


def test_what_fits_is_judged_anew_when_the_crew_changes(session: Session, actor: Actor, stop: Stop) -> None:
    """One visit of cytology at 9:00; then only one person is left, so nothing else fits beside it."""
    mixed = both(session, actor)
    use(session, actor, week(shared=shared()), mixed)
    slot = next(row for row in rows(session, actor, SlotStatus.OPEN) if row.schedule.path is Path.CLASSIC_CYTOLOGY)
    booked(session, actor, slot, Path.CLASSIC_CYTOLOGY)
    beside = [row for row in rows(session, actor) if row.session_id == slot.session_id and row.id != slot.id]
    assert all(row.fits for row in beside if row.schedule.path is Path.MAMMOGRAPHY)
    alone = shared()
    alone = type(alone)(alone.minutes, alone.rooms, alone.crew[:1])
    use(session, actor, week(shared=alone), mixed)
    fitting = {f"{row.starts_at:%H:%M}": row.fits for row in beside if row.schedule.path is Path.MAMMOGRAPHY}
    assert fitting == {"08:00": False, "08:20": False, "08:40": True}
    assert {row.capacity for row in beside} == {1}


def test_rooms_of_their_own_end_a_session(session: Session, actor: Actor, stop: Stop) -> None:
    """A template of mammography alone leaves cytology in its session, and takes its own slots out of it."""
    mixed = both(session, actor)
    use(session, actor, week(shared=shared()), mixed)
    use(session, actor, week(minutes=20), mixed)
    paths = [Path.MAMMOGRAPHY, Path.CLASSIC_CYTOLOGY]
    points = select(MobilePoint.id).where(MobilePoint.stop_id == mixed.id)
    of_stop = select(Schedule.id).where(Schedule.mobile_point_id.in_(points), Schedule.path.in_(paths))
    keys = session.scalars(of_stop).all()
    left = [row for row in rows(session, actor, SlotStatus.OPEN) if row.schedule_id in keys]
    assert {(row.schedule.path, row.session_id is None) for row in left} == {
        (Path.MAMMOGRAPHY, True),
        (Path.CLASSIC_CYTOLOGY, False),
    }


# schedules that are made


def test_a_stop_gets_the_schedule_that_it_lacks_behind_what_is_taken_back(
    session: Session, actor: Actor, stop: Stop
) -> None:
    """The unit does cytology too since yesterday: a point of the place, its schedule and slots, all queued in order."""
    midwife = does(session, actor.provider_id, Programme.CERVICAL)
    stop.unit.programmes.append(midwife)
    session.flush()
    done = use(session, actor, week(hours("08:00", "09:30"), shared=shared()), stop)
    assert done.sums["added"] > 0
    made = next(each for each in schedules_of(session, actor) if each.path is Path.CLASSIC_CYTOLOGY)
    assert (made.mobile, made.valid_from, made.valid_to) == (True, WEDNESDAY, THURSDAY)
    point = session.get_one(MobilePoint, made.mobile_point_id)
    assert (point.stop_id, point.service_place_id) == (stop.id, midwife.service_place.id)
    kinds = waiting(session, actor)
    assert kinds.index(WITHDRAW) < kinds.index(POINTS) < len(kinds) - 1 - kinds[::-1].index(SLOTS)
    assert kinds.count(SCHEDULE) == 2
    assert made.women_planned > 0


LAB = "10.7940.158.02"
MONDAY, SUNDAY = date(2027, 3, 8), date(2027, 3, 14)


@pytest.fixture
def lab(session: Session, actor: Actor, stop: Stop) -> ServicePlace:
    """A stationary laboratory of the same provider."""
    return factories_booking.service_place(session, actor.provider_id, mobility=Mobility.STATIONARY)


def at_place(session: Session, actor: Actor, template: Template, place: ServicePlace, *days: date) -> TemplateUsed:
    """Previews and applies a template at days of a stationary place, from the first to the last of them."""
    kept_as = kept(session, actor, template)
    session.refresh(place)
    command = PlaceUse(
        version=place.version, mode=Mode.OVERWRITE, service_place_id=place.id, first_day=days[0], last_day=days[-1]
    )
    before = state(session, actor)
    seen = template_use.preview(session, actor, kept_as.id, command, NOW)
    assert state(session, actor) == before
    assert template_use.apply(session, actor, kept_as.id, command, NOW) == seen
    session.expire_all()
    return seen


def test_a_stationary_place_gets_schedules_without_a_mobile_point(
    session: Session, actor: Actor, lab: ServicePlace
) -> None:
    """A week of five days of twelve slots; the days after it make the same schedule longer; the next month another."""
    done = at_place(session, actor, week(), lab, MONDAY, SUNDAY)
    assert (done.sums["added"], len(done.outcomes[0].idle)) == (60, 2)
    [made] = [each for each in schedules_of(session, actor) if each.service_place_id == lab.id]
    assert (made.mobile, made.mobile_point_id, made.valid_from, made.valid_to, made.women_planned) == (
        False,
        None,
        MONDAY,
        MONDAY + timedelta(days=4),
        60,
    )
    kinds = waiting(session, actor)
    assert kinds == [MessageKind.SAVE_SERVICE_PLACE, SCHEDULE, SLOTS, MessageKind.ACTIVATE_SERVICE_PLACE]
    told(session)
    at_place(session, actor, week(), lab, date(2027, 3, 1), date(2027, 3, 2))
    assert (made.valid_from, made.valid_to, len(made.hours)) == (date(2027, 3, 1), date(2027, 3, 12), 7)
    assert waiting(session, actor) == [SCHEDULE, SLOTS]
    told(session)
    at_place(session, actor, week(), lab, date(2027, 3, 31), date(2027, 4, 1))
    own = [each for each in schedules_of(session, actor) if each.service_place_id == lab.id]
    assert [(each.valid_from, each.valid_to) for each in own] == [
        (date(2027, 3, 1), date(2027, 3, 31)),
        (date(2027, 4, 1), date(2027, 4, 1)),
    ]


def test_what_opening_hours_made_is_overwritten_day_by_day(session: Session, actor: Actor, lab: ServicePlace) -> None:
    """Opened for a month by its hours, the place gets a template for one week; other weeks stay, Easter Monday idle."""
    lab.opening_hours[:] = [
        OpeningHours(
            programme=Programme.BREAST, weekday=day, opens=hours().opens, closes=hours().closes, minutes_per_woman=10
        )
        for day in range(1, 6)
    ]
    session.flush()
    publishing.open_stationary(session, actor, lab.id, date(2027, 3, 1), date(2027, 3, 31))
    told(session)
    done = at_place(session, actor, week(minutes=40), lab, MONDAY, SUNDAY)
    assert (done.sums["removed"], done.sums["changed"], done.sums["added"]) == (45, 15, 0)
    left = [row for row in rows(session, actor, SlotStatus.OPEN) if row.service_place_id == lab.id]
    assert sum(MONDAY <= local_day(row.starts_at) <= SUNDAY for row in left) == 15
    assert len(left) == 22 * 12 - 45
    with refused("mobile_place_has_no_hours"):
        mobile = factories_booking.service_place(session, actor.provider_id)
        at_place(session, actor, week(), mobile, MONDAY, SUNDAY)
    with pytest.raises(DomainError, match="no_contracted_range"):
        at_place(session, actor, week(), lab, date(2036, 3, 3), date(2036, 3, 4))
