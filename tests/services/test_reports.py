"""The report per contract range, by hand-checked counts: what was planned, offered, booked, performed and passed."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import product

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mobile_units.models.contracts import Contract, ContractRange
from mobile_units.models.product_codes import ProductCode
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.compliance import SettlementState, is_passed_in_time, settlement_state
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.services import reports
from mobile_units.services.actors import Actor
from mobile_units.services.reports import ContractRangeRow, ReportPeriod, is_late, passed_in_time
from tests import factories, factories_booking
from tests.factories_booking import DAY, NOW
from tests.factories_planning import CYTOLOGY, HPV, MAMMOGRAPHY, contract
from tests.factories_transmission import visit
from tests.statements import counted, refused

OWN_CODE = "10.7940.999.02"
BASE = "02.1450.001.02"
NEXT_DAY = DAY + timedelta(days=1)
MIDNIGHT = datetime(2027, 3, 10, 23, tzinfo=UTC)
"""The end of `DAY` in Poland."""
LAST_MOMENT = datetime(2027, 3, 10, 22, 59, 59, tzinfo=UTC)
YEAR = ReportPeriod(date(2027, 1, 1), date(2027, 12, 31))

Happens = Callable[[Slot, VisitStatus, bool], Visit]


def rows(
    session: Session, actor: Actor, first: date = DAY, last: date | None = None, *, today: date = DAY
) -> dict[str, ContractRangeRow]:
    """The report for the days, read on `today`, by product code."""
    found = reports.contract_ranges(session, actor, ReportPeriod(first, last or first), today)
    assert len({row.product_code for row in found}) == len(found)
    return {row.product_code: row for row in found}


@pytest.fixture
def happens(session: Session, actor: Actor) -> Happens:
    """Makes a visit in a slot that came to a status, passed or not."""

    def happen(slot: Slot, status: VisitStatus, passed: bool) -> Visit:
        made = visit(session, actor.provider_id, slot)
        made.status, made.passed_at = status, NOW if passed else None
        made.cancelled_by = CancelledBy.WOMAN if status is VisitStatus.CANCELLED else None
        made.held_until = NOW if status is VisitStatus.HELD else None
        session.flush()
        return made

    return happen


def priced(session: Session, actor: Actor, price: str | None = "171.50") -> Contract:
    """A contract on a thousand mammographies."""
    return contract(session, actor.provider_id, {MAMMOGRAPHY: 1000}, price=Decimal(price) if price else None)


def test_visits_are_counted_by_what_became_of_them(session: Session, actor: Actor, happens: Happens) -> None:
    """Nine were booked: two to come and passed, two to come and not, three performed, one missed, one not done."""
    agreement = priced(session, actor)
    slot = factories_booking.slot(session, actor.provider_id, capacity=20)
    for status, passed in (
        (VisitStatus.BOOKED, True),
        (VisitStatus.BOOKED, False),
        (VisitStatus.CONFIRMED, False),
        (VisitStatus.ARRIVED, True),
        (VisitStatus.PERFORMED, True),
        (VisitStatus.PERFORMED, True),
        (VisitStatus.PERFORMED, False),
        (VisitStatus.NO_SHOW, True),
        (VisitStatus.NOT_PERFORMED, False),
        (VisitStatus.HELD, False),
        (VisitStatus.CANCELLED, True),
        (VisitStatus.MOVED, True),
    ):
        happens(slot, status, passed)
    assert rows(session, actor) == {
        MAMMOGRAPHY: ContractRangeRow(
            product_code=MAMMOGRAPHY,
            name_pl="program profilaktyki raka piersi, etap podstawowy, pracownia mobilna",
            confirmed=False,
            contract_number=agreement.number,
            contract_range_id=agreement.ranges[0].id,
            quantity_limit=1000,
            planned=40,
            offered=20,
            booked=9,
            performed=3,
            passed=5,
            not_passed=4,
            late=0,
            overridden=0,
            over_limit=0,
            payable=Decimal("343.00"),
            expected=Decimal("343.00"),
            at_risk=Decimal("514.50"),
        )
    }


@pytest.mark.parametrize(
    ("what", "worth"),
    [
        ((VisitStatus.PERFORMED, True), (1, 0, 0)),
        ((VisitStatus.PERFORMED, False), (0, 0, 1)),
        ((VisitStatus.BOOKED, True), (0, 1, 0)),
        ((VisitStatus.BOOKED, False), (0, 0, 1)),
        ((VisitStatus.CONFIRMED, True), (0, 1, 0)),
        ((VisitStatus.ARRIVED, False), (0, 0, 1)),
        ((VisitStatus.NO_SHOW, True), (0, 0, 0)),
        ((VisitStatus.NO_SHOW, False), (0, 0, 0)),
        ((VisitStatus.NOT_PERFORMED, True), (0, 0, 0)),
        ((VisitStatus.HELD, False), (0, 0, 0)),
        ((VisitStatus.CANCELLED, False), (0, 0, 0)),
        ((VisitStatus.MOVED, True), (0, 0, 0)),
    ],
)
def test_money_is_payable_expected_or_at_risk(
    session: Session, actor: Actor, happens: Happens, what: tuple[VisitStatus, bool], worth: tuple[int, int, int]
) -> None:
    """One visit at one złoty: payable when performed and passed, at risk when it is not passed."""
    priced(session, actor, "1.00")
    happens(factories_booking.slot(session, actor.provider_id), *what)
    row = rows(session, actor)[MAMMOGRAPHY]
    assert (row.payable, row.expected, row.at_risk) == tuple(map(Decimal, worth))


@pytest.mark.parametrize(
    ("status", "passed_at", "urgent", "today", "late", "worth"),
    [
        (VisitStatus.PERFORMED, LAST_MOMENT, False, NEXT_DAY, 0, (1, 0, 0)),
        (VisitStatus.PERFORMED, MIDNIGHT, False, NEXT_DAY, 1, (0, 0, 1)),
        (VisitStatus.PERFORMED, MIDNIGHT + timedelta(days=1), False, NEXT_DAY, 1, (0, 0, 1)),
        (VisitStatus.PERFORMED, MIDNIGHT, True, NEXT_DAY, 0, (1, 0, 0)),
        (VisitStatus.PERFORMED, None, False, DAY, 0, (0, 0, 1)),
        (VisitStatus.PERFORMED, None, False, NEXT_DAY, 1, (0, 0, 1)),
        (VisitStatus.PERFORMED, None, True, DAY, 0, (1, 0, 0)),
        (VisitStatus.PERFORMED, None, True, NEXT_DAY, 0, (1, 0, 0)),
        (VisitStatus.BOOKED, None, False, DAY, 0, (0, 0, 1)),
        (VisitStatus.BOOKED, None, False, NEXT_DAY, 1, (0, 0, 1)),
        (VisitStatus.BOOKED, None, True, NEXT_DAY, 0, (0, 1, 0)),
        (VisitStatus.BOOKED, LAST_MOMENT, False, NEXT_DAY, 0, (0, 1, 0)),
        (VisitStatus.ARRIVED, MIDNIGHT, False, NEXT_DAY, 1, (0, 0, 1)),
        (VisitStatus.NO_SHOW, None, False, NEXT_DAY, 0, (0, 0, 0)),
        (VisitStatus.NOT_PERFORMED, MIDNIGHT, False, NEXT_DAY, 0, (0, 0, 0)),
        (VisitStatus.HELD, None, False, NEXT_DAY, 0, (0, 0, 0)),
        (VisitStatus.MOVED, MIDNIGHT, False, NEXT_DAY, 0, (0, 0, 0)),
    ],
)
def test_the_nfz_pays_for_what_was_passed_by_midnight_or_urgent(
    session: Session,
    actor: Actor,
    happens: Happens,
    status: VisitStatus,
    passed_at: datetime | None,
    *,
    urgent: bool,
    today: date,
    late: int,
    worth: tuple[int, int, int],
) -> None:
    """One visit at one złoty; late is what can be paid for only if the central system was at fault."""
    priced(session, actor, "1.00")
    made = happens(factories_booking.slot(session, actor.provider_id), status, False)
    made.passed_at, made.urgent = passed_at, urgent
    session.flush()
    row = rows(session, actor, today=today)[MAMMOGRAPHY]
    assert (row.late, row.payable, row.expected, row.at_risk) == (late, *map(Decimal, worth))
    assert row.passed + row.not_passed == row.booked
    assert row.passed == (row.booked if passed_at else 0)


AROUND_THE_DAY = (timedelta(days=-20), timedelta(hours=-1), timedelta(seconds=-1), timedelta(0), timedelta(hours=1))
SERVICE_DAYS = [DAY, date(2026, 10, 24), date(2026, 10, 25), date(2027, 3, 27), date(2027, 3, 28), date(2026, 12, 31)]


@pytest.mark.parametrize("day", SERVICE_DAYS, ids=str)
@pytest.mark.parametrize("at", [time(0), time(3, 30), time(23, 50)], ids=str)
def test_the_database_agrees_with_the_rules(session: Session, actor: Actor, day: date, at: time) -> None:
    """In time and late mean the same in SQL and in `rules.compliance`, around both midnights and clock changes."""
    slot = factories_booking.slot(session, actor.provider_id, day=day, at=at)
    kept = visit(session, actor.provider_id, slot)
    midnights = [local_instant(day + timedelta(days=n), time(0)) for n in (0, 1, 2)]
    instants = [midnight + apart for midnight in midnights for apart in AROUND_THE_DAY]
    days = [day + timedelta(days=n) for n in (-1, 0, 1, 2)]
    found = select(passed_in_time(), *map(is_late, days)).join(Visit.slot).where(Visit.id == kept.id)
    for accepted_at, urgent in product([None, *instants], [False, True]):
        session.execute(update(Visit).values(passed_at=accepted_at, urgent=urgent).where(Visit.id == kept.id))
        states = [settlement_state(day, accepted_at, urgent=urgent, now=local_instant(each, time(12))) for each in days]
        in_time, *late = session.execute(found).one()
        assert in_time is is_passed_in_time(day, accepted_at, urgent=urgent)
        assert late == [state is SettlementState.LATE for state in states]


def test_bookings_beyond_the_limit_are_told(session: Session, actor: Actor, happens: Happens) -> None:
    """Three are booked, a missed one among them, and one is cancelled: a limit of one is exceeded by two."""
    agreement = priced(session, actor)
    slot = factories_booking.slot(session, actor.provider_id, capacity=4)
    for status in (VisitStatus.BOOKED, VisitStatus.PERFORMED, VisitStatus.NO_SHOW, VisitStatus.CANCELLED):
        happens(slot, status, True)
    for limit, over in ((0, 3), (1, 2), (3, 0), (4, 0)):
        agreement.ranges[0].quantity_limit = limit
        session.flush()
        assert rows(session, actor)[MAMMOGRAPHY].over_limit == over


def test_without_a_price_there_is_no_money(session: Session, actor: Actor, happens: Happens) -> None:
    """Empty is not zero; with a price and without visits it is zero."""
    priced(session, actor, None)
    happens(factories_booking.slot(session, actor.provider_id), VisitStatus.PERFORMED, True)
    row = rows(session, actor)[MAMMOGRAPHY]
    assert (row.payable, row.expected, row.at_risk, row.performed) == (None, None, None, 1)
    stranger = Actor(factories.provider(session).id)
    priced(session, stranger)
    row = rows(session, stranger)[MAMMOGRAPHY]
    assert {row.payable, row.expected, row.at_risk} == {Decimal(0)}


def test_blocked_slots_are_not_offered(session: Session, actor: Actor, happens: Happens) -> None:
    """A visit in one still counts."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    factories_booking.slot(session, actor.provider_id, of=schedule, capacity=3)
    blocked = factories_booking.slot(session, actor.provider_id, of=schedule, at=time(10), capacity=5)
    happens(blocked, VisitStatus.BOOKED, True)
    blocked.status = SlotStatus.BLOCKED
    session.flush()
    row = rows(session, actor)[MAMMOGRAPHY]
    assert (row.offered, row.booked) == (3, 1)


