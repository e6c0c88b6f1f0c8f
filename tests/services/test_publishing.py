"""Publishing: from stops and opening hours to mobile points, schedules, slots and messages, by hand-checked numbers.

The unit of most tests works from 8:00 to 10:00, is set up within an hour and examines a woman in ten minutes. In its
two days, Wednesday and Thursday, 6 and 12 women fit; in March Poland is one hour ahead of UTC.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from threading import Barrier
from types import ModuleType
from typing import Any
from uuid import uuid5

import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, selectinload

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import OpeningHours, ServicePlace, ServicePlaceStatus
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxDependency, OutboxMessage
from mobile_units.models.units import MobileUnit
from mobile_units.rules.programmes import Mobility, Path, Programme, Setting
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import itineraries, publishing
from mobile_units.services.actors import Actor
from mobile_units.services.derivation import Published
from mobile_units.services.itineraries import DayHours, NewStop
from mobile_units.transmission import outbox
from tests import factories, factories_booking, factories_planning
from tests.factories_planning import (
    CYTOLOGY,
    FIRST,
    HPV,
    MAMMOGRAPHY,
    THURSDAY,
    WEDNESDAY,
    contract,
    does,
    draft,
    draft_with_stop,
    site,
    stop_of,
    unit,
)
from tests.statements import refused

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
STATIONARY_MAMMOGRAPHY = "10.7940.158.02"
MARCH, APRIL = (date(2027, 3, 1), date(2027, 3, 31)), (date(2027, 4, 1), date(2027, 4, 30))
EVERYTHING = (MobilePoint, Schedule, OutboxMessage, AuditEntry)


def publish(session: Session, actor: Actor, itinerary: Itinerary) -> Published:
    """Approves and publishes a draft as it stands."""
    return factories_planning.publish(session, actor, itinerary, NOW)


def schedules(session: Session, actor: Actor) -> Sequence[Schedule]:
    """The provider's schedules with their working times, by path and time."""
    query = select(Schedule).where(Schedule.provider_id == actor.provider_id).options(selectinload(Schedule.hours))
    return session.scalars(query.order_by(Schedule.path, Schedule.valid_from, Schedule.id)).all()


def slots_of(session: Session, schedule: Schedule) -> Sequence[Slot]:
    """The slots of a schedule in order of time."""
    return session.scalars(select(Slot).where(Slot.schedule_id == schedule.id).order_by(Slot.starts_at)).all()


def starts(session: Session, schedule: Schedule) -> list[str]:
    """When the slots of a schedule start, in UTC."""
    return [f"{slot.starts_at:%d %H:%M}" for slot in slots_of(session, schedule)]


def every_ten_minutes(day: int, hour: int, count: int) -> list[str]:
    """So many starts from an hour in UTC."""
    first = datetime(2027, 3, day, hour, tzinfo=UTC)
    return [f"{first + n * timedelta(minutes=10):%d %H:%M}" for n in range(count)]


def laboratory(session: Session, actor: Actor, *hours: tuple[int, time, time], rooms: int = 1) -> ServicePlace:
    """A stationary mammography that examines a woman in half an hour: ISO weekday, opening, closing."""
    place = factories_booking.service_place(session, actor.provider_id, mobility=Mobility.STATIONARY)
    place.opening_hours = [
        OpeningHours(
            programme=Programme.BREAST, weekday=weekday, opens=opens, closes=closes, minutes_per_woman=30, rooms=rooms
        )
        for weekday, opens, closes in hours
    ]
    session.flush()
    return place


# stops


def test_a_days_work_becomes_slots_of_one_contract_range(session: Session, actor: Actor) -> None:
    """Six slots after the set-up, eight on the second day, where the limit of the unit is reached at 9:20."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    mammobus = unit(session, actor.provider_id, [does(session, actor.provider_id, limit=8)])
    itinerary = draft_with_stop(session, actor, mammobus, women=14)
    assert publish(session, actor, itinerary) == Published(mobile_points=1, schedules=1, slots=14)
    [schedule] = schedules(session, actor)
    assert starts(session, schedule) == every_ten_minutes(10, 8, 6) + every_ten_minutes(11, 7, 8)
    assert (schedule.valid_from, schedule.valid_to, schedule.women_planned) == (WEDNESDAY, THURSDAY, 14)
    assert [(hours.starts_at, hours.ends_at) for hours in schedule.hours] == [
        (datetime(2027, 3, 10, 8, tzinfo=UTC), datetime(2027, 3, 10, 9, tzinfo=UTC)),
        (datetime(2027, 3, 11, 7, tzinfo=UTC), datetime(2027, 3, 11, 9, tzinfo=UTC)),
    ]
    assert {(slot.capacity, slot.taken, slot.status) for slot in slots_of(session, schedule)} == {
        (1, 0, SlotStatus.OPEN)
    }
    assert (itinerary.status, itinerary.published_at) == (ItineraryStatus.PUBLISHED, NOW)


def test_slots_and_women_are_shared_by_the_limits_of_the_ranges(session: Session, actor: Actor) -> None:
    """Cytology to HPV 300:100. Of 14 slots every third of four is for HPV: 11 and 3; of 10 women 7.86 and 2.14."""
    contract(session, actor.provider_id, {CYTOLOGY: 300, HPV: 100})
    cytobus = unit(session, actor.provider_id, [does(session, actor.provider_id, Programme.CERVICAL, limit=8)])
    itinerary = draft_with_stop(session, actor, cytobus, women=10)
    assert publish(session, actor, itinerary) == Published(mobile_points=1, schedules=2, slots=14)
    cytology, hpv = schedules(session, actor)
    assert (cytology.path, hpv.path) == (Path.CLASSIC_CYTOLOGY, Path.HPV_LBC)
    assert starts(session, hpv) == ["10 08:20", "11 07:00", "11 07:40"]
    assert len(starts(session, cytology)) == 11
    both = every_ten_minutes(10, 8, 6) + every_ten_minutes(11, 7, 8)
    assert sorted(starts(session, cytology) + starts(session, hpv)) == both
    assert (cytology.women_planned, hpv.women_planned) == (8, 2)
    assert [each.contract_range.product_code for each in (cytology, hpv)] == [CYTOLOGY, HPV]


def test_rooms_share_a_slot(session: Session, actor: Actor) -> None:
    """Eleven women a day in two rooms: five slots for two and one for one."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    mammobus = unit(session, actor.provider_id, [does(session, actor.provider_id, rooms=2, limit=11)])
    publish(session, actor, draft_with_stop(session, actor, mammobus, WEDNESDAY))
    [schedule] = schedules(session, actor)
    assert [slot.capacity for slot in slots_of(session, schedule)] == [2, 2, 2, 2, 2, 1]


