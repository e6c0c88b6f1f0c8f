"""Reports for settlement: what each contract range was planned for, offered, booked, performed and passed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select
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
    accepted. In złoty, empty without a price: `payable` for visits performed and passed, `expected` for those passed and
    still to come, `at_risk` for those performed or to come that are not passed, which the NFZ does not pay for.
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
    """One row for each contract range that is in force on some day of the period, by product code.

    A base range, which pays for nothing by itself, has no row.

    Raises:
        DomainError: `ends_before_start`.
    """
    if period.last_day < period.first_day:
        raise DomainError("ends_before_start")
    starts = Slot.starts_at.between(*_instants(period))
    planned = _by_range(session, _planned(period))
    offered = _by_range(session, _offered(starts))
    visits = {row.contract_range_id: row for row in session.execute(_visits(starts))}
    entries = {entry.code: entry for entry in product_codes.catalogue(session, actor.provider_id)}
    return [
        _row(row, entries[row.product_code], planned.get(row.id, 0), offered.get(row.id, 0), visits.get(row.id))
        for row in session.execute(_ranges(actor, period))
        if entries[row.product_code].path is not None
    ]


def _instants(period: ReportPeriod) -> tuple[datetime, datetime]:
    """The first instant of the period and the last before it ends."""
    ends = local_instant(period.last_day + timedelta(days=1), time())
    return local_instant(period.first_day, time()), ends - timedelta(microseconds=1)


def _by_range(session: Session, query: Select[int, int]) -> dict[int, int]:
    return dict(session.execute(query).tuples().all())


def _ranges(actor: Actor, period: ReportPeriod) -> Select[*tuple[Any, ...]]:
    return (
        select(
            ContractRange.id,
            ContractRange.product_code,
            ContractRange.quantity_limit,
            ContractRange.unit_price,
            Contract.number,
        )
        .join(ContractRange.contract)
        .where(
            Contract.provider_id == actor.provider_id,
            Contract.valid_from <= period.last_day,
            Contract.valid_to >= period.first_day,
        )
        .order_by(ContractRange.product_code, ContractRange.id)
    )


def _planned(period: ReportPeriod) -> Select[int, int]:
    return (
        select(Schedule.contract_range_id, func.sum(Schedule.women_planned))
        .where(Schedule.valid_from.between(period.first_day, period.last_day))
        .group_by(Schedule.contract_range_id)
    )


def _offered(starts: ColumnElement[bool]) -> Select[int, int]:
    return (
        select(Schedule.contract_range_id, func.sum(Slot.capacity))
        .join(Slot.schedule)
        .where(starts, Slot.status == SlotStatus.OPEN)
        .group_by(Schedule.contract_range_id)
    )


def _visits(starts: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
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
        .where(starts, Visit.status.in_(COUNTED))
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