def test_days_are_polish_days(session: Session, actor: Actor, happens: Happens) -> None:
    """The first slot starts at midnight in Poland, when in UTC it is still the day before; the last at 23:50."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    for at in (time(0), time(23, 50)):
        happens(factories_booking.slot(session, actor.provider_id, of=schedule, at=at), VisitStatus.BOOKED, True)
    day_before, day_after = DAY - timedelta(days=1), DAY + timedelta(days=1)

    def counts(first: date, last: date) -> tuple[int, int, int]:
        row = rows(session, actor, first, last)[MAMMOGRAPHY]
        return row.planned, row.offered, row.booked

    assert counts(DAY, DAY) == counts(day_before, day_after) == (40, 2, 2)
    assert counts(day_before, day_before) == counts(day_after, day_after) == (0, 0, 0)


def test_planned_women_are_shared_by_day(session: Session, actor: Actor) -> None:
    """40 women, 6 places on two days: 2 places on Wednesday are 13.3 women, the 4 of Thursday the other 26.7.

    Rounded down from the first day on it is 13 and 27, and both days together 40. A blocked slot changes no plan.
    """
    schedule = factories_booking.schedule(session, actor.provider_id)
    schedule.valid_to = DAY + timedelta(days=1)
    factories_booking.slot(session, actor.provider_id, of=schedule, capacity=2)
    for at, capacity in ((time(10), 3), (time(11), 1)):
        slot = factories_booking.slot(session, actor.provider_id, of=schedule, at=at, capacity=capacity)
        slot.starts_at, slot.ends_at = slot.starts_at + timedelta(days=1), slot.ends_at + timedelta(days=1)
    slot.status = SlotStatus.BLOCKED
    session.flush()

    def planned(first: int, last: int) -> int:
        row = rows(session, actor, DAY + timedelta(days=first), DAY + timedelta(days=last))[MAMMOGRAPHY]
        return row.planned

    assert [planned(n, n) for n in (-1, 0, 1, 2)] == [0, 13, 27, 0]
    assert planned(0, 1) == planned(-10, 10) == 40


def test_days_of_a_period_add_up_to_all_planned_women(session: Session, actor: Actor) -> None:
    """Two schedules of seven days with 40 and 5 women and a place a day: 5 or 6 and 0 or 1 each day, 45 in all."""
    for women in (40, 5):
        schedule = factories_booking.schedule(session, actor.provider_id)
        schedule.women_planned, schedule.valid_to = women, DAY + timedelta(days=6)
        for n in range(7):
            slot = factories_booking.slot(session, actor.provider_id, of=schedule, at=time(8, n))
            slot.starts_at, slot.ends_at = slot.starts_at + timedelta(days=n), slot.ends_at + timedelta(days=n)
    session.flush()
    days = [DAY + timedelta(days=n) for n in range(7)]
    daily = [sum(row.planned for row in rows(session, actor, day).values()) for day in days]
    # 40/7: 5, 11, 17, 22, 28, 34, 40; 5/7: 0, 1, 2, 2, 3, 4, 5
    assert daily == [5, 7, 7, 5, 7, 7, 7]
    assert sum(row.planned for row in rows(session, actor, days[0], days[-1]).values()) == 45


def test_a_day_without_slots_lists_no_range_that_ended(session: Session, actor: Actor) -> None:
    """The schedule goes on for two days, its only slot is on the first, and so is the contract's last day."""
    agreement = priced(session, actor)
    schedule = factories_booking.schedule(session, actor.provider_id)
    factories_booking.slot(session, actor.provider_id, of=schedule)
    schedule.valid_to, agreement.valid_to = DAY + timedelta(days=1), DAY
    session.flush()
    assert rows(session, actor)[MAMMOGRAPHY].planned == 40
    assert rows(session, actor, DAY + timedelta(days=1)) == {}