def test_a_slot_is_named_by_its_schedule_and_its_start(session: Session, actor: Actor) -> None:
    """So that a slot made again from the same schedule would be the same slot."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    publish(session, actor, draft_with_stop(session, actor, unit(session, actor.provider_id)))
    [schedule] = schedules(session, actor)
    for slot in slots_of(session, schedule):
        assert slot.uuid == uuid5(schedule.uuid, slot.starts_at.astimezone(UTC).isoformat())
        copies = (slot.service_place_id, slot.place_mobility, slot.mobile)
        assert copies == (schedule.service_place_id, Mobility.MOBILE, True)


def test_a_stop_becomes_a_mobile_point_and_its_schedules_bear_the_flag(session: Session, actor: Actor) -> None:
    """The point has the name of the site and the days of the stop."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    itinerary = draft_with_stop(session, actor, unit(session, actor.provider_id))
    publish(session, actor, itinerary)
    [schedule] = schedules(session, actor)
    point = schedule.mobile_point
    assert point is not None
    assert (point.stop, point.service_place) == (itinerary.stops[0], schedule.service_place)
    assert (point.name, point.valid_from, point.valid_to) == ("Wieluń, Plac Legionów", WEDNESDAY, THURSDAY)
    assert schedule.mobile


def test_a_combined_unit_has_a_point_for_each_service_place(session: Session, actor: Actor) -> None:
    """Mammography 6 and 12 women, cytology every twenty minutes 3 and 6: of 27 women, 18 and 9."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100, CYTOLOGY: 100})
    both = [does(session, actor.provider_id), does(session, actor.provider_id, Programme.CERVICAL, minutes=20)]
    itinerary = draft_with_stop(session, actor, unit(session, actor.provider_id, both), women=27)
    assert publish(session, actor, itinerary) == Published(mobile_points=2, schedules=2, slots=27)
    cytology, mammography = schedules(session, actor)
    assert (cytology.women_planned, mammography.women_planned) == (9, 18)
    assert cytology.mobile_point_id != mammography.mobile_point_id


def test_programmes_of_one_service_place_share_their_point(session: Session, actor: Actor) -> None:
    """A stop is one point of a place, however many programmes the place has."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100, CYTOLOGY: 100})
    place = factories_booking.service_place(session, actor.provider_id, setting=Setting.POZ)
    both = [does(session, actor.provider_id, programme, place=place) for programme in Programme]
    itinerary = draft_with_stop(session, actor, unit(session, actor.provider_id, both))
    assert publish(session, actor, itinerary) == Published(mobile_points=1, schedules=2, slots=36)


def test_hours_of_a_stop_follow_the_clocks(session: Session, actor: Actor) -> None:
    """The Friday before the clocks go forward and the Tuesday after it begin at 8:00 in Poland."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    mammobus = unit(session, actor.provider_id, setup_minutes=0)
    publish(session, actor, draft_with_stop(session, actor, mammobus, date(2027, 3, 26), date(2027, 3, 30)))
    [schedule] = schedules(session, actor)
    assert starts(session, schedule) == every_ten_minutes(26, 7, 12) + every_ten_minutes(30, 6, 12)


# contracts


def test_each_day_is_settled_by_the_contract_valid_on_it(session: Session, actor: Actor) -> None:
    """A contract that ends on Wednesday gives way to the next one on Thursday: two schedules at one point."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100}, valid_to=WEDNESDAY)
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100}, valid_from=THURSDAY)
    itinerary = draft_with_stop(session, actor, unit(session, actor.provider_id), women=9)
    assert publish(session, actor, itinerary) == Published(mobile_points=1, schedules=2, slots=18)
    old, new = schedules(session, actor)
    assert (old.valid_from, old.valid_to, old.women_planned) == (WEDNESDAY, WEDNESDAY, 3)
    assert (new.valid_from, new.valid_to, new.women_planned) == (THURSDAY, THURSDAY, 6)
    assert starts(session, old) == every_ten_minutes(10, 8, 6)
    assert starts(session, new) == every_ten_minutes(11, 7, 12)
    assert old.contract_range_id != new.contract_range_id


