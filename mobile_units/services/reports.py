"""Reports for settlement: what each contract range was planned for, offered, booked, performed and passed."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session

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

COUNTED = OCCUPYING - {VisitStatus.HELD}
"""Visits that count as booked: a short reservation, a cancelled and a moved one do not."""


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """The days that a report covers, both included."""

    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class ContractRangeRow:
    """One contract range in a period; all counts are examinations.

    `planned` are the women planned in schedules that begin in the period, `offered` the places of open slots,
    `booked` the visits (performed ones included), `passed` those of the booked that the central e-registration
    accepted. In złoty, empty without a price: `payable` for visits performed and passed, `expected` for those passed
    and still to come, `at_risk` for those performed or to come that are not passed, which the NFZ does not pay for.
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
    payable: Decimal | None
    expected: Decimal | None
    at_risk: Decimal | None


def contract_ranges(session: Session, actor: Actor, period: ReportPeriod) -> Sequence[ContractRangeRow]:
    """One row for each contract range that is in force on some day of the period or counts something, by product code.

    A base range, which pays for nothing by itself, has no row.

    Raises:
        DomainError: `ends_before_start`.
    """
    if period.last_day < period.first_day:
        raise DomainError("ends_before_start")
    planned = _by_range(session, _planned(actor, period))
    offered = _by_range(session, _offered(actor, period))
    visits = {row.contract_range_id: row for row in session.execute(_visits(actor, period))}
    ranges = session.execute(_ranges(actor, period, {*planned, *offered, *visits}))
    entries = product_codes.catalogue(session, actor.provider_id)
    named = [(row, _entry(entries, row.product_code, period)) for row in ranges]
    return [
        _row(row, entry, planned.get(row.id, 0), offered.get(row.id, 0), visits.get(row.id))
        for row, entry in named
        if entry.path is not None
    ]


def _entry(entries: Iterable[CatalogueEntry], code: str, period: ReportPeriod) -> CatalogueEntry:
    """The newest entry of a code that is valid on some day of the period; if none is, rather the last than the next."""

    def preference(entry: CatalogueEntry) -> tuple[bool, bool, date]:
        ended = entry.valid_to is not None and entry.valid_to < period.first_day
        return entry.valid_from <= period.last_day, not ended, entry.valid_from

    return max((entry for entry in entries if entry.code == code), key=preference)


def _by_range(session: Session, query: Select[int, int]) -> dict[int, int]:
    return dict(session.execute(query).all())


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


def _in(period: ReportPeriod) -> ColumnElement[bool]:
    """Slots that start in the period, by Polish days."""
    begins, ends = local_instant(period.first_day, time()), local_instant(period.last_day + timedelta(days=1), time())
    return and_(Slot.starts_at >= begins, Slot.starts_at < ends)


def _planned(actor: Actor, period: ReportPeriod) -> Select[int, int]:
    return (
        select(Schedule.contract_range_id, func.sum(Schedule.women_planned))
        .where(
            Schedule.provider_id == actor.provider_id, Schedule.valid_from.between(period.first_day, period.last_day)
        )
        .group_by(Schedule.contract_range_id)
    )


def _offered(actor: Actor, period: ReportPeriod) -> Select[int, int]:
    return (
        select(Schedule.contract_range_id, func.sum(Slot.capacity))
        .join(Slot.schedule)
        .where(Schedule.provider_id == actor.provider_id, _in(period), Slot.status == SlotStatus.OPEN)
        .group_by(Schedule.contract_range_id)
    )


def _visits(actor: Actor, period: ReportPeriod) -> Select[*tuple[Any, ...]]:
    passed = Visit.passed_at.is_not(None)
    performed = Visit.status == VisitStatus.PERFORMED
    to_come = Visit.status.in_(ACTIVE)
    return (
        select(
            Visit.contract_range_id,
            func.count().label("booked"),
            func.count().filter(performed).label("performed"),
            func.count().filter(passed).label("passed"),
            func.count().filter(passed, performed).label("paid"),
            func.count().filter(passed, to_come).label("paid_later"),
            func.count().filter(~passed, performed | to_come).label("unpaid"),
        )
        .join(Visit.slot)
        .where(Visit.provider_id == actor.provider_id, _in(period), Visit.status.in_(COUNTED))
        .group_by(Visit.contract_range_id)
    )


def _row(
    row: Row[*tuple[Any, ...]], entry: CatalogueEntry, planned: int, offered: int, visits: Row[*tuple[Any, ...]] | None
) -> ContractRangeRow:
    _, booked, performed, passed, paid, paid_later, unpaid = visits or (0,) * 7

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
        payable=worth(paid),
        expected=worth(paid_later),
        at_risk=worth(unpaid),
    )