def test_visits_count_in_their_own_range(session: Session, actor: Actor, happens: Happens) -> None:
    """A woman who chose the other path is settled there, though the slot was offered here."""
    contract(session, actor.provider_id, {CYTOLOGY: 10, HPV: 10})
    slot = factories_booking.slot(session, actor.provider_id, Path.CLASSIC_CYTOLOGY)
    chosen = happens(slot, VisitStatus.PERFORMED, True)
    chosen.contract_range = (
        session.query(ContractRange).filter_by(product_code=HPV).order_by(ContractRange.id.desc())[0]
    )
    session.flush()
    both = rows(session, actor)
    assert {code: (row.offered, row.performed) for code, row in both.items()} == {CYTOLOGY: (1, 0), HPV: (0, 1)}


def test_another_providers_data_are_not_counted(session: Session, actor: Actor) -> None:
    """Neither its ranges nor its slots and visits, and they are not even read."""
    priced(session, actor)
    stranger = factories.provider(session).id
    visit(session, stranger, factories_booking.slot(session, stranger))
    row = rows(session, actor)[MAMMOGRAPHY]
    assert (row.planned, row.offered, row.booked) == (0, 0, 0)
    with counted(session.connection()) as sent:
        rows(session, actor)
    assert len(sent) == 5
    assert all("provider_id" in statement.partition("WHERE")[2] for statement in sent)