def test_a_path_contracted_later_joins_without_a_second_schedule_of_the_first(session: Session, actor: Actor) -> None:
    """Cytology on both days, HPV from Thursday: one schedule each."""
    contract(session, actor.provider_id, {CYTOLOGY: 100})
    contract(session, actor.provider_id, {HPV: 100}, valid_from=THURSDAY)
    cytobus = unit(session, actor.provider_id, [does(session, actor.provider_id, Programme.CERVICAL)])
    assert publish(session, actor, draft_with_stop(session, actor, cytobus)) == Published(1, 2, 18)
    cytology, hpv = schedules(session, actor)
    assert [len(slots_of(session, each)) for each in (cytology, hpv)] == [6 + 6, 6]
    assert [(each.valid_from, each.valid_to) for each in (cytology, hpv)] == [
        (WEDNESDAY, THURSDAY),
        (THURSDAY, THURSDAY),
    ]
    assert [len(each.hours) for each in (cytology, hpv)] == [2, 1]


def test_a_day_without_a_contract_is_refused_by_its_name(session: Session, actor: Actor) -> None:
    """Though the first day of the stop has one."""
    contract(session, actor.provider_id, {CYTOLOGY: 100, HPV: 100}, valid_to=WEDNESDAY)
    cytobus = unit(session, actor.provider_id, [does(session, actor.provider_id, Programme.CERVICAL)])
    itinerary = draft_with_stop(session, actor, cytobus)
    with pytest.raises(DomainError) as refusal:
        publish(session, actor, itinerary)
    assert refusal.value.code == "no_contracted_range"
    assert refusal.value.facts == {"path": "cervical", "day": "2027-03-11"}


def test_ranges_of_another_provider_settle_nothing(session: Session, actor: Actor) -> None:
    """Nor does a range for another place."""
    contract(session, factories.provider(session).id, {MAMMOGRAPHY: 100})
    elsewhere = contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    elsewhere.ranges[0].service_place_id = factories_booking.service_place(session, actor.provider_id).id
    with refused("no_contracted_range"):
        publish(session, actor, draft_with_stop(session, actor, unit(session, actor.provider_id)))


# refusals


def test_only_an_approved_itinerary_is_published_as_it_was_read(session: Session, actor: Actor) -> None:
    """Once, by its own provider, and not after somebody changed it."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    with refused("itinerary_empty"):
        publish(session, actor, draft(session, actor))
    itinerary = draft_with_stop(session, actor, unit(session, actor.provider_id))
    with refused("itinerary_not_approved"):
        publishing.publish(session, actor, itinerary.id, itinerary.version, NOW)
    factories_planning.approve(session, actor, itinerary, NOW)
    with refused("stale_version"):
        publishing.publish(session, actor, itinerary.id, itinerary.version - 1, NOW)
    with refused("not_found"):
        publish(session, Actor(factories.provider(session).id), itinerary)
    publish(session, actor, itinerary)
    with refused("itinerary_not_approved"):
        publish(session, actor, itinerary)


def test_a_stop_in_the_past_is_not_published(session: Session, actor: Actor) -> None:
    """Nobody could be booked there; on the day itself there is still time."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    itinerary = draft_with_stop(session, actor, unit(session, actor.provider_id))
    begins = datetime.combine(itinerary.stops[0].first_day, time(7), tzinfo=UTC)
    with refused("stop_in_the_past"):
        factories_planning.publish(session, actor, itinerary, begins + timedelta(days=1))
    assert factories_planning.publish(session, actor, itinerary, begins).mobile_points == 1


def test_what_was_retired_after_planning_is_not_published(session: Session, actor: Actor) -> None:
    """A unit, a site, or a unit's last programme."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    mammobus = unit(session, actor.provider_id)
    itinerary = draft_with_stop(session, actor, mammobus)
    for retired in (mammobus, itinerary.stops[0].site):
        retired.active = False
        with refused("out_of_use"), session.begin_nested():
            publish(session, actor, itinerary)
        retired.active = True
    mammobus.programmes.clear()
    with refused("unit_without_programme"):
        publish(session, actor, itinerary)


def test_hours_in_which_nobody_fits_are_refused(session: Session, actor: Actor) -> None:
    """Five minutes are too short for an examination of ten."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    itinerary, mammobus = draft(session, actor), unit(session, actor.provider_id)
    days = [DayHours(WEDNESDAY, time(8), time(8, 5))]
    command = NewStop(unit_id=mammobus.id, site_id=site(session, actor.provider_id).id, days=days)
    itineraries.add_stop(session, actor, itinerary.id, command)
    with refused("schedule_without_slots"):
        publish(session, actor, itinerary)


