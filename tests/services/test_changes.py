"""Changes after publication, by hand-checked numbers.

The unit examines a woman in ten minutes. Its stop is published for Wednesday, 9:00 to 10:00, and Thursday, 8:00 to
10:00: 6 and 12 women; in March Poland is one hour ahead of UTC.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.itineraries import ItineraryStatus, Stop, StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import OpeningHours, ServicePlace
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxDependency, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Mobility, Path, Programme
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy
from mobile_units.services import changes, place_changes, publishing, reports, slot_search, slots, visits
from mobile_units.services.actors import Actor
from mobile_units.services.change_works import Changes
from mobile_units.services.changes import StopChange, WorkedDay
from mobile_units.services.place_changes import PlaceChange, PlaceDay, WorkingHours
from mobile_units.services.reports import ReportPeriod
from mobile_units.services.visits import Cancellation, NewVisit
from tests import factories, factories_booking, factories_planning
from tests.factories_planning import (
    CYTOLOGY,
    FIRST,
    HPV,
    LAST,
    MAMMOGRAPHY,
    THURSDAY,
    WEDNESDAY,
    contract,
    does,
    draft_with_stop,
    site,
    unit,
)
from tests.statements import refused

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
FRIDAY = date(2027, 3, 12)
NINE, TEN, ELEVEN = time(9), time(10), time(11)
WITHDRAW, SLOTS = MessageKind.WITHDRAW_SLOTS, MessageKind.SAVE_SLOTS
POINTS, SCHEDULE = MessageKind.IMPORT_MOBILE_POINTS, MessageKind.SAVE_SCHEDULE
WHOLE = WorkedDay(WEDNESDAY), WorkedDay(THURSDAY)


@pytest.fixture
def stop(session: Session, actor: Actor) -> Stop:
    """A published stop of two days, handed over."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    return published(session, actor)


def published(session: Session, actor: Actor, *programmes: object) -> Stop:
    """A stop of 18 women, published and handed over, of a unit that does mammography or these programmes."""
    does_what = list(programmes) or None
    itinerary = draft_with_stop(session, actor, unit(session, actor.provider_id, does_what), women=18)  # type: ignore[arg-type]  # UnitProgramme
    factories_planning.publish(session, actor, itinerary, NOW)
    accept_all(session)
    session.expire_all()
    return session.scalars(select(Stop).where(Stop.itinerary_id == itinerary.id)).one()


def accept_all(session: Session) -> None:
    """The central system takes what there is."""
    for message in session.scalars(select(OutboxMessage)):
        message.state, message.attempts = MessageState.ACCEPTED, 1
    session.flush()


def waiting(session: Session, actor: Actor) -> list[MessageKind]:
    """The kinds of what is to be sent, in the order in which it is stored."""
    query = select(OutboxMessage.kind).where(
        OutboxMessage.provider_id == actor.provider_id, OutboxMessage.state == MessageState.PENDING
    )
    return list(session.scalars(query.order_by(OutboxMessage.id)))


def message_of(session: Session, actor: Actor, kind: MessageKind) -> OutboxMessage:
    """The provider's only message of a kind."""
    own = OutboxMessage.provider_id == actor.provider_id, OutboxMessage.kind == kind
    return session.scalars(select(OutboxMessage).where(*own)).one()


def behind(session: Session, actor: Actor) -> set[tuple[MessageKind, MessageKind]]:
    """Which pending message waits for which: the later kind and the earlier one."""
    own = OutboxMessage.provider_id == actor.provider_id, OutboxMessage.state == MessageState.PENDING
    kinds = {message.id: message.kind for message in session.scalars(select(OutboxMessage).where(*own))}
    waits = select(OutboxDependency).where(OutboxDependency.message_id.in_(kinds))
    return {
        (kinds[row.message_id], kinds[row.requires_id]) for row in session.scalars(waits) if row.requires_id in kinds
    }


