"""Only what can really be booked is found, with where it is; a slot with visits cannot be blocked or withdrawn."""

from datetime import date, datetime, time, timedelta

import pytest
from pyproj import Geod
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.programmes import Mobility, Path, Programme
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import slot_search, slots, visits
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Paging
from mobile_units.services.slot_search import SlotFilter, SlotOrder
from mobile_units.services.visits import NewVisit
from mobile_units.transmission import outbox
from tests import factories, factories_booking
from tests.factories_booking import DAY, NOW, slot, stop
from tests.factories_transmission import hand_over
from tests.statements import counted, refused

WIELUN = (51.22097, 18.56964)
OSJAKOW = (51.29156, 18.79215)
LODZ = (51.77058, 19.47395)


def found(session: Session, actor: Actor, now: datetime = NOW, **criteria: object) -> list[int]:
    """The keys of the slots found, in order."""
    wanted = SlotFilter(**criteria)  # type: ignore[arg-type]  # each test names fields of the filter
    return [each.id for each in slot_search.find(session, actor, wanted, now).items]


def slot_at(session: Session, actor: Actor, locality: str, at: tuple[float, float]) -> Slot:
    """A slot at a stop in a locality."""
    where = stop(session, actor.provider_id, locality=locality, at=at)
    return slot(session, actor.provider_id, of=factories_booking.schedule(session, actor.provider_id, at=where))


def test_only_bookable_slots_are_found(session: Session, actor: Actor) -> None:
    """Full, blocked and begun slots, and those of other providers, are not offered."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    free, full, blocked = (slot(session, actor.provider_id, of=schedule, at=time(9, 10 * n)) for n in range(3))
    full.taken, blocked.status = 1, SlotStatus.BLOCKED
    slot(session, factories.provider(session).id)
    session.flush()
    assert found(session, actor) == [free.id]
    assert found(session, actor, now=free.starts_at - timedelta(seconds=1)) == [free.id]
    assert found(session, actor, now=free.starts_at) == []


def test_a_slot_tells_where_it_is(session: Session, actor: Actor) -> None:
    """A woman reads the place, the site with its landmark, the hours and the free places."""
    made = slot(session, actor.provider_id, capacity=3)
    made.taken = 1
    session.flush()
    shown = slot_search.get(session, actor, made.id)
    assert (shown.locality, shown.landmark, shown.mobile) == ("Wieluń", "przy Urzędzie Gminy", True)
    assert (shown.free, shown.capacity, shown.starts_at) == (2, 3, made.starts_at)
    assert (shown.programme, shown.path) == (Programme.BREAST, Path.MAMMOGRAPHY)


def test_a_slot_of_a_stationary_place_has_an_address_and_no_site(session: Session, actor: Actor) -> None:
    """It is found, but not by distance."""
    place = factories_booking.service_place(session, actor.provider_id, mobility=Mobility.STATIONARY)
    made = slot(session, actor.provider_id, of=factories_booking.schedule(session, actor.provider_id, place=place))
    [shown] = slot_search.find(session, actor, SlotFilter(), NOW).items
    assert (shown.id, shown.site, shown.stop_id, shown.mobile) == (made.id, None, None, False)
    assert shown.address == "Łódź, ul. Próbna 1"
    assert found(session, actor, latitude=LODZ[0], longitude=LODZ[1], radius_km=1000) == []


def test_programme_path_place_stop_and_text_narrow_the_search(session: Session, actor: Actor) -> None:
    """Each criterion alone finds the one and not the other."""
    breast = slot(session, actor.provider_id)
    cervical = slot_at(session, actor, "Osjaków", OSJAKOW)
    cytology = slot(session, actor.provider_id, Path.CLASSIC_CYTOLOGY)
    hpv = slot(session, actor.provider_id, Path.HPV_LBC)
    stop_id = slot_search.get(session, actor, cervical.id).stop_id
    assert found(session, actor, programme=Programme.CERVICAL) == [cytology.id, hpv.id]
    assert found(session, actor, path=Path.HPV_LBC) == [hpv.id]
    assert found(session, actor, service_place_id=breast.service_place_id) == [breast.id]
    assert found(session, actor, stop_id=stop_id) == [cervical.id]
    assert found(session, actor, text="OSJAK") == [cervical.id]
    assert found(session, actor, text="%") == []


def test_days_are_polish_days(session: Session, actor: Actor) -> None:
    """Half past midnight in Poland belongs to the new day, though in UTC it is still the old one."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    night = slot(session, actor.provider_id, of=schedule, at=time(0, 30))
    evening = slot(session, actor.provider_id, of=schedule, at=time(23, 30))
    assert found(session, actor, first_day=DAY, last_day=DAY) == [night.id, evening.id]
    assert found(session, actor, last_day=DAY - timedelta(days=1)) == []
    assert found(session, actor, first_day=DAY + timedelta(days=1)) == []