def test_a_unit_is_not_in_two_places_of_published_itineraries(session: Session, actor: Actor) -> None:
    """Two drafts may promise it twice; the second cannot be published."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    mammobus = unit(session, actor.provider_id)
    one, other = (draft_with_stop(session, actor, mammobus) for _ in range(2))
    publish(session, actor, one)
    with refused("unit_in_two_places"):
        publish(session, actor, other)


def stored(engine: Engine, actor: Actor) -> dict[str, int]:
    """How many rows of each kind the provider has in the database."""
    with Session(engine) as session:
        counts = {
            entity.__tablename__: session.scalar(
                select(func.count()).select_from(entity).where(entity.provider_id == actor.provider_id)
            )
            or 0
            for entity in EVERYTHING
        }
        own = select(func.count()).select_from(Slot).join(Slot.schedule)
        counts["slots"] = session.scalar(own.where(Schedule.provider_id == actor.provider_id)) or 0
    return counts


def committed_draft(engine: Engine, *stops: Sequence[date]) -> tuple[Actor, Itinerary]:
    """A provider with a contract, and a draft of one unit with these stops, seen by every connection."""
    with db.transaction(engine) as session:
        actor = Actor(factories.provider(session).id)
        contract(session, actor.provider_id, {MAMMOGRAPHY: 100}, valid_to=THURSDAY)
        itinerary, mammobus = draft(session, actor), unit(session, actor.provider_id)
        for days in stops:
            command = stop_of(mammobus, site(session, actor.provider_id), *days)
            itineraries.add_stop(session, actor, itinerary.id, command)
    return actor, itinerary


def test_nothing_is_stored_when_a_later_stop_is_refused(engine: Engine) -> None:
    """The second stop has no contract any more; the first one leaves no trace and the draft stays a draft."""
    actor, itinerary = committed_draft(engine, [WEDNESDAY], [date(2027, 3, 12)])
    before = stored(engine, actor)
    with refused("no_contracted_range"), db.transaction(engine) as session:
        publish(session, actor, itinerary)
    assert stored(engine, actor) == before
    with Session(engine) as session:
        assert session.get_one(Itinerary, itinerary.id).status is ItineraryStatus.DRAFT
        days = session.scalars(select(StopDay.itinerary_status).where(StopDay.itinerary_id == itinerary.id))
        assert set(days) == {ItineraryStatus.DRAFT}


def test_nothing_is_stored_when_a_message_cannot_be(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schedules and slots never exist without the messages that hand them over."""
    actor, itinerary = committed_draft(engine, [WEDNESDAY, THURSDAY])
    before, enqueue = stored(engine, actor), outbox.enqueue

    def fail_at_slots(session: Session, **message: Any) -> OutboxMessage:
        if message["kind"] is MessageKind.SAVE_SLOTS:
            raise OperationalError("INSERT", {}, Exception("lost"))
        return enqueue(session, **message)

    monkeypatch.setattr(outbox, "enqueue", fail_at_slots)
    with pytest.raises(OperationalError), db.transaction(engine) as session:
        publish(session, actor, itinerary)
    assert stored(engine, actor) == before
    monkeypatch.undo()
    with db.transaction(engine) as session:
        assert publish(session, actor, itinerary).slots == 18


# the hand-over

Edge = tuple[tuple[MessageKind, int], tuple[MessageKind, int]]


def messages(session: Session, actor: Actor) -> list[OutboxMessage]:
    """The provider's messages in the order in which they were stored."""
    query = select(OutboxMessage).where(OutboxMessage.provider_id == actor.provider_id).order_by(OutboxMessage.id)
    return list(session.scalars(query))


def requirements(session: Session, actor: Actor) -> set[Edge]:
    """Which message waits for which, each named by kind and subject."""
    named = {each.id: (each.kind, each.subject_id) for each in messages(session, actor)}
    edges = session.scalars(select(OutboxDependency).where(OutboxDependency.message_id.in_(named)))
    return {(named[edge.message_id], named[edge.requires_id]) for edge in edges}


def test_messages_require_what_the_central_system_needs_before_them(session: Session, actor: Actor) -> None:
    """One stop with two schedules: place ← point ← schedules ← slots, and the activation requires everything."""
    contract(session, actor.provider_id, {CYTOLOGY: 300, HPV: 100})
    cytobus = unit(session, actor.provider_id, [does(session, actor.provider_id, Programme.CERVICAL)])
    publish(session, actor, draft_with_stop(session, actor, cytobus))
    both = schedules(session, actor)
    place = MessageKind.SAVE_SERVICE_PLACE, both[0].service_place_id
    point = MessageKind.IMPORT_MOBILE_POINTS, both[0].mobile_point_id or 0
    activation = MessageKind.ACTIVATE_SERVICE_PLACE, both[0].service_place_id
    saved = [(MessageKind.SAVE_SCHEDULE, each.id) for each in both]
    slots = [(MessageKind.SAVE_SLOTS, each.id) for each in both]
    expected: set[Edge] = {(point, place)}
    expected |= {(schedule, before) for schedule in saved for before in (place, point)}
    expected |= set(zip(slots, saved, strict=True))
    expected |= {(activation, before) for before in (place, point, *saved, *slots)}
    assert requirements(session, actor) == expected
    named = [(each.kind, each.subject_id) for each in messages(session, actor)]
    assert sorted(named) == sorted([place, point, activation, *saved, *slots])
    assert {each.service_day for each in messages(session, actor)} == {WEDNESDAY}


def test_one_stop_never_waits_for_another(session: Session, actor: Actor) -> None:
    """Two stops of one place share the registration and the activation, nothing else; each has its own service day."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    itinerary, mammobus = draft(session, actor), unit(session, actor.provider_id)
    for day in (THURSDAY, WEDNESDAY):
        command = stop_of(mammobus, site(session, actor.provider_id), day)
        itineraries.add_stop(session, actor, itinerary.id, command)
    publish(session, actor, itinerary)
    early, late = schedules(session, actor)
    edges = requirements(session, actor)
    for schedule in (early, late):
        place, point, saved, *_ = subjects_of(schedule)
        assert {before for waiting, before in edges if waiting == saved} == {place, point}
    days = {(each.kind, each.service_day) for each in messages(session, actor)}
    assert (MessageKind.SAVE_SLOTS, THURSDAY) in days
    assert (MessageKind.SAVE_SERVICE_PLACE, WEDNESDAY) in days
    assert len(messages(session, actor)) == 1 + 3 * 2 + 1


def test_places_of_a_combined_unit_are_handed_over_apart(session: Session, actor: Actor) -> None:
    """A rejected message of the one holds up nothing of the other."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100, CYTOLOGY: 100})
    both = [does(session, actor.provider_id, programme) for programme in Programme]
    publish(session, actor, draft_with_stop(session, actor, unit(session, actor.provider_id, both)))
    place_of = {key: each.service_place_id for each in schedules(session, actor) for key in subjects_of(each)}
    for waiting, before in requirements(session, actor):
        assert place_of[waiting] == place_of[before]
    assert len(set(place_of.values())) == 2