def test_ranges_are_listed_that_are_in_force_on_some_day(session: Session, actor: Actor) -> None:
    """Both days of a contract are included, by product code; a base range pays for nothing and has no row."""
    limits = {MAMMOGRAPHY: 1, HPV: 2, CYTOLOGY: 3, BASE: 4}
    contract(session, actor.provider_id, limits, valid_from=DAY, valid_to=DAY + timedelta(days=1))
    listed = [CYTOLOGY, HPV, MAMMOGRAPHY]
    assert list(rows(session, actor)) == list(rows(session, actor, DAY + timedelta(days=1))) == listed
    assert list(rows(session, actor, date(2027, 1, 1), DAY)) == listed
    assert rows(session, actor, DAY - timedelta(days=1)) == rows(session, actor, DAY + timedelta(days=2)) == {}


def test_a_range_that_ended_early_keeps_what_it_has_in_the_period(
    session: Session, actor: Actor, happens: Happens
) -> None:
    """A contract was shortened after visits had been booked: they are not lost from the report."""
    agreement = priced(session, actor, "1.00")
    happens(factories_booking.slot(session, actor.provider_id), VisitStatus.BOOKED, False)
    agreement.valid_to = DAY - timedelta(days=1)
    session.flush()
    row = rows(session, actor)[MAMMOGRAPHY]
    assert (row.booked, row.not_passed, row.at_risk) == (1, 1, Decimal(1))
    assert rows(session, actor, DAY + timedelta(days=1)) == {}