def change(session: Session, actor: Actor, stop: Stop, *days: WorkedDay, now: datetime = NOW) -> Changes:
    """Changes the days of a stop as it was read just now."""
    session.refresh(stop.itinerary)
    command = StopChange(version=stop.itinerary.version, days=days)
    return changes.change_stop(session, actor, stop.id, command, now)


def withdraw(session: Session, actor: Actor, stop: Stop, now: datetime = NOW) -> Changes:
    """Withdraws a stop as it was read just now."""
    session.refresh(stop.itinerary)
    return changes.withdraw_stop(session, actor, stop.id, stop.itinerary.version, now)


def rows(session: Session, actor: Actor) -> Sequence[Slot]:
    """All slots of the provider in order of time."""
    query = select(Slot).join(Slot.schedule).where(Schedule.provider_id == actor.provider_id)
    return session.scalars(query.order_by(Slot.starts_at).execution_options(populate_existing=True)).all()


def starts(session: Session, actor: Actor, status: SlotStatus = SlotStatus.OPEN) -> list[str]:
    """When slots of a status start, in UTC."""
    return [f"{slot.starts_at:%d %H:%M}" for slot in rows(session, actor) if slot.status is status]


def every_ten_minutes(day: int, hour: int, count: int) -> list[str]:
    """So many starts from an hour in UTC."""
    first = datetime(2027, 3, day, hour, tzinfo=UTC)
    return [f"{first + n * timedelta(minutes=10):%d %H:%M}" for n in range(count)]


def the_schedule(session: Session, actor: Actor) -> Schedule:
    """The provider's only schedule."""
    query = select(Schedule).where(Schedule.provider_id == actor.provider_id)
    schedule = session.scalars(query.execution_options(populate_existing=True)).one()
    session.refresh(schedule, ["hours"])
    return schedule


def booked(session: Session, actor: Actor, slot: Slot) -> Visit:
    """A visit of a new woman."""
    woman = factories_booking.woman(session, actor.provider_id)
    return visits.book(session, actor, NewVisit(woman_id=woman.id, slot_id=slot.id, path=slot.schedule.path), NOW)


# hours of a stop


def test_an_hour_less_withdraws_only_its_slots(session: Session, actor: Actor, stop: Stop) -> None:
    """Thursday ends at 9:00: six slots go, the other twelve stay the rows that they were."""
    before = {slot.id: slot.uuid for slot in rows(session, actor)}
    done = change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, closes=NINE))
    assert [f"{slot.starts_at:%d %H:%M}" for slot in done.withdrawn] == every_ten_minutes(11, 8, 6)
    assert (done.kept, done.added, done.resized, done.visits) == (6, [], [], [])
    assert starts(session, actor) == every_ten_minutes(10, 8, 6) + every_ten_minutes(11, 7, 6)
    assert starts(session, actor, SlotStatus.WITHDRAWN) == every_ten_minutes(11, 8, 6)
    assert {slot.id: slot.uuid for slot in rows(session, actor)} == before
    hours = [(row.starts_at.hour, row.ends_at.hour) for row in the_schedule(session, actor).hours]
    assert hours == [(8, 9), (7, 8)]
    assert [(row.opens_at.hour, row.closes_at.hour) for row in stop.days] == [(8, 9), (7, 8)]


def test_only_what_changed_is_queued_and_in_order(session: Session, actor: Actor, stop: Stop) -> None:
    """Fewer slots: taken back before the schedule. More of them: the schedule before them. The days are the same."""
    change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, closes=NINE))
    assert waiting(session, actor) == [WITHDRAW, SCHEDULE]
    assert behind(session, actor) == {(SCHEDULE, WITHDRAW)}
    accept_all(session)
    change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, closes=TEN))
    assert waiting(session, actor) == [SCHEDULE, SLOTS]
    assert behind(session, actor) == {(SLOTS, SCHEDULE)}