def subjects_of(schedule: Schedule) -> list[tuple[MessageKind, int]]:
    """The messages that hand over a schedule and what it needs."""
    return [
        (MessageKind.SAVE_SERVICE_PLACE, schedule.service_place_id),
        (MessageKind.IMPORT_MOBILE_POINTS, schedule.mobile_point_id or 0),
        (MessageKind.SAVE_SCHEDULE, schedule.id),
        (MessageKind.SAVE_SLOTS, schedule.id),
        (MessageKind.ACTIVATE_SERVICE_PLACE, schedule.service_place_id),
    ]


def test_a_place_is_registered_and_activated_once(session: Session, actor: Actor) -> None:
    """A second publication before the first was handed over joins its messages: the activation waits for both."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    mammobus = unit(session, actor.provider_id)
    publish(session, actor, draft_with_stop(session, actor, mammobus))
    publish(session, actor, draft_with_stop(session, actor, mammobus, date(2027, 3, 15)))
    kinds = [each.kind for each in messages(session, actor)]
    assert kinds.count(MessageKind.SAVE_SERVICE_PLACE) == kinds.count(MessageKind.ACTIVATE_SERVICE_PLACE) == 1
    activation = MessageKind.ACTIVATE_SERVICE_PLACE, mammobus.programmes[0].service_place_id
    awaited = {before for waiting, before in requirements(session, actor) if waiting == activation}
    assert {(MessageKind.SAVE_SLOTS, each.id) for each in schedules(session, actor)} <= awaited


def test_an_active_place_is_neither_registered_nor_activated_again(session: Session, actor: Actor) -> None:
    """Its new points, schedules and slots wait for nothing that was accepted."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    mammobus = unit(session, actor.provider_id)
    publish(session, actor, draft_with_stop(session, actor, mammobus))
    before = {each.id for each in messages(session, actor)}
    session.execute(update(OutboxMessage).values(state=MessageState.ACCEPTED, attempts=1))
    mammobus.programmes[0].service_place.status = ServicePlaceStatus.ACTIVE
    publish(session, actor, draft_with_stop(session, actor, mammobus, date(2027, 3, 15)))
    new = [each for each in messages(session, actor) if each.id not in before]
    assert [each.kind for each in new] == [
        MessageKind.IMPORT_MOBILE_POINTS,
        MessageKind.SAVE_SCHEDULE,
        MessageKind.SAVE_SLOTS,
    ]
    assert [len(each.waits_for) for each in new] == [0, 1, 1]