def test_two_contracts_on_one_code_have_a_row_each(session: Session, actor: Actor) -> None:
    """The year in which one follows the other shows both."""
    first = contract(session, actor.provider_id, {MAMMOGRAPHY: 1}, valid_to=DAY)
    second = contract(session, actor.provider_id, {MAMMOGRAPHY: 2}, valid_from=DAY + timedelta(days=1))
    found = reports.contract_ranges(session, actor, YEAR, DAY)
    assert [(row.contract_number, row.quantity_limit) for row in found] == [(first.number, 1), (second.number, 2)]


def entry(actor: Actor, name: str, valid_from: date, valid_to: date | None, path: Path | None) -> ProductCode:
    """A row of the provider's own catalogue."""
    return ProductCode(
        provider_id=actor.provider_id,
        code=OWN_CODE,
        name_pl=name,
        programme=path.programme if path else None,
        path=path,
        valid_from=valid_from,
        valid_to=valid_to,
        confirmed=True,
        source="umowa",
    )


def named(session: Session, actor: Actor, first: date, last: date) -> list[str]:
    """The names in the report."""
    return [row.name_pl for row in rows(session, actor, first, last).values()]


@pytest.mark.parametrize("order", [1, -1])
def test_a_code_is_named_as_in_the_period(session: Session, actor: Actor, order: int) -> None:
    """Its newest entry that is valid on some of the days, in whatever order entries were kept; else the last one."""
    entries = [
        entry(actor, "dawna", date(2026, 1, 1), date(2027, 2, 28), Path.MAMMOGRAPHY),
        entry(actor, "nowa", date(2027, 3, 1), date(2027, 6, 30), Path.MAMMOGRAPHY),
        entry(actor, "przyszła", date(2028, 1, 1), None, None),
    ]
    for each in entries[::order]:
        session.add(each)
        session.flush()
    contract(session, actor.provider_id, {OWN_CODE: 1})
    for first, last, names in (
        (date(2027, 2, 1), date(2027, 2, 28), ["dawna"]),
        (date(2027, 3, 1), date(2027, 3, 31), ["nowa"]),
        (date(2027, 2, 28), date(2027, 6, 30), ["nowa"]),
        (date(2027, 8, 1), date(2027, 8, 31), ["nowa"]),
        (date(2028, 2, 1), date(2028, 2, 28), []),
    ):
        assert named(session, actor, first, last) == names