def test_a_later_day_does_everything_in_order(session: Session, actor: Actor, stop: Stop) -> None:
    """Thursday goes, Friday comes: slots taken back, then the point, its schedule, and the new slots."""
    done = change(session, actor, stop, WHOLE[0], WorkedDay(FRIDAY, time(8), NINE))
    assert (len(done.withdrawn), len(done.added), done.kept) == (12, 6, 0)
    assert waiting(session, actor) == [WITHDRAW, POINTS, SCHEDULE, SLOTS]
    assert {(POINTS, WITHDRAW), (SCHEDULE, WITHDRAW), (SCHEDULE, POINTS), (SLOTS, SCHEDULE)} <= behind(session, actor)
    schedule = the_schedule(session, actor)
    assert (schedule.valid_from, schedule.valid_to) == (WEDNESDAY, FRIDAY)
    point = session.scalars(select(MobilePoint).where(MobilePoint.stop_id == stop.id)).one()
    assert (point.valid_from, point.valid_to) == (stop.first_day, stop.last_day) == (WEDNESDAY, FRIDAY)


def test_what_was_never_sent_is_told_as_it_is_now(session: Session, actor: Actor, stop: Stop) -> None:
    """The messages of the publication take the change up, in their order; the withdrawal comes behind them."""
    for message in session.scalars(select(OutboxMessage).where(OutboxMessage.provider_id == actor.provider_id)):
        message.state, message.attempts = MessageState.PENDING, 0
    session.flush()
    change(session, actor, stop, WHOLE[0], WorkedDay(FRIDAY, time(8), NINE))
    kinds = waiting(session, actor)
    assert sorted(kinds) == sorted(set(kinds))
    order = behind(session, actor)
    assert {(SCHEDULE, POINTS), (SLOTS, SCHEDULE), (WITHDRAW, SLOTS)} <= order
    assert not {(earlier, later) for later, earlier in order} & order


def test_slots_on_their_way_are_awaited(session: Session, actor: Actor, stop: Stop) -> None:
    """Slots that a worker is just sending must not arrive after they were taken back."""
    sent = message_of(session, actor, SLOTS)
    sent.state, sent.leased_until = MessageState.IN_PROGRESS, NOW
    session.flush()
    withdraw(session, actor, stop)
    assert [message.id for message in message_of(session, actor, WITHDRAW).waits_for] == [sent.id]


def test_refused_slots_are_not_awaited(session: Session, actor: Actor, stop: Stop) -> None:
    """They are not known there; waiting for them would block what corrects them."""
    sent = message_of(session, actor, SLOTS)
    sent.state = MessageState.REJECTED
    session.flush()
    change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, closes=NINE))
    assert message_of(session, actor, WITHDRAW).waits_for == []


def test_a_withdrawn_slot_comes_back_as_the_same_slot(session: Session, actor: Actor, stop: Stop) -> None:
    """Once its hour is worked again; what was withdrawn singly stays away."""
    lunch = rows(session, actor)[8]
    slots.withdraw(session, actor, [lunch.id], NOW)
    before = {slot.starts_at: (slot.id, slot.uuid) for slot in rows(session, actor)}
    change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, closes=NINE))
    change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, closes=TEN))
    assert {slot.starts_at: (slot.id, slot.uuid) for slot in rows(session, actor)} == before
    assert starts(session, actor, SlotStatus.WITHDRAWN) == [f"{lunch.starts_at:%d %H:%M}"]


def test_a_blocked_slot_that_stays_stays_blocked(session: Session, actor: Actor, stop: Stop) -> None:
    """Other hours are no reason to open it."""
    slot = rows(session, actor)[6]
    slots.block(session, actor, slot.id)
    change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, closes=NINE))
    assert rows(session, actor)[6].status is SlotStatus.BLOCKED


def test_another_pace_of_the_unit_cuts_only_new_time(session: Session, actor: Actor, stop: Stop) -> None:
    """The slots that women know stay; the added hour is cut at a quarter of an hour."""
    stop.unit.programmes[0].minutes_per_woman = 15
    session.flush()
    done = change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, closes=ELEVEN))
    assert [f"{slot.starts_at:%H:%M}" for slot in done.added] == ["09:00", "09:15", "09:30", "09:45"]
    assert (done.kept, done.withdrawn) == (12, [])