def test_a_publication_is_in_the_audit_log(session: Session, actor: Actor) -> None:
    """Who published what."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100, STATIONARY_MAMMOGRAPHY: 100})
    itinerary = draft_with_stop(session, actor, unit(session, actor.provider_id))
    place = laboratory(session, actor, (3, time(8), time(9)))
    publish(session, actor, itinerary)
    publishing.open_stationary(session, actor, place.id, *MARCH)
    session.flush()
    published = select(AuditEntry.subject, AuditEntry.subject_id).where(
        AuditEntry.provider_id == actor.provider_id, AuditEntry.action == "publish"
    )
    assert set(session.execute(published)) == {("itinerary", itinerary.id), ("service_place", place.id)}


# stationary places


def test_opening_hours_become_one_schedule_a_month(session: Session, actor: Actor) -> None:
    """Mondays 8-9 and 14-15, Wednesdays 8-9:30, from 25 March to 7 April: 31 March; 5 and 7 April.

    Easter Monday, 29 March, is a holiday. A woman takes half an hour in each of two rooms.
    """
    contract(session, actor.provider_id, {STATIONARY_MAMMOGRAPHY: 100})
    hours = [(1, time(8), time(9)), (1, time(14), time(15)), (3, time(8), time(9, 30))]
    place = laboratory(session, actor, *hours, rooms=2)
    done = publishing.open_stationary(session, actor, place.id, date(2027, 3, 25), date(2027, 4, 7))
    assert done == Published(mobile_points=0, schedules=2, slots=3 + 4 + 3)
    march, april = schedules(session, actor)
    assert (march.valid_from, march.valid_to, march.women_planned) == (date(2027, 3, 31), date(2027, 3, 31), 6)
    assert (april.valid_from, april.valid_to, april.women_planned) == (date(2027, 4, 5), date(2027, 4, 7), 14)
    assert starts(session, march) == ["31 06:00", "31 06:30", "31 07:00"]
    monday, wednesday = ["05 06:00", "05 06:30", "05 12:00", "05 12:30"], ["07 06:00", "07 06:30", "07 07:00"]
    assert starts(session, april) == monday + wednesday
    assert {slot.capacity for slot in slots_of(session, april)} == {2}
    assert len(april.hours) == 3
    for schedule in (march, april):
        assert (schedule.mobile, schedule.mobile_point_id, schedule.place_mobility) == (
            False,
            None,
            Mobility.STATIONARY,
        )


def test_programmes_of_a_stationary_place_have_their_own_hours(session: Session, actor: Actor) -> None:
    """Mammography on Wednesdays, cytology on Thursdays."""
    contract(session, actor.provider_id, {STATIONARY_MAMMOGRAPHY: 100, CYTOLOGY: 100})
    place = laboratory(session, actor, (3, time(8), time(9)), (4, time(8), time(9, 30)))
    place.setting, place.opening_hours[1].programme = Setting.POZ, Programme.CERVICAL
    session.flush()
    publishing.open_stationary(session, actor, place.id, WEDNESDAY, THURSDAY)
    cytology, mammography = schedules(session, actor)
    assert starts(session, cytology) == ["11 07:00", "11 07:30", "11 08:00"]
    assert starts(session, mammography) == ["10 07:00", "10 07:30"]


def test_a_stationary_place_is_handed_over_without_points(session: Session, actor: Actor) -> None:
    """Place ← schedules ← slots, and the activation requires everything."""
    contract(session, actor.provider_id, {STATIONARY_MAMMOGRAPHY: 100})
    place = laboratory(session, actor, (3, time(8), time(9)))
    publishing.open_stationary(session, actor, place.id, MARCH[0], APRIL[1])
    registered = MessageKind.SAVE_SERVICE_PLACE, place.id
    saved = [(MessageKind.SAVE_SCHEDULE, each.id) for each in schedules(session, actor)]
    slots = [(MessageKind.SAVE_SLOTS, each.id) for each in schedules(session, actor)]
    expected: set[Edge] = {(each, registered) for each in saved} | set(zip(slots, saved, strict=True))
    expected |= {((MessageKind.ACTIVATE_SERVICE_PLACE, place.id), each) for each in (registered, *saved, *slots)}
    assert requirements(session, actor) == expected


def test_days_are_opened_once(session: Session, actor: Actor) -> None:
    """The next month may follow; a month that was opened already is refused by the database."""
    contract(session, actor.provider_id, {STATIONARY_MAMMOGRAPHY: 100})
    place = laboratory(session, actor, (3, time(8), time(9)))
    publishing.open_stationary(session, actor, place.id, *MARCH)
    publishing.open_stationary(session, actor, place.id, *APRIL)
    with refused("schedule_overlaps"):
        publishing.open_stationary(session, actor, place.id, date(2027, 3, 8), date(2027, 3, 12))


def test_a_contract_that_ends_within_a_month_gives_way_to_the_next(session: Session, actor: Actor) -> None:
    """Wednesdays 3, 10 and 17, 24, 31 March; the contract changes on the 15th."""
    contract(session, actor.provider_id, {STATIONARY_MAMMOGRAPHY: 100}, valid_to=date(2027, 3, 14))
    contract(session, actor.provider_id, {STATIONARY_MAMMOGRAPHY: 100}, valid_from=date(2027, 3, 15))
    place = laboratory(session, actor, (3, time(8), time(9)))
    assert publishing.open_stationary(session, actor, place.id, *MARCH) == Published(0, 2, 10)
    old, new = schedules(session, actor)
    assert (old.valid_from, old.valid_to) == (date(2027, 3, 3), date(2027, 3, 10))
    assert (new.valid_from, new.valid_to) == (date(2027, 3, 17), date(2027, 3, 31))


@pytest.mark.parametrize(
    ("first_day", "last_day", "code"),
    [
        (MARCH[1], MARCH[0], "ends_before_start"),
        (MARCH[0], date(2037, 3, 1), "period_too_long"),
        (date(2027, 3, 4), date(2027, 3, 9), "place_without_hours"),
        (MARCH[0], date(2027, 4, 7), "no_contracted_range"),
    ],
)
def test_impossible_openings_are_refused(
    session: Session, actor: Actor, first_day: date, last_day: date, code: str
) -> None:
    """Reversed days, ten years, days on which the place is closed, and days after the end of the contract."""
    contract(session, actor.provider_id, {STATIONARY_MAMMOGRAPHY: 100}, valid_to=MARCH[1])
    place = laboratory(session, actor, (3, time(8), time(9)))
    with refused(code):
        publishing.open_stationary(session, actor, place.id, first_day, last_day)


def test_a_mobile_place_and_one_of_another_provider_cannot_be_opened(session: Session, actor: Actor) -> None:
    """The one is opened by its stops, the other does not exist; neither is hours in which nobody fits."""
    contract(session, actor.provider_id, {STATIONARY_MAMMOGRAPHY: 100})
    stranger = Actor(factories.provider(session).id)
    for place, code in (
        (factories_booking.service_place(session, actor.provider_id), "place_without_hours"),
        (laboratory(session, stranger, (3, time(8), time(9))), "not_found"),
        (laboratory(session, actor, (3, time(8), time(8, 20))), "schedule_without_slots"),
    ):
        with refused(code):
            publishing.open_stationary(session, actor, place.id, *MARCH)


def test_all_stationary_places_that_are_open_on_the_days_are_opened(session: Session, actor: Actor) -> None:
    """Not a mobile place, not one that is closed then, none of another provider."""
    contract(session, actor.provider_id, {STATIONARY_MAMMOGRAPHY: 100})
    laboratory(session, actor, (3, time(8), time(9)))
    laboratory(session, actor, (5, time(8), time(9)))
    laboratory(session, actor)
    laboratory(session, Actor(factories.provider(session).id), (3, time(8), time(9)))
    factories_booking.service_place(session, actor.provider_id)
    done = publishing.open_all_stationary(session, actor, date(2027, 3, 1), date(2027, 3, 10))
    assert done == [Published(0, 1, 4), Published(0, 1, 2)]
    assert publishing.open_all_stationary(session, actor, date(2027, 3, 13), date(2027, 3, 14)) == []
    assert sum(done, Published(1, 1, 1)) == Published(1, 3, 7)


# what the database itself keeps true


def violated(session: Session, statement: str, **values: object) -> str | None:
    """The name of the constraint that refuses a statement, None if it passes; nothing of it remains."""
    try:
        with session.begin_nested() as savepoint:
            session.execute(text(statement), values)
            savepoint.rollback()
    except IntegrityError as error:
        return str(error.orig.diag.constraint_name)  # type: ignore[union-attr]  # psycopg's own error
    return None


@pytest.fixture
def mobile(session: Session, actor: Actor) -> Schedule:
    """A published schedule of a stop."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100, STATIONARY_MAMMOGRAPHY: 100})
    publish(session, actor, draft_with_stop(session, actor, unit(session, actor.provider_id), WEDNESDAY))
    [schedule] = schedules(session, actor)
    return schedule