def test_an_entry_that_ended_gives_the_name_back(session: Session, actor: Actor) -> None:
    """An entry for January and February does not name what happens in March, though it is the newer one."""
    session.add(entry(actor, "stała", date(2026, 1, 1), None, Path.MAMMOGRAPHY))
    session.add(entry(actor, "zimowa", date(2027, 1, 1), date(2027, 2, 28), Path.MAMMOGRAPHY))
    contract(session, actor.provider_id, {OWN_CODE: 1})
    assert named(session, actor, date(2027, 2, 28), date(2027, 2, 28)) == ["zimowa"]
    assert named(session, actor, date(2027, 3, 1), date(2027, 3, 31)) == ["stała"]


def test_a_reversed_period_is_refused(session: Session, actor: Actor) -> None:
    """A period of one day is possible."""
    with refused("ends_before_start"):
        rows(session, actor, DAY, DAY - timedelta(days=1))
    assert rows(session, actor) == {}


def test_the_clock_change_day_has_its_23_hours(session: Session, actor: Actor, happens: Happens) -> None:
    """On 28 March 2027 the day ends at 22:00 in UTC."""
    day = date(2027, 3, 28)
    schedule: Schedule = factories_booking.schedule(session, actor.provider_id, day=day)
    happens(factories_booking.slot(session, actor.provider_id, of=schedule, at=time(23, 50)), VisitStatus.BOOKED, True)
    assert rows(session, actor, day)[MAMMOGRAPHY].booked == 1
    assert rows(session, actor, day + timedelta(days=1))[MAMMOGRAPHY].booked == 0


def test_visits_with_a_rule_set_aside_are_counted_and_listed(session: Session, actor: Actor, happens: Happens) -> None:
    """By contract range and time; neither those that were given up, nor those of other days or providers."""
    priced(session, actor)
    slot = factories_booking.slot(session, actor.provider_id, capacity=9)
    later = factories_booking.slot(session, actor.provider_id, day=NEXT_DAY, capacity=9)
    listed = [happens(slot, status, True) for status in (VisitStatus.BOOKED, VisitStatus.PERFORMED)]
    others = [happens(slot, VisitStatus.CANCELLED, True), happens(later, VisitStatus.BOOKED, True)]
    happens(slot, VisitStatus.BOOKED, True)
    for each in (*listed, *others):
        each.override_reason = "zalecenie lekarza"
    session.flush()
    assert rows(session, actor)[MAMMOGRAPHY].overridden == 2
    asked = reports.OverrideFilter(first_day=DAY, last_day=DAY)
    found = reports.overrides(session, actor, asked)
    assert ([each.id for each in found.items], found.total) == ([each.id for each in listed], 2)
    assert reports.overrides(session, Actor(factories.provider(session).id), asked).total == 0
    elsewhere = reports.OverrideFilter(first_day=DAY, last_day=DAY, contract_range_id=1)
    assert reports.overrides(session, actor, elsewhere).total == 0
    with refused("ends_before_start"):
        reports.overrides(session, actor, reports.OverrideFilter(first_day=NEXT_DAY, last_day=DAY))
