"""Reports for settlement: what each contract range was planned for, offered, booked, performed and passed in time.

`passed_in_time` and `is_late` are `rules.compliance` for the database; whoever counts visits by it uses them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Date, Row, Select, and_, cast, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager

from mobile_units.clock import WARSAW
from mobile_units.errors import DomainError
from mobile_units.models.contracts import Contract, ContractRange
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.product_codes import CatalogueEntry
from mobile_units.rules.visits import ACTIVE, OCCUPYING, VisitStatus
from mobile_units.services import product_codes
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Page, Paging, page_of

COUNTED = OCCUPYING - {VisitStatus.HELD}
"""Visits that count as booked: a short reservation, a cancelled and a moved one do not."""


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """The days that a report covers, both included."""

    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class ContractRangeRow:
    """One contract range in a period; all counts are examinations, all money is złoty, empty without a price.

    - `planned`: women planned in schedules, shared among their days by the places of all their slots. Each share is
      rounded down from the first day of its schedule on, so that adjacent periods add up to the whole.
    - `offered`: places of open slots.
    - `booked`: visits, performed and missed ones included; `performed` are some of them.
    - `passed`: those of the booked that the central e-registration accepted, in time or not; `not_passed` are the rest.
    - `late`: visits performed or to come, not urgent, passed after the day of the service or not passed though that day
      is over; they are the part of `at_risk` that is lost unless the central system was at fault.
    - `overridden`: those of the booked for which a rule of eligibility was set aside; `overrides` lists them.
    - `over_limit`: how far `booked` exceeds `quantity_limit`, else 0. The limit counts the whole contract, the report
      its period: 0 in a part of the contract does not tell that the whole keeps the limit.
    - `payable`: for visits performed that were passed in time or urgent.
    - `expected`: for visits to come that are passed in time or urgent.
    - `at_risk`: for visits performed or to come, not urgent, that are not passed in time: late or still waiting.

    Each visit performed or to come is in exactly one of the sums of money, before any limit; the others are in none.
    `confirmed` is false where the code has to be checked against the contract.
    """

    product_code: str
    name_pl: str
    confirmed: bool
    contract_number: str
    contract_range_id: int
    quantity_limit: int
    planned: int
    offered: int
    booked: int
    performed: int
    passed: int
    not_passed: int
    late: int
    overridden: int
    over_limit: int
    payable: Decimal | None
    expected: Decimal | None
    at_risk: Decimal | None


def passed_in_time() -> ColumnElement[bool]:
    """Whether a visit met the duty, as `compliance.is_passed_in_time`; of a query that joins visits and slots."""
    accepted_in_time = and_(Visit.passed_at.is_not(None), _polish_day(Visit.passed_at) <= _polish_day(Slot.starts_at))
    return or_(Visit.urgent, accepted_in_time)


def is_late(today: date) -> ColumnElement[bool]:
    """Whether `compliance.settlement_state` is late on the day `today`; of a query that joins visits and slots."""
    return and_(~passed_in_time(), or_(Visit.passed_at.is_not(None), _polish_day(Slot.starts_at) < today))


def contract_ranges(session: Session, actor: Actor, period: ReportPeriod, today: date) -> Sequence[ContractRangeRow]:
    """One row for each contract range that is in force on some day of the period or counts something, by product code.

    A base range, which pays for nothing by itself, has no row. `today` decides which visits not passed are late.

    Raises:
        DomainError: `ends_before_start`.
    """
    if period.last_day < period.first_day:
        raise DomainError("ends_before_start")
    planned = _planned(session, actor, period)
    offered = dict(session.execute(_offered(actor, period)).all())
    visits = {row.contract_range_id: row for row in session.execute(_visits(actor, period, today))}
    ranges = session.execute(_ranges(actor, period, {*planned, *offered, *visits}))
    entries = product_codes.catalogue(session, actor.provider_id)
    named = [(row, _entry(entries, row.product_code, period)) for row in ranges]
    return [
        _row(row, entry, planned[row.id], offered.get(row.id, 0), visits.get(row.id))
        for row, entry in named
        if entry.path is not None
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideFilter:
    """Which overridden visits are wanted: those of the days, both included; of one contract range, if it is given."""

    first_day: date
    last_day: date
    paging: Paging = Paging()
    contract_range_id: int | None = None


def overrides(session: Session, actor: Actor, criteria: OverrideFilter) -> Page[Visit]:
    """The visits that count as booked though a rule of eligibility was set aside, by contract range and time.

    Reason and rule are for those who care for her (`services.visits`); here they would tell of her health.

    Raises:
        DomainError: `ends_before_start`.
    """
    if criteria.last_day < criteria.first_day:
        raise DomainError("ends_before_start")
    query = (
        select(Visit)
        .join(Visit.slot)
        .join(Visit.contract_range)
        .options(contains_eager(Visit.slot), contains_eager(Visit.contract_range).joinedload(ContractRange.contract))
        .where(
            Visit.provider_id == actor.provider_id,
            Visit.status.in_(COUNTED),
            Visit.override_reason.is_not(None),
            _in(ReportPeriod(criteria.first_day, criteria.last_day)),
        )
        .order_by(ContractRange.product_code, ContractRange.id, Slot.starts_at, Visit.id)
    )
    if criteria.contract_range_id is not None:
        query = query.where(Visit.contract_range_id == criteria.contract_range_id)
    return page_of(session, query, criteria.paging)


def _entry(entries: Iterable[CatalogueEntry], code: str, period: ReportPeriod) -> CatalogueEntry:
    """The newest entry of a code that is valid on some day of the period; if none is, rather the last than the next."""

    def preference(entry: CatalogueEntry) -> tuple[bool, bool, date]:
        ended = entry.valid_to is not None and entry.valid_to < period.first_day
        return entry.valid_from <= period.last_day, not ended, entry.valid_from

    return max((entry for entry in entries if entry.code == code), key=preference)


def _ranges(actor: Actor, period: ReportPeriod, counted: Set[int]) -> Select[*tuple[Any, ...]]:
    in_force = and_(Contract.valid_from <= period.last_day, Contract.valid_to >= period.first_day)
    return (
        select(
            ContractRange.id,
            ContractRange.product_code,
            ContractRange.quantity_limit,
            ContractRange.unit_price,
            Contract.number,
        )
        .join(ContractRange.contract)
        .where(Contract.provider_id == actor.provider_id, or_(in_force, ContractRange.id.in_(counted)))
        .order_by(ContractRange.product_code, ContractRange.id)
    )


def _polish_day(instant: InstrumentedAttribute[Any]) -> ColumnElement[date]:
    return cast(func.timezone(WARSAW.key, instant), Date)


def _bounds(period: ReportPeriod) -> tuple[datetime, datetime]:
    """The instants at which the period begins and ends in Poland."""
    return local_instant(period.first_day, time()), local_instant(period.last_day + timedelta(days=1), time())


def _in(period: ReportPeriod) -> ColumnElement[bool]:
    """Slots that start in the period, by Polish days."""
    begins, ends = _bounds(period)
    return and_(Slot.starts_at >= begins, Slot.starts_at < ends)


def _planned(session: Session, actor: Actor, period: ReportPeriod) -> Counter[int]:
    """Women planned by contract range; blocked slots count too, since blocking one does not change the plan.

    Withdrawn slots do not: the women planned for a schedule are those of the places that are left.
    """
    planned: Counter[int] = Counter()
    for contract_range_id, women, before, until, places in session.execute(_places(actor, period)):
        planned[contract_range_id] += women * until // places - women * before // places
    return planned


def _places(actor: Actor, period: ReportPeriod) -> Select[*tuple[Any, ...]]:
    """Schedules with slots in the period: their women, and their places before it, until its end, and at all."""
    begins, ends = _bounds(period)
    before, until = (
        func.coalesce(func.sum(Slot.capacity).filter(Slot.starts_at < instant), 0) for instant in (begins, ends)
    )
    return (
        select(Schedule.contract_range_id, Schedule.women_planned, before, until, func.sum(Slot.capacity))
        .join(Slot, Slot.schedule_id == Schedule.id)
        .where(
            Schedule.provider_id == actor.provider_id,
            Slot.status != SlotStatus.WITHDRAWN,
            Schedule.valid_from <= period.last_day,
            Schedule.valid_to >= period.first_day,
        )
        .group_by(Schedule.id)
        .having(until > before)
    )


def _offered(actor: Actor, period: ReportPeriod) -> Select[int, int]:
    return (
        select(Schedule.contract_range_id, func.sum(Slot.capacity))
        .join(Slot.schedule)
        .where(Schedule.provider_id == actor.provider_id, _in(period), Slot.status == SlotStatus.OPEN)
        .group_by(Schedule.contract_range_id)
    )


def _visits(actor: Actor, period: ReportPeriod, today: date) -> Select[*tuple[Any, ...]]:
    in_time = passed_in_time()
    performed = Visit.status == VisitStatus.PERFORMED
    to_come = Visit.status.in_(ACTIVE)
    return (
        select(
            Visit.contract_range_id,
            func.count().label("booked"),
            func.count().filter(performed).label("performed"),
            func.count().filter(Visit.passed_at.is_not(None)).label("passed"),
            func.count().filter(is_late(today), performed | to_come).label("late"),
            func.count().filter(Visit.override_reason.is_not(None)).label("overridden"),
            func.count().filter(in_time, performed).label("paid"),
            func.count().filter(in_time, to_come).label("paid_later"),
            func.count().filter(~in_time, performed | to_come).label("unpaid"),
        )
        .join(Visit.slot)
        .where(Visit.provider_id == actor.provider_id, _in(period), Visit.status.in_(COUNTED))
        .group_by(Visit.contract_range_id)
    )


def _row(
    row: Row[*tuple[Any, ...]], entry: CatalogueEntry, planned: int, offered: int, visits: Row[*tuple[Any, ...]] | None
) -> ContractRangeRow:
    _, booked, performed, passed, late, overridden, paid, paid_later, unpaid = visits or (0,) * 9

    def worth(count: int) -> Decimal | None:
        return None if row.unit_price is None else count * row.unit_price

    return ContractRangeRow(
        product_code=row.product_code,
        name_pl=entry.name_pl,
        confirmed=entry.confirmed,
        contract_number=row.number,
        contract_range_id=row.id,
        quantity_limit=row.quantity_limit,
        planned=planned,
        offered=offered,
        booked=booked,
        performed=performed,
        passed=passed,
        not_passed=booked - passed,
        late=late,
        overridden=overridden,
        over_limit=max(booked - row.quantity_limit, 0),
        payable=worth(paid),
        expected=worth(paid_later),
        at_risk=worth(unpaid),
    )