@pytest.fixture
def stationary(session: Session, actor: Actor, mobile: Schedule) -> Schedule:
    """A schedule of a stationary place, without slots."""
    place = laboratory(session, actor, (3, time(8), time(9)))
    publishing.open_stationary(session, actor, place.id, *MARCH)
    return next(each for each in schedules(session, actor) if not each.mobile)


NEW_SCHEDULE = """
    INSERT INTO schedules (provider_id, uuid, service_place_id, place_mobility, mobile, mobile_point_id,
                           contract_range_id, programme, path, valid_from, valid_to, women_planned)
    SELECT provider_id, gen_random_uuid(), service_place_id, :mobility, :mobile, :point, :range, programme, path,
           valid_from + 100, valid_to + 100, women_planned
    FROM schedules WHERE id = :id
"""


@pytest.mark.parametrize(
    ("mobility", "flag", "constraint"),
    [
        ("mobile", (True, False), "ck_schedules_mobile_flag_needs_point"),
        ("mobile", (False, True), "ck_schedules_mobile_flag_needs_point"),
        ("stationary", (True, True), "ck_schedules_stationary_place_has_no_point"),
        ("stationary", (False, False), "fk_schedules_service_place"),
        ("mobile", (True, True), "uq_schedules_mobile_point_id_contract_range_id"),
        ("mobile", (False, False), None),
    ],
)
def test_a_schedule_has_the_flag_exactly_with_a_point(
    session: Session, mobile: Schedule, mobility: str, flag: tuple[bool, bool], constraint: str | None
) -> None:
    """The flag, and whether there is a point. A stationary place has neither; the copy of its mobility cannot lie."""
    flagged, with_point = flag
    values = {"mobility": mobility, "mobile": flagged, "point": mobile.mobile_point_id if with_point else None}
    assert violated(session, NEW_SCHEDULE, id=mobile.id, range=mobile.contract_range_id, **values) == constraint


def test_a_schedule_has_no_point_of_another_place(session: Session, mobile: Schedule, stationary: Schedule) -> None:
    """Nor can a stationary place get one by a change."""
    point, place = mobile.mobile_point_id, stationary.service_place_id
    moved = "UPDATE mobile_points SET service_place_id = :place WHERE id = :point"
    assert violated(session, moved, place=place, point=point) == "fk_schedules_mobile_point"
    given = "UPDATE schedules SET mobile = true, mobile_point_id = :point WHERE id = :id"
    name = "ck_schedules_stationary_place_has_no_point"
    assert violated(session, given, point=point, id=stationary.id) == name


def test_days_of_a_stationary_range_do_not_overlap(session: Session, stationary: Schedule) -> None:
    """Whoever writes the row."""
    again = NEW_SCHEDULE.replace("+ 100", "+ :later")
    values = {"mobility": "stationary", "mobile": False, "point": None, "range": stationary.contract_range_id}
    last = (stationary.valid_to - stationary.valid_from).days
    assert violated(session, again, id=stationary.id, later=last, **values) == "ex_schedules_stationary_once"
    assert violated(session, again, id=stationary.id, later=last + 1, **values) is None


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("mobile = true", "ck_slots_stationary_place_on_stationary_schedule"),
        ("place_mobility = 'mobile'", "fk_slots_schedule"),
        ("place_mobility = 'mobile', mobile = true", "fk_slots_schedule"),
        ("service_place_id = :place", "fk_slots_schedule"),
        ("schedule_id = :mobile", "fk_slots_schedule"),
        ("ends_at = starts_at", "ck_slots_starts_before_it_ends"),
        ("taken = capacity + 1", "ck_slots_capacity"),
        ("taken = -1", "ck_slots_capacity"),
        ("capacity = capacity", None),
    ],
)
def test_a_slot_cannot_differ_from_its_schedule(
    session: Session, mobile: Schedule, stationary: Schedule, change: str, constraint: str | None
) -> None:
    """A slot of a stationary place belongs to a schedule without a point; its copies of the schedule cannot lie."""
    first = slots_of(session, stationary)[0]
    values = {"place": mobile.service_place_id, "mobile": mobile.id}
    used = {name: value for name, value in values.items() if f":{name}" in change}
    statement = f"UPDATE slots SET {change} WHERE id = :id"  # noqa: S608 -- one of the constants above
    assert violated(session, statement, id=first.id, **used) == constraint


def test_a_slot_is_given_once(session: Session, mobile: Schedule) -> None:
    """A schedule has one slot at a time, and a stop one point for each place."""
    first, second = slots_of(session, mobile)[:2]
    moved = "UPDATE slots SET starts_at = :at WHERE id = :id"
    assert violated(session, moved, at=first.starts_at, id=second.id) == "uq_slots_schedule_id_starts_at"
    again = """
        INSERT INTO mobile_points (provider_id, uuid, service_place_id, stop_id, name, valid_from, valid_to)
        SELECT provider_id, gen_random_uuid(), service_place_id, stop_id, name, valid_from, valid_to
        FROM mobile_points WHERE id = :id
    """
    assert violated(session, again, id=mobile.mobile_point_id) == "uq_mobile_points_service_place_id_stop_id"


# at the same instant