def test_rooms_of_a_day_change_its_slots(session: Session, actor: Actor, stop: Stop) -> None:
    """More places are told as slots, fewer as slots taken back; the schedule stays."""
    done = change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, rooms=2))
    assert {slot.capacity for slot in done.resized} == {2}
    assert (len(done.resized), done.kept, waiting(session, actor)) == (12, 12, [SLOTS])
    accept_all(session)
    change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, rooms=1))
    assert waiting(session, actor) == [WITHDRAW]
    assert {slot.capacity for slot in rows(session, actor)} == {1}


def test_all_schedules_of_a_stop_change_alike(session: Session, actor: Actor) -> None:
    """Cytology and HPV share 18 slots 3:1; the hour that is added is dealt on, so that 24 are shared 18:6."""
    contract(session, actor.provider_id, {CYTOLOGY: 300, HPV: 100})
    stop = published(session, actor, does(session, actor.provider_id, Programme.CERVICAL))
    change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, closes=ELEVEN))
    shares = dict.fromkeys((Path.CLASSIC_CYTOLOGY, Path.HPV_LBC), 0)
    for slot in rows(session, actor):
        shares[slot.schedule.path] += 1
    assert list(shares.values()) == [18, 6]
    schedules = session.scalars(select(Schedule).where(Schedule.provider_id == actor.provider_id)).all()
    assert {tuple((row.starts_at, row.ends_at) for row in each.hours) for each in schedules} == {
        tuple((row.opens_at, row.closes_at) for row in stop.days)
    }
    assert stop.women_planned == sum(each.women_planned for each in schedules) == 24


def test_women_planned_follow_the_places(session: Session, actor: Actor, stop: Stop) -> None:
    """18 women for 18 places; with Wednesday alone 6, and nothing planned or offered once it is withdrawn."""
    period = ReportPeriod(FIRST, LAST)
    figures = []
    for days in ([WHOLE[0]], []):
        if days:
            change(session, actor, stop, *days)
        else:
            withdraw(session, actor, stop)
        [row] = [
            each for each in reports.contract_ranges(session, actor, period, FIRST) if each.product_code == MAMMOGRAPHY
        ]
        figures.append((row.planned, row.offered))
    assert figures == [(6, 6), (0, 0)]
    assert slot_search.find(session, actor, slot_search.SlotFilter(), NOW).items == []


# days and stops that go


def test_a_dropped_day_is_free_for_another_stop(session: Session, actor: Actor, stop: Stop) -> None:
    """The unit may stand elsewhere that day, which it could not before."""
    other = draft_with_stop(session, actor, stop.unit, THURSDAY)
    with refused("unit_in_two_places"), session.begin_nested():
        factories_planning.publish(session, actor, other, NOW)
    change(session, actor, stop, WHOLE[0])
    assert (stop.first_day, stop.last_day, len(stop.days)) == (WEDNESDAY, WEDNESDAY, 1)
    session.refresh(other)
    assert factories_planning.publish(session, actor, other, NOW).slots == 6


def test_a_unit_is_not_called_to_two_places_by_a_change(session: Session, actor: Actor, stop: Stop) -> None:
    """A new day on which it stands at another published stop; the preview says so too."""
    other = draft_with_stop(session, actor, stop.unit, FRIDAY)
    factories_planning.publish(session, actor, other, NOW)
    command = StopChange(version=stop.itinerary.version, days=[*WHOLE, WorkedDay(FRIDAY)])
    for use_case in (changes.preview_stop, changes.change_stop):
        with refused("unit_in_two_places"), session.begin_nested():
            use_case(session, actor, stop.id, command, NOW)