def test_the_nearest_comes_first_within_the_radius(session: Session, actor: Actor) -> None:
    """Osjaków is 17 km from Wieluń, Łódź 87 km."""
    far, near, here = (
        slot_at(session, actor, name, at) for name, at in (("Łódź", LODZ), ("Osjaków", OSJAKOW), ("Wieluń", WIELUN))
    )
    around = SlotFilter(latitude=WIELUN[0], longitude=WIELUN[1], radius_km=100, order=SlotOrder.DISTANCE)
    nearest = slot_search.find(session, actor, around, NOW).items
    assert [each.id for each in nearest] == [here.id, near.id, far.id]
    assert [round(each.distance_km or 0) for each in nearest] == [0, 17, 87]
    assert found(session, actor, latitude=WIELUN[0], longitude=WIELUN[1]) == [near.id, here.id]


def test_the_soonest_comes_first_unless_distance_is_asked_for(session: Session, actor: Actor) -> None:
    """Coordinates alone narrow the search and leave the order of time."""
    here = slot_at(session, actor, "Wieluń", WIELUN)
    near = slot_at(session, actor, "Osjaków", OSJAKOW)
    here.starts_at, here.ends_at = (instant + timedelta(hours=1) for instant in (here.starts_at, here.ends_at))
    session.flush()
    assert found(session, actor, latitude=WIELUN[0], longitude=WIELUN[1]) == [near.id, here.id]


@pytest.mark.parametrize("place", [WIELUN, OSJAKOW, LODZ, (49.29899, 19.94885), (-51.77058, -160.52605)])
def test_the_distance_is_right_within_half_a_percent(
    session: Session, actor: Actor, place: tuple[float, float]
) -> None:
    """Against the geodesic of the WGS 84 ellipsoid, from next door to the other side of the earth."""
    slot_at(session, actor, "Łódź", LODZ)
    wanted = SlotFilter(latitude=place[0], longitude=place[1], radius_km=21_000, order=SlotOrder.DISTANCE)
    [shown] = slot_search.find(session, actor, wanted, NOW).items
    _, _, metres = Geod(ellps="WGS84").inv(place[1], place[0], LODZ[1], LODZ[0])
    assert shown.distance_km == pytest.approx(metres / 1000, rel=0.005, abs=0.001)