def race(engine: Engine, *actions: Callable[[Session], Published]) -> list[Published | str]:
    """Starts all actions at once, each on its own connection; what was published, or the code of the refusal."""
    meeting = Barrier(len(actions))

    def run(action: Callable[[Session], Published]) -> Published | str:
        meeting.wait()
        try:
            with db.transaction(engine) as session:
                return action(session)
        except DomainError as error:
            return error.code
        except OperationalError as error:
            return type(error.orig).__name__

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def test_an_itinerary_published_twice_at_once_is_published_once(engine: Engine) -> None:
    """The second hears that it is no draft any more, and nothing is derived twice."""
    actor, itinerary = committed_draft(engine, [WEDNESDAY, THURSDAY])
    outcomes = race(engine, *2 * [lambda session: publish(session, actor, itinerary)])
    assert sorted(outcomes, key=str) == [Published(1, 1, 18), "itinerary_not_draft"]
    assert stored(engine, actor)["slots"] == 18
    assert stored(engine, actor)["outbox_messages"] == 5


def meeting_after(monkeypatch: pytest.MonkeyPatch, module: ModuleType, reading: str) -> None:
    """Two transactions go on together once both have read what they work on."""
    meeting, read = Barrier(2), getattr(module, reading)

    def read_and_meet(*arguments: Any) -> Any:
        found = read(*arguments)
        meeting.wait()
        return found

    monkeypatch.setattr(module, reading, read_and_meet)


def test_one_of_two_itineraries_published_at_once_gets_the_unit(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other hears why; they have the unit on the same thirty days, in opposite order, and no deadlock ends both."""
    with db.transaction(engine) as session:
        actor = Actor(factories.provider(session).id)
        contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
        mammobus = unit(session, actor.provider_id, setup_minutes=0)
        days = [FIRST + timedelta(days=n) for n in range(30)]
        drafts = [opposite(session, actor, mammobus, order) for order in (days, days[::-1])]
    meeting_after(monkeypatch, itineraries, "get_draft")
    outcomes = race(engine, *(partial(publish, actor=actor, itinerary=each) for each in drafts))
    assert sorted(outcomes, key=str) == [Published(30, 30, 30 * 12), "unit_in_two_places"]


def opposite(session: Session, actor: Actor, mammobus: MobileUnit, days: Sequence[date]) -> Itinerary:
    """A draft whose stops of a day were added in this order."""
    itinerary, where = draft(session, actor), site(session, actor.provider_id)
    for day in days:
        itineraries.add_stop(session, actor, itinerary.id, stop_of(mammobus, where, day))
    return itinerary


def test_who_publishes_holds_what_may_not_overlap(engine: Engine) -> None:
    """The units of the itinerary and the place that is opened are locked until the end, so others wait before them."""
    actor, itinerary = committed_draft(engine, [WEDNESDAY])
    with db.transaction(engine) as session:
        contract(session, actor.provider_id, {STATIONARY_MAMMOGRAPHY: 100})
        place = laboratory(session, actor, (3, time(8), time(9)))

    def is_locked(entity: type[MobileUnit | ServicePlace], key: int) -> bool:
        query = select(entity.id).where(entity.id == key).with_for_update(key_share=True, skip_locked=True)
        with Session(engine) as other:
            return other.scalar(query) is None

    with db.transaction(engine) as session:
        publish(session, actor, itinerary)
        assert is_locked(MobileUnit, itinerary.stops[0].unit_id)
        assert not is_locked(ServicePlace, place.id)
        publishing.open_stationary(session, actor, place.id, *MARCH)
        assert is_locked(ServicePlace, place.id)


def test_places_that_are_published_crosswise_do_not_wait_in_a_circle(engine: Engine) -> None:
    """Two itineraries of two units each that work for the same two places, met in opposite order."""
    for _ in range(5):
        with db.transaction(engine) as session:
            actor = Actor(factories.provider(session).id)
            contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
            places = [factories_booking.service_place(session, actor.provider_id) for _ in range(2)]
            drafts = [crossing(session, actor, order) for order in (places, places[::-1])]
        actions = [partial(publish, actor=actor, itinerary=each) for each in drafts]
        outcomes = race(engine, *actions)
        assert outcomes == 2 * [Published(2, 2, 12)]
        with Session(engine) as session:
            kinds = [each.kind for each in messages(session, actor)]
        assert kinds.count(MessageKind.SAVE_SERVICE_PLACE) == kinds.count(MessageKind.ACTIVATE_SERVICE_PLACE) == 2


def crossing(session: Session, actor: Actor, places: Sequence[ServicePlace]) -> Itinerary:
    """A draft in which a unit of the first place stands a day before a unit of the second."""
    itinerary = draft(session, actor)
    for place, day in zip(places, (WEDNESDAY, THURSDAY), strict=True):
        bus = unit(session, actor.provider_id, [does(session, actor.provider_id, place=place)])
        itineraries.add_stop(session, actor, itinerary.id, stop_of(bus, site(session, actor.provider_id), day))
    return itinerary


def test_days_of_a_place_opened_twice_at_once_are_opened_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other hears why, and no deadlock ends both."""
    with db.transaction(engine) as session:
        actor = Actor(factories.provider(session).id)
        contract(session, actor.provider_id, {STATIONARY_MAMMOGRAPHY: 100})
        place = laboratory(session, actor, (3, time(8), time(9)))
    meeting_after(monkeypatch, publishing, "get_owned")
    opening = 2 * [lambda session: publishing.open_stationary(session, actor, place.id, *MARCH)]
    assert sorted(race(engine, *opening), key=str) == [Published(0, 1, 10), "schedule_overlaps"]
    assert stored(engine, actor)["slots"] == 10