def test_a_withdrawn_stop_keeps_what_cannot_be_deleted(session: Session, actor: Actor, stop: Stop) -> None:
    """Only the slots are taken back; the schedule keeps its hours, as at the central system. Then it may come back."""
    done = withdraw(session, actor, stop)
    assert (len(done.withdrawn), done.kept, stop.days) == (18, 0, [])
    assert (stop.first_day, stop.last_day) == (WEDNESDAY, THURSDAY)
    assert waiting(session, actor) == [WITHDRAW]
    assert len(the_schedule(session, actor).hours) == 2
    assert withdraw(session, actor, stop).withdrawn == []
    accept_all(session)
    change(session, actor, stop, WorkedDay(THURSDAY, time(8), TEN))
    assert starts(session, actor) == every_ten_minutes(11, 7, 12)
    assert [row.starts_at.day for row in the_schedule(session, actor).hours] == [11]
    assert waiting(session, actor) == [POINTS, SCHEDULE, SLOTS]


def test_another_site_is_told_with_the_point_alone(session: Session, actor: Actor, stop: Stop) -> None:
    """The women booked there have to hear of it; a retired site is refused."""
    booked(session, actor, rows(session, actor)[0])
    accept_all(session)
    elsewhere = site(session, actor.provider_id)
    elsewhere.name = "Wieluń, Rynek"
    command = StopChange(version=stop.itinerary.version, site_id=elsewhere.id)
    done = changes.change_stop(session, actor, stop.id, command, NOW)
    assert (done.visits_at_new_site, done.kept, done.withdrawn) == (1, 0, [])
    assert waiting(session, actor) == [POINTS]
    point = session.scalars(select(MobilePoint).where(MobilePoint.stop_id == stop.id)).one()
    assert (point.name, stop.site_id) == ("Wieluń, Rynek", elsewhere.id)
    elsewhere = site(session, actor.provider_id, active=False)
    command = StopChange(version=stop.itinerary.version, site_id=elsewhere.id)
    with refused("out_of_use"):
        changes.change_stop(session, actor, stop.id, command, NOW)


# visits in the way


def test_slots_with_visits_are_not_withdrawn(session: Session, actor: Actor, stop: Stop) -> None:
    """The refusal lists every visit with its time, names nobody, and nothing was changed."""
    first, second = (booked(session, actor, rows(session, actor)[number]) for number in (17, 6))
    accept_all(session)
    with pytest.raises(DomainError) as refusal, session.begin_nested():
        change(session, actor, stop, WHOLE[0])
    assert refusal.value.code == "slots_have_visits"
    assert refusal.value.facts["count"] == 2
    assert [each["id"] for each in refusal.value.facts["visits"]] == [second.id, first.id]
    assert refusal.value.facts["visits"][0] == {
        "id": second.id,
        "slot_id": second.slot_id,
        "starts_at": "2027-03-11T07:00:00+00:00",
        "status": "booked",
    }
    assert len(starts(session, actor)) == 18
    assert waiting(session, actor) == []


def test_who_gave_up_her_place_is_told_first(session: Session, actor: Actor, stop: Stop) -> None:
    """A cancelled visit is in nobody's way; the slot is taken back once the centre knows of the cancellation."""
    visit = booked(session, actor, rows(session, actor)[6])
    accept_all(session)
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER))
    change(session, actor, stop, WHOLE[0])
    assert (WITHDRAW, MessageKind.CANCEL_VISIT) in behind(session, actor)


def test_fewer_rooms_than_visits_are_refused(session: Session, actor: Actor, stop: Stop) -> None:
    """Two women in one slot; both visits are listed. Two rooms instead of three are enough for them."""
    change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, rooms=3))
    two = {booked(session, actor, rows(session, actor)[6]).id for _ in range(2)}
    assert len(change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, rooms=2)).resized) == 12
    with pytest.raises(DomainError) as refusal:
        change(session, actor, stop, WHOLE[0], WorkedDay(THURSDAY, rooms=1))
    assert {each["id"] for each in refusal.value.facts["visits"]} == two


