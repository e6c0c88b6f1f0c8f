"""The search finds exactly what can be booked, in order, page by page: compared with a filter written in Python."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Geod
from sqlalchemy import update
from sqlalchemy.orm import Session

from mobile_units.clock import WARSAW
from mobile_units.models.schedules import Schedule
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.admission import BookingChannel, Reservation, reservations_open_to
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Mobility, Path, Programme
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import alternative_statements, slot_search, slot_statements
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Paging
from mobile_units.services.slot_columns import EARTH_RADIUS_KM
from mobile_units.services.slot_search import SlotAtPlace, SlotFilter, SlotOrder, folded
from tests import factories, factories_booking
from tests.factories_booking import DAY, NOW, slot, stop
from tests.statements import counted, refused

SPRING, AUTUMN = date(2027, 3, 28), date(2027, 10, 31)
"""The days on which clocks go forward and back."""
WIELUN, OSJAKOW, LODZ = (51.22097, 18.56964), (51.29156, 18.79215), (51.77058, 19.47395)


def found(session: Session, actor: Actor, now: datetime = NOW, **criteria: object) -> list[int]:
    """The keys of the slots found, in order."""
    wanted = SlotFilter(**criteria)  # type: ignore[arg-type]  # each test names fields of the filter
    return [each.id for each in slot_search.find(session, actor, wanted, now).items]


# against a filter in Python


@dataclass(frozen=True)
class Known:
    """A slot with what a search may ask about it; `expired` counts the holds that ran out."""

    slot: Slot
    site: Site | None
    expired: int

    @property
    def schedule(self) -> Schedule:
        """Its schedule."""
        return self.slot.schedule


@dataclass(frozen=True)
class Diary:
    """All slots of a provider."""

    actor: Actor
    slots: list[Known]


@pytest.fixture
def diary(session: Session, actor: Actor) -> Diary:
    """240 slots of every kind, mostly around the clock changes: three sites, two more at one spot, a stationary place.

    There is mammography everywhere, but only one HPV test, and that is late.
    """
    chance = random.Random(5)  # noqa: S311 -- what is drawn is no secret
    sites = {"Wieluń": WIELUN, "Osjaków": OSJAKOW, "Łódź": LODZ}
    schedules: list[tuple[Schedule, Site | None]] = []
    for day in (DAY, SPRING, AUTUMN):
        for path in (Path.MAMMOGRAPHY, Path.CLASSIC_CYTOLOGY, Path.HPV_LBC if day == AUTUMN else Path.MAMMOGRAPHY):
            locality = chance.choice(list(sites))
            at = stop(session, actor.provider_id, day=day, locality=locality, at=sites[locality])
            at.site.gmina, at.site.teryt = f"Gmina {locality}", f"10{list(sites).index(locality):05d}"
            schedules.append((factories_booking.schedule(session, actor.provider_id, path, day, at=at), at.site))
    for _ in range(2):
        at = stop(session, actor.provider_id, day=SPRING, locality="Łódź", at=LODZ)
        schedules.append((factories_booking.schedule(session, actor.provider_id, day=SPRING, at=at), at.site))
    place = factories_booking.service_place(session, actor.provider_id, mobility=Mobility.STATIONARY)
    schedules.append((factories_booking.schedule(session, actor.provider_id, day=SPRING, place=place), None))
    known = [_slot(session, chance, of, site, number) for number in range(20) for of, site in schedules]
    session.flush()
    for each in known:
        for _ in range(each.expired):
            _hold(session, each.slot, NOW - timedelta(seconds=1))
    session.flush()
    return Diary(actor, known)


def _slot(session: Session, chance: random.Random, of: Schedule, site: Site | None, number: int) -> Known:
    starts_at = local_instant(of.valid_from, time()) + timedelta(minutes=70 * number + chance.choice((0, 5)))
    capacity, extra = chance.choice((1, 1, 2, 3)), chance.choice((0, 0, 1))
    taken = chance.randint(0, capacity + extra)
    made = Slot(
        uuid=uuid4(),
        schedule=of,
        service_place_id=of.service_place_id,
        place_mobility=of.place_mobility,
        mobile=of.mobile,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=5),
        capacity=capacity,
        extra=extra,
        taken=taken,
        status=chance.choice([SlotStatus.OPEN] * 8 + [SlotStatus.BLOCKED]),
        reserved_for=chance.choice([None] * 6 + list(Reservation)),
        kept_for_waiting=chance.random() < 0.1,
        fits=chance.random() > 0.1,
    )
    if taken and chance.random() < 0.1:
        made.status = SlotStatus.ORPHANED
    session.add(made)
    return Known(made, site, expired=min(taken, chance.choice((0, 0, 0, 0, 1))))


def _hold(session: Session, of: Slot, until: datetime) -> Visit:
    made = Visit(
        uuid=uuid4(),
        provider_id=of.schedule.provider_id,
        woman=factories_booking.woman(session, of.schedule.provider_id),
        slot=of,
        programme=of.schedule.programme,
        path=of.schedule.path,
        contract_range_id=of.schedule.contract_range_id,
        status=VisitStatus.HELD,
        held_until=until,
    )
    session.add(made)
    return made


def _is_wanted(known: Known, wanted: SlotFilter, now: datetime) -> bool:
    slot, at = known.slot, known.slot.starts_at.astimezone(WARSAW)
    room = slot.capacity + (slot.extra if wanted.overbooking else 0) - slot.taken + known.expired
    open_to = {None, *reservations_open_to(wanted.channel, urgent=wanted.urgent)}
    return (
        slot.status is SlotStatus.OPEN
        and slot.starts_at > now
        and slot.fits
        and not slot.kept_for_waiting
        and slot.reserved_for in open_to
        and room >= wanted.places
        and wanted.programme in {None, known.schedule.programme}
        and wanted.path in {None, known.schedule.path}
        and (wanted.first_day is None or at.date() >= wanted.first_day)
        and (wanted.last_day is None or at.date() <= wanted.last_day)
        and (not wanted.weekdays or at.isoweekday() in wanted.weekdays)
        and (wanted.from_time is None or at.time() >= wanted.from_time)
        and (wanted.to_time is None or at.time() < wanted.to_time)
        and _is_there(known, wanted)
    )


def _is_there(known: Known, wanted: SlotFilter) -> bool:
    site = known.site
    place = known.schedule.service_place
    names = f"{site.name} {site.locality} {site.gmina}" if site else ""
    return (
        wanted.service_place_id in {None, place.id}
        and (wanted.teryt is None or (site is not None and (site.teryt or "").startswith(wanted.teryt)))
        and (wanted.gmina is None or (site is not None and folded(site.gmina or "") == folded(wanted.gmina)))
        and (
            wanted.text is None
            or folded(wanted.text) in folded(names)
            or folded(wanted.text) in folded(f"{place.name} {place.address}")
        )
        and (wanted.latitude is None or _kilometres(known, wanted) <= wanted.radius_km)
    )


def _kilometres(known: Known, wanted: SlotFilter) -> float:
    if known.site is None or wanted.latitude is None or wanted.longitude is None:
        return float("inf")
    here = Geod(a=EARTH_RADIUS_KM * 1000, f=0)
    metres = here.inv(wanted.longitude, wanted.latitude, known.site.longitude, known.site.latitude)[2]
    return round(float(metres) / 1000, 6)


def _expected(diary: Diary, wanted: SlotFilter, now: datetime) -> list[int]:
    def key(known: Known) -> tuple[float, datetime, int]:
        by_distance = wanted.order is SlotOrder.DISTANCE and wanted.latitude is not None
        return (_kilometres(known, wanted) if by_distance else 0.0, known.slot.starts_at, known.slot.id)

    return [each.slot.id for each in sorted(diary.slots, key=key) if _is_wanted(each, wanted, now)]


def _pages(session: Session, actor: Actor, wanted: SlotFilter, now: datetime) -> Iterator[SlotAtPlace]:
    """All that is found, turned over by `next`."""
    while True:
        page = slot_search.find(session, actor, wanted, now)
        yield from page.items
        assert page.more == (page.next is not None)
        if page.next is None:
            return
        wanted = replace(wanted, after=slot_search.Place.parse(str(page.next)))


DAYS = st.sampled_from([DAY, SPRING - timedelta(days=1), SPRING, AUTUMN, AUTUMN + timedelta(days=1)])
TIMES = st.sampled_from([time(0), time(1, 30), time(2), time(2, 30), time(3), time(9), time(20)])
FILTERS: st.SearchStrategy[dict[str, object]] = st.builds(
    dict,
    programme=st.none() | st.sampled_from(Programme),
    path=st.none() | st.sampled_from(Path),
    first_day=st.none() | DAYS,
    last_day=st.none() | DAYS,
    weekdays=st.just(()) | st.lists(st.integers(1, 7), max_size=3),
    from_time=st.none() | TIMES,
    to_time=st.none() | TIMES,
    teryt=st.none() | st.sampled_from(["10", "1000001", "12"]),
    gmina=st.none() | st.sampled_from(["gmina WIELUN", "Gmina"]),
    text=st.none() | st.sampled_from(["ŁÓDŹ", "lodz", "osjak", "pracownia", "%"]),
    where=st.none() | st.tuples(st.sampled_from([WIELUN, LODZ]), st.sampled_from([1.0, 30.0, 1000.0])),
    channel=st.sampled_from(BookingChannel),
    urgent=st.booleans(),
    overbooking=st.booleans(),
    places=st.sampled_from([1, 1, 1, 2]),
    order=st.sampled_from(SlotOrder),
)


@given(
    criteria=FILTERS,
    few=st.sets(st.sampled_from(["where", "teryt", "gmina", "text", "path"]), max_size=2),
    data=st.data(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_search_finds_what_can_be_booked_and_nothing_else(
    session: Session, diary: Diary, criteria: dict[str, object], few: set[str], data: st.DataObject
) -> None:
    """Whatever is asked for, in whatever pages, however soon the way of looking is changed."""
    for name in {"where", "teryt", "gmina", "text", "path"} - few:
        criteria[name] = None
    where = criteria.pop("where")
    if isinstance(where, tuple):
        criteria |= {"latitude": where[0][0], "longitude": where[0][1], "radius_km": where[1]}
    wanted = SlotFilter(**criteria)  # type: ignore[arg-type]  # drawn by their names
    if wanted.first_day and wanted.last_day and wanted.first_day > wanted.last_day:
        wanted = replace(wanted, first_day=wanted.last_day, last_day=wanted.first_day)
    now = data.draw(st.sampled_from([NOW, datetime(2027, 3, 28, 0, 45, tzinfo=UTC)]))
    expected = _expected(diary, wanted, now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slot_search, "WALKED", data.draw(st.sampled_from([1, 2000])))
        patch.setattr(slot_statements, "MANY", data.draw(st.sampled_from([0, 2, 100])))
        slot_statements.soonest.cache_clear()
        size = data.draw(st.sampled_from([max(1, len(expected) // 3), 500]))
        paging = Paging(1, size)
        assert [each.id for each in _pages(session, diary.actor, replace(wanted, paging=paging), now)] == expected
        number = data.draw(st.integers(1, 3))
        page = slot_search.find(session, diary.actor, replace(wanted, paging=Paging(number, size)), now)
        assert [each.id for each in page.items] == expected[(number - 1) * size : number * size]


def test_many_schedules_are_looked_at_in_order_of_time_first(session: Session, diary: Diary) -> None:
    """Whether that fills the page or not, the same is found as one schedule after the other."""
    near = {"latitude": LODZ[0], "longitude": LODZ[1], "radius_km": 1000.0}
    asked = ({"text": "pracownia"}, {"text": "lodz", "path": Path.HPV_LBC}, {"teryt": "10", "overbooking": True}, near)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slot_statements, "MANY", 0)
        slot_statements.soonest.cache_clear()
        for criteria in asked:
            expected = _expected(diary, SlotFilter(**criteria), NOW)
            assert expected, criteria
            for size in (len(expected) // 2 + 1, 500):
                assert found(session, diary.actor, paging=Paging(1, size), **criteria) == expected[:size]
    slot_statements.soonest.cache_clear()


# what is told


def test_a_hold_that_ran_out_gives_its_place_back(session: Session, actor: Actor) -> None:
    """Not while it lasts; and its place counts among the free ones."""
    made = slot(session, actor.provider_id, capacity=2)
    made.taken = 2
    held = _hold(session, made, NOW + timedelta(minutes=5))
    session.flush()
    assert found(session, actor) == []
    held.held_until = NOW - timedelta(seconds=1)
    session.flush()
    [shown] = slot_search.find(session, actor, SlotFilter(), NOW).items
    assert (shown.id, shown.free) == (made.id, 1)


def test_an_extra_place_is_marked_with_its_reason(session: Session, actor: Actor) -> None:
    """Only who asks for overbooking finds it; a slot with a free place gives no reason."""
    full = slot(session, actor.provider_id)
    full.taken, full.extra, full.schedule.overbooking_reason = 1, 1, "Co dziesiąta pani nie przychodzi."
    free = slot(session, actor.provider_id, of=full.schedule, at=time(10))
    session.flush()
    assert found(session, actor) == [free.id]
    shown = slot_search.find(session, actor, SlotFilter(overbooking=True), NOW).items
    assert [(each.id, each.free, each.extra, each.overbooking_reason) for each in shown] == [
        (full.id, 0, 1, "Co dziesiąta pani nie przychodzi."),
        (free.id, 1, 0, None),
    ]


def test_an_hour_that_occurs_twice_is_found_twice(session: Session, actor: Actor) -> None:
    """Half past two comes twice on the last Sunday of October; searching from two to three finds both."""
    schedule = factories_booking.schedule(session, actor.provider_id, day=AUTUMN)
    before = slot(session, actor.provider_id, of=schedule, at=time(1, 50))
    twice = [slot(session, actor.provider_id, of=schedule, at=time(hour)) for hour in (12, 13)]
    for hour, made in enumerate(twice):
        made.starts_at = datetime(2027, 10, 31, hour, 30, tzinfo=UTC)
        made.ends_at = made.starts_at + timedelta(minutes=10)
    session.flush()
    assert found(session, actor, from_time=time(2), to_time=time(3)) == [each.id for each in twice]
    assert found(session, actor, to_time=time(2)) == [before.id]


def test_a_search_sends_at_most_three_statements(session: Session, actor: Actor) -> None:
    """One if the page fills or the place is known, two if few are there at all, three if those wanted are rare."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    for n in range(30):
        slot(session, actor.provider_id, of=schedule, at=time(9 + n // 6, 10 * (n % 6)))
    slot(session, actor.provider_id, Path.HPV_LBC, at=time(15))
    for criteria, statements in (
        (SlotFilter(paging=Paging(1, 20)), 1),
        (SlotFilter(text="wieluń"), 1),
        (SlotFilter(latitude=LODZ[0], longitude=LODZ[1], order=SlotOrder.DISTANCE), 1),
        (SlotFilter(), 2),
    ):
        with counted(session.connection()) as sent:
            slot_search.find(session, actor, criteria, NOW)
        assert len(sent) == statements, criteria
    with pytest.MonkeyPatch.context() as patch, counted(session.connection()) as sent:
        patch.setattr(slot_search, "WALKED", 10)
        page = slot_search.find(session, actor, SlotFilter(path=Path.HPV_LBC, paging=Paging(1, 2)), NOW)
    assert (len(page.items), len(sent)) == (1, 3)


def test_a_search_that_means_nothing_is_refused(session: Session, actor: Actor) -> None:
    """Days that are reversed, years of Mondays, and pages too deep."""
    with refused("period_reversed"):
        found(session, actor, first_day=DAY, last_day=DAY - timedelta(days=1))
    with refused("period_too_long"):
        found(session, actor, first_day=DAY, last_day=DAY + timedelta(days=400), weekdays=(1,))
    with refused("page_too_deep"):
        found(session, actor, paging=Paging(41, 50))


# alternatives


def alternatives(session: Session, actor: Actor, of: Slot, **options: object) -> list[int]:
    """The keys of the alternatives of a slot, for a woman who comes to the desk."""
    asked = {"path": of.schedule.path, "channel": BookingChannel.DESK, "urgent": False, "now": NOW} | options
    return [each.id for each in slot_search.alternatives(session, actor, of.id, **asked)]  # type: ignore[arg-type]  # by their names


def test_alternatives_are_near_in_place_and_time(session: Session, actor: Actor) -> None:
    """First the same stop on the same day, then by hours plus kilometres; never the slot itself, nor what is taken."""
    here = stop(session, actor.provider_id)
    schedule = factories_booking.schedule(session, actor.provider_id, at=here)
    lost = slot(session, actor.provider_id, of=schedule, at=time(9))
    afternoon = slot(session, actor.provider_id, of=schedule, at=time(15))
    morning = slot(session, actor.provider_id, of=schedule, at=time(8))
    full = slot(session, actor.provider_id, of=schedule, at=time(10))
    full.taken = 1

    def elsewhere(locality: str, at: tuple[float, float], day: date = DAY) -> Slot:
        there = stop(session, actor.provider_id, day=day, locality=locality, at=at)
        of = factories_booking.schedule(session, actor.provider_id, day=day, at=there)
        return slot(session, actor.provider_id, of=of, day=day)

    far = elsewhere("Łódź", LODZ)
    near = elsewhere("Osjaków", OSJAKOW)
    tomorrow = elsewhere("Wieluń", WIELUN, DAY + timedelta(days=1))
    slot(session, actor.provider_id, Path.HPV_LBC)
    slot(session, factories.provider(session).id)
    session.flush()
    assert alternatives(session, actor, lost, limit=9) == [morning.id, afternoon.id, near.id, tomorrow.id, far.id]
    assert alternatives(session, actor, lost, limit=2) == [morning.id, afternoon.id]
    assert alternatives(session, actor, lost, now=morning.starts_at, limit=1) == [afternoon.id]


def test_alternatives_are_on_the_path_of_the_woman_or_of_the_slot(session: Session, actor: Actor) -> None:
    """Who asked for cytology in a slot that is meant for HPV tests may have another of these, but no mammography."""
    lost = slot(session, actor.provider_id, Path.HPV_LBC)
    meant_alike = slot(session, actor.provider_id, Path.HPV_LBC)
    her_own = slot(session, actor.provider_id, Path.CLASSIC_CYTOLOGY)
    slot(session, actor.provider_id)
    assert alternatives(session, actor, lost, path=Path.CLASSIC_CYTOLOGY) == [meant_alike.id, her_own.id]
    assert alternatives(session, actor, lost) == [meant_alike.id]


@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_alternatives_are_the_nearest_of_all(session: Session, diary: Diary, data: st.DataObject) -> None:
    """As told by hours and kilometres of every slot, however few schedules are asked first."""
    of = data.draw(st.sampled_from(diary.slots))
    limit, urgent = data.draw(st.sampled_from([1, 5, 40])), data.draw(st.booleans())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alternative_statements, "FIRST", data.draw(st.sampled_from([1, 2, 8])))
        alternative_statements.alternatives.cache_clear()
        found = alternatives(session, diary.actor, of.slot, urgent=urgent, limit=limit)
    assert found == _nearest(diary, of, urgent=urgent)[:limit]


def _nearest(diary: Diary, of: Known, *, urgent: bool) -> list[int]:
    here = SlotFilter(latitude=of.site.latitude, longitude=of.site.longitude) if of.site else None
    open_to = SlotFilter(urgent=urgent)
    keys: list[tuple[bool, float, datetime, int]] = []
    for each in diary.slots:
        known = replace(each, expired=0)
        at_place = (known.site or known.schedule) is (of.site or of.schedule)
        away = _kilometres(known, here) if here else (0.0 if at_place else float("inf"))
        days = abs((known.schedule.valid_from - of.schedule.valid_from).days)
        alike = known.schedule.path == of.schedule.path and known.slot is not of.slot
        if alike and away <= 100 and days <= 28 and _is_wanted(known, open_to, NOW):
            hours = abs((known.slot.starts_at - of.slot.starts_at).total_seconds()) / 3600
            same_day = known.slot.starts_at.astimezone(WARSAW).date() == of.slot.starts_at.astimezone(WARSAW).date()
            keys.append((not (at_place and same_day), hours + away, known.slot.starts_at, known.slot.id))
    return [key[3] for key in sorted(keys)]


def test_alternatives_keep_reservations(session: Session, actor: Actor) -> None:
    """A slot for urgent cases is one for them only; a stationary place is near to itself alone."""
    place = factories_booking.service_place(session, actor.provider_id, mobility=Mobility.STATIONARY)
    schedule = factories_booking.schedule(session, actor.provider_id, place=place)
    lost = slot(session, actor.provider_id, of=schedule, at=time(9))
    urgent = slot(session, actor.provider_id, of=schedule, at=time(10))
    slot(session, actor.provider_id)
    session.execute(update(Slot).where(Slot.id == urgent.id).values(reserved_for=Reservation.URGENT))
    assert alternatives(session, actor, lost) == []
    assert alternatives(session, actor, lost, urgent=True) == [urgent.id]