def test_pages_tell_whether_more_follows(session: Session, actor: Actor) -> None:
    """Five slots in pages of two: 2, 2, 1."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    made = [slot(session, actor.provider_id, of=schedule, at=time(9, 10 * n)).id for n in range(5)]
    pages = [slot_search.find(session, actor, SlotFilter(paging=Paging(page, 2)), NOW) for page in (1, 2, 3)]
    assert [[each.id for each in page.items] for page in pages] == [made[:2], made[2:4], made[4:]]
    assert [page.more for page in pages] == [True, True, False]


def test_a_search_is_one_statement(session: Session, actor: Actor) -> None:
    """However many slots it finds."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    for n in range(30):
        slot(session, actor.provider_id, of=schedule, at=time(9 + n // 6, 10 * (n % 6)))
    around = SlotFilter(latitude=WIELUN[0], longitude=WIELUN[1], text="wieluń", order=SlotOrder.DISTANCE)
    with counted(session.connection()) as sent:
        assert len(slot_search.find(session, actor, around, NOW).items) == 30
    assert len(sent) == 1


def test_a_blocked_slot_is_not_offered_until_it_is_unblocked(session: Session, actor: Actor) -> None:
    """Blocking twice changes nothing more."""
    made = slot(session, actor.provider_id)
    for _ in range(2):
        assert slots.block(session, actor, made.id).status is SlotStatus.BLOCKED
    assert found(session, actor) == []
    assert slots.unblock(session, actor, made.id).status is SlotStatus.OPEN
    assert found(session, actor) == [made.id]


def test_a_slot_with_visits_is_not_blocked(session: Session, actor: Actor) -> None:
    """The refusal counts the visits that stand in the way."""
    made = slot(session, actor.provider_id, capacity=3)
    made.taken = 2
    session.flush()
    with pytest.raises(DomainError, check=lambda error: error.facts == {"visits": 2}):
        slots.block(session, actor, made.id)
    assert slot_search.get(session, actor, made.id).status is SlotStatus.OPEN


def test_another_providers_slot_does_not_exist(session: Session, actor: Actor) -> None:
    """Neither to be read nor to be blocked."""
    made = slot(session, factories.provider(session).id)
    for use in (slot_search.get, slots.block, slots.unblock):
        with refused("not_found"):
            use(session, actor, made.id)


def test_search_is_by_day_around_the_clock_change(session: Session, actor: Actor) -> None:
    """The day on which clocks go forward has 23 hours, and its last slot belongs to it."""
    day = date(2027, 3, 28)
    schedule = factories_booking.schedule(session, actor.provider_id, day=day)
    late = slot(session, actor.provider_id, of=schedule, at=time(23, 50))
    assert found(session, actor, first_day=day, last_day=day) == [late.id]


# withdrawing, and how many women a slot takes


def booked(session: Session, actor: Actor, of: Slot) -> Visit:
    """A visit of a new woman."""
    woman = factories_booking.woman(session, actor.provider_id)
    return visits.book(session, actor, NewVisit(woman_id=woman.id, slot_id=of.id, path=Path.MAMMOGRAPHY), NOW)


def test_withdrawn_slots_are_neither_found_nor_booked(session: Session, actor: Actor) -> None:
    """Blocking and unblocking do not bring them back; withdrawing once more does no harm."""
    one = slot(session, actor.provider_id, at=time(9))
    other = slot(session, actor.provider_id, of=one.schedule, at=time(10))
    done = slots.withdraw(session, actor, [other.id, one.id], NOW)
    assert [(each.id, each.status) for each in done] == [
        (one.id, SlotStatus.WITHDRAWN),
        (other.id, SlotStatus.WITHDRAWN),
    ]
    assert found(session, actor) == []
    with refused("slot_withdrawn"):
        booked(session, actor, one)
    for use_case in (slots.block, slots.unblock):
        with refused("slot_withdrawn"):
            use_case(session, actor, one.id)
    assert slots.withdraw(session, actor, [one.id], NOW)[0].status is SlotStatus.WITHDRAWN


def test_slots_are_withdrawn_all_or_none(session: Session, actor: Actor) -> None:
    """Visits in one, a slot that has begun, and a slot of somebody else are in the way of the others."""
    one = slot(session, actor.provider_id, at=time(9), capacity=2)
    other = slot(session, actor.provider_id, of=one.schedule, at=time(10))
    visit = booked(session, actor, one)
    foreign = slot(session, factories.provider(session).id)
    with pytest.raises(DomainError) as refusal:
        slots.withdraw(session, actor, [one.id, other.id], NOW)
    assert refusal.value.code == "slots_have_visits"
    assert [each["id"] for each in refusal.value.lists["visits"]] == [visit.id]
    with refused("not_found"):
        slots.withdraw(session, actor, [other.id, foreign.id], NOW)
    with refused("slot_in_the_past"):
        slots.withdraw(session, actor, [other.id], other.starts_at)
    session.expire_all()
    assert other.status is foreign.status is SlotStatus.OPEN


def test_a_slot_takes_more_or_fewer_women(session: Session, actor: Actor) -> None:
    """Never fewer than are booked; not once it has begun or was withdrawn."""
    one = slot(session, actor.provider_id)
    assert slots.change_capacity(session, actor, one.id, 2, NOW).free == 2
    both = {booked(session, actor, one).id for _ in range(2)}
    with pytest.raises(DomainError) as refusal:
        slots.change_capacity(session, actor, one.id, 1, NOW)
    assert {each["id"] for each in refusal.value.lists["visits"]} == both
    with refused("slot_in_the_past"):
        slots.change_capacity(session, actor, one.id, 3, one.starts_at)
    with refused("not_found"):
        slots.change_capacity(session, Actor(factories.provider(session).id), one.id, 3, NOW)
    other = slot(session, actor.provider_id, of=one.schedule, at=time(10))
    slots.withdraw(session, actor, [other.id], NOW)
    with refused("slot_withdrawn"):
        slots.change_capacity(session, actor, other.id, 2, NOW)


def test_places_taken_away_and_given_are_told_each_in_its_way(session: Session, actor: Actor) -> None:
    """And what was never queued is not told."""
    one = slot(session, actor.provider_id)
    slots.change_capacity(session, actor, one.id, 2, NOW)
    slots.change_capacity(session, actor, one.id, 1, NOW)
    assert told(session, actor) == []
    hand_over(session, one.schedule)
    for capacity, kinds in (
        (2, [MessageKind.SAVE_SLOTS]),
        (2, []),
        (1, [MessageKind.WITHDRAW_SLOTS]),
    ):
        accept_all(session)
        slots.change_capacity(session, actor, one.id, capacity, NOW)
        assert told(session, actor) == kinds
    accept_all(session)
    slots.withdraw(session, actor, [one.id], NOW)
    assert told(session, actor) == [MessageKind.WITHDRAW_SLOTS]


def told(session: Session, actor: Actor) -> list[MessageKind]:
    """The kinds of what is to be sent."""
    pending = OutboxMessage.provider_id == actor.provider_id, OutboxMessage.state == MessageState.PENDING
    return list(session.scalars(select(OutboxMessage.kind).where(*pending).order_by(OutboxMessage.id)))


def accept_all(session: Session) -> None:
    """The central system takes what there is."""
    for message in session.scalars(select(OutboxMessage)):
        message.state, message.attempts = MessageState.ACCEPTED, 1
    session.flush()


def test_slots_in_flight_come_back_behind_what_took_them_away(session: Session, actor: Actor) -> None:
    """More places are told only after the fewer were."""
    one = slot(session, actor.provider_id, capacity=2)
    hand_over(session, one.schedule)
    accept_all(session)
    slots.change_capacity(session, actor, one.id, 1, NOW)
    slots.change_capacity(session, actor, one.id, 3, NOW)
    more = outbox.latest(session, MessageKind.SAVE_SLOTS, one.schedule_id)
    assert more is not None
    assert [message.kind for message in more.waits_for] == [MessageKind.WITHDRAW_SLOTS]