def test_a_preview_tells_what_would_happen_and_does_nothing(session: Session, actor: Actor, stop: Stop) -> None:
    """It is what the change does, word for word, and with visits in the way it lists them."""
    command = StopChange(version=stop.itinerary.version, days=[WHOLE[0], WorkedDay(FRIDAY, time(8), NINE)])
    audited = session.scalar(select(func.count()).select_from(AuditEntry))
    told = changes.preview_stop(session, actor, stop.id, command, NOW)
    session.expire_all()
    assert (len(starts(session, actor)), stop.last_day, waiting(session, actor)) == (18, THURSDAY, [])
    assert session.scalar(select(func.count()).select_from(AuditEntry)) == audited
    visit = booked(session, actor, rows(session, actor)[6])
    in_the_way = changes.preview_stop(session, actor, stop.id, command, NOW)
    assert [each.id for each in in_the_way.visits] == [visit.id]
    assert (in_the_way.withdrawn, in_the_way.added) == (told.withdrawn, told.added)
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER))
    assert changes.change_stop(session, actor, stop.id, command, NOW) == told
    whole = changes.preview_withdrawal(session, actor, stop.id, stop.itinerary.version, NOW)
    assert (len(whole.withdrawn), len(starts(session, actor))) == (12, 12)


# what has begun


def test_what_has_begun_is_never_touched(session: Session, actor: Actor, stop: Stop) -> None:
    """On Thursday at 8:25 the unit breaks down: three slots have begun, nine go; Wednesday stays as it was."""
    now = datetime(2027, 3, 11, 7, 25, 30, tzinfo=UTC)
    booked(session, actor, rows(session, actor)[0])
    done = withdraw(session, actor, stop, now)
    assert (len(done.withdrawn), done.kept) == (9, 3)
    assert starts(session, actor) == every_ten_minutes(10, 8, 6) + every_ten_minutes(11, 7, 3)
    assert [f"{row.closes_at:%d %H:%M:%S}" for row in stop.days] == ["10 09:00:00", "11 07:25:00"]
    assert stop.last_day == THURSDAY


def test_days_that_are_over_cannot_be_changed(session: Session, actor: Actor, stop: Stop) -> None:
    """Nor brought into being; named as they were, they do no harm."""
    now = datetime(2027, 3, 11, 5, tzinfo=UTC)
    for days in ([WorkedDay(WEDNESDAY, closes=NINE, opens=time(8))], [*WHOLE, WorkedDay(date(2027, 3, 9))]):
        with refused("day_over"):
            change(session, actor, stop, *days, now=now)
    assert change(session, actor, stop, *WHOLE, now=now).kept == 0
    assert change(session, actor, stop, WorkedDay(THURSDAY, closes=NINE), now=now).kept == 6
    assert [row.day for row in stop.days] == [WEDNESDAY, THURSDAY]


# refusals


def test_a_stop_is_changed_as_it_was_read_by_its_provider(session: Session, actor: Actor, stop: Stop) -> None:
    """Not after somebody changed the itinerary, and not while it is a draft."""
    command = StopChange(version=stop.itinerary.version, days=WHOLE)
    with refused("not_found"):
        changes.change_stop(session, Actor(factories.provider(session).id), stop.id, command, NOW)
    changes.change_stop(session, actor, stop.id, command, NOW)
    with refused("stale_version"):
        changes.change_stop(session, actor, stop.id, command, NOW)
    planned = draft_with_stop(session, actor, stop.unit)
    assert planned.status is ItineraryStatus.DRAFT
    with refused("itinerary_not_published"):
        changes.withdraw_stop(session, actor, planned.stops[0].id, planned.version, NOW)


@pytest.mark.parametrize(
    ("days", "code"),
    [
        ([*WHOLE, WHOLE[0]], "given_twice"),
        ([WorkedDay(date(2027, 6, 1))], "stop_outside_itinerary"),
        ([WorkedDay(WEDNESDAY, TEN, NINE)], "ends_before_start"),
        ([WorkedDay(date(2027, 3, 28), time(2, 30), NINE)], "no_such_local_time"),
    ],
)
def test_impossible_days_are_refused(
    session: Session, actor: Actor, stop: Stop, days: Sequence[WorkedDay], code: str
) -> None:
    """As in a draft."""
    with refused(code):
        change(session, actor, stop, *days)


def test_a_day_outside_of_the_contract_is_refused(session: Session, actor: Actor) -> None:
    """Nobody would pay for it."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100}, valid_to=THURSDAY)
    stop = published(session, actor)
    with refused("no_contracted_range"):
        change(session, actor, stop, *WHOLE, WorkedDay(FRIDAY))


# stationary places


@pytest.fixture
def laboratory(session: Session, actor: Actor) -> ServicePlace:
    """A stationary mammography, Mondays and Tuesdays 8:00 to 10:00, two women an hour, opened for March."""
    contract(session, actor.provider_id, {"10.7940.158.02": 100})
    place = factories_booking.service_place(session, actor.provider_id, mobility=Mobility.STATIONARY)
    place.opening_hours = [
        OpeningHours(programme=Programme.BREAST, weekday=day, opens=time(8), closes=TEN, minutes_per_woman=30)
        for day in (1, 2)
    ]
    session.flush()
    publishing.open_stationary(session, actor, place.id, FIRST, date(2027, 3, 31))
    accept_all(session)
    return place


MONDAY, TUESDAY = date(2027, 3, 8), date(2027, 3, 9)


def change_place(session: Session, actor: Actor, place: ServicePlace, *days: PlaceDay, now: datetime = NOW) -> Changes:
    """Changes days of a place as it was read just now."""
    session.refresh(place)
    return place_changes.change_place(session, actor, place.id, PlaceChange(version=place.version, days=days), now)


def test_a_room_closes_for_a_week(session: Session, actor: Actor, laboratory: ServicePlace) -> None:
    """Two days of four slots go, the other days of the month and its validity stay; then one day comes back."""
    valid = the_schedule(session, actor).valid_from, the_schedule(session, actor).valid_to
    done = change_place(session, actor, laboratory, PlaceDay(MONDAY), PlaceDay(TUESDAY))
    assert (len(done.withdrawn), done.kept) == (8, 0)
    assert waiting(session, actor) == [WITHDRAW, SCHEDULE]
    schedule = the_schedule(session, actor)
    assert not {row.starts_at.day for row in schedule.hours} & {8, 9}
    assert (schedule.valid_from, schedule.valid_to) == valid
    assert schedule.women_planned == len(starts(session, actor)) == 28
    accept_all(session)
    assert len(change_place(session, actor, laboratory, PlaceDay(MONDAY, [WorkingHours(time(8), TEN)])).added) == 4
    assert waiting(session, actor) == [SCHEDULE, SLOTS]


def test_hours_of_a_day_may_be_split(session: Session, actor: Actor, laboratory: ServicePlace) -> None:
    """From 8:00 to 9:00 and, at the pace of the weekday, from 12:00 to 13:00."""
    hours = [WorkingHours(time(12), time(13)), WorkingHours(time(8), NINE)]
    done = change_place(session, actor, laboratory, PlaceDay(MONDAY, hours, Programme.BREAST))
    assert [f"{slot.starts_at:%H:%M}" for slot in done.added] == ["11:00", "11:30"]
    assert (len(done.withdrawn), done.kept) == (2, 2)


def test_a_day_is_held_by_the_schedule_opened_for_it(session: Session, actor: Actor, laboratory: ServicePlace) -> None:
    """April was opened in two parts: longer hours on the 12th belong to the second one alone."""
    for first, last in ((5, 11), (12, 30)):
        publishing.open_stationary(session, actor, laboratory.id, date(2027, 4, first), date(2027, 4, last))
    longer = [PlaceDay(date(2027, 4, day), [WorkingHours(time(8), ELEVEN)]) for day in (6, 12)]
    added = change_place(session, actor, laboratory, *longer).added
    valid = {each.id: (each.valid_from, each.valid_to) for each in session.scalars(select(Schedule))}
    assert [slot.starts_at.day for slot in added] == [6, 6, 12, 12]
    assert all(valid[slot.schedule_id][0] <= slot.starts_at.date() <= valid[slot.schedule_id][1] for slot in added)


def test_a_room_with_visits_does_not_close(session: Session, actor: Actor, laboratory: ServicePlace) -> None:
    """The preview lists them, the change is refused."""
    slot = next(each for each in rows(session, actor) if each.starts_at.day == 8)
    visit = booked(session, actor, slot)
    command = PlaceChange(version=laboratory.version, days=[PlaceDay(MONDAY)])
    told = place_changes.preview_place(session, actor, laboratory.id, command, NOW)
    assert [each.id for each in told.visits] == [visit.id]
    with refused("slots_have_visits"):
        place_changes.change_place(session, actor, laboratory.id, command, NOW)


def test_a_place_closed_for_good_keeps_its_last_hours(session: Session, actor: Actor, laboratory: ServicePlace) -> None:
    """The schedule cannot be deleted at the central system; opened on one day again, it has that day only."""
    days = sorted({slot.starts_at.date() for slot in rows(session, actor)})
    day_before = NOW - timedelta(days=1)
    assert len(change_place(session, actor, laboratory, *map(PlaceDay, days), now=day_before).withdrawn) == 36
    assert waiting(session, actor) == [WITHDRAW]
    assert len(the_schedule(session, actor).hours) == 9
    change_place(session, actor, laboratory, PlaceDay(MONDAY, [WorkingHours(time(8), TEN)]))
    assert [row.starts_at.day for row in the_schedule(session, actor).hours] == [8]
    assert starts(session, actor) == ["08 07:00", "08 07:30", "08 08:00", "08 08:30"]


def test_impossible_days_of_a_place_are_refused(session: Session, actor: Actor, laboratory: ServicePlace) -> None:
    """Days without a schedule, days that are over, hours that overlap or end before they start, a day given twice."""
    morning, late = WorkingHours(time(8), TEN), WorkingHours(NINE, ELEVEN)
    for days, code in (
        ([PlaceDay(date(2027, 4, 5))], "day_without_schedule"),
        ([PlaceDay(MONDAY, programme=Programme.CERVICAL)], "day_without_schedule"),
        ([PlaceDay(MONDAY, [late, morning])], "opening_hours_overlap"),
        ([PlaceDay(MONDAY, [WorkingHours(TEN, NINE)])], "ends_before_start"),
        ([PlaceDay(MONDAY), PlaceDay(MONDAY, programme=Programme.BREAST)], "given_twice"),
    ):
        with refused(code):
            change_place(session, actor, laboratory, *days)
    with refused("day_over"):
        command = PlaceChange(version=laboratory.version, days=[PlaceDay(MONDAY)])
        place_changes.change_place(session, actor, laboratory.id, command, NOW + timedelta(days=20))


def test_a_place_is_changed_as_it_was_read_by_its_provider(
    session: Session, actor: Actor, laboratory: ServicePlace
) -> None:
    """And only a stationary one has hours of its own."""
    command = PlaceChange(version=laboratory.version, days=[PlaceDay(MONDAY)])
    with refused("not_found"):
        place_changes.change_place(session, Actor(factories.provider(session).id), laboratory.id, command, NOW)
    place_changes.change_place(session, actor, laboratory.id, command, NOW)
    with refused("stale_version"):
        place_changes.change_place(session, actor, laboratory.id, command, NOW)
    mobile = factories_booking.service_place(session, actor.provider_id)
    with refused("mobile_place_has_no_hours"):
        change_place(session, actor, mobile, PlaceDay(MONDAY))


def test_changes_are_audited(session: Session, actor: Actor, stop: Stop, laboratory: ServicePlace) -> None:
    """What was changed and by whom."""
    change(session, actor, stop, WHOLE[0])
    withdraw(session, actor, stop)
    change_place(session, actor, laboratory, PlaceDay(MONDAY))
    query = select(AuditEntry.action, AuditEntry.subject, AuditEntry.subject_id)
    entries = session.execute(query.where(AuditEntry.provider_id == actor.provider_id)).all()
    assert {
        ("change", "stop", stop.id),
        ("withdraw", "stop", stop.id),
        ("change_hours", "service_place", laboratory.id),
    } <= set(map(tuple, entries))
    assert session.scalar(select(func.count()).where(StopDay.stop_id == stop.id)) == 0
