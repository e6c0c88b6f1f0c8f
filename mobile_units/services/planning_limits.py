"""How many women the contracts still pay for: the limits that a plan has to keep."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from mobile_units.models.contracts import Contract, ContractRange
from mobile_units.models.itineraries import StopDay
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot
from mobile_units.models.units import MobileUnit
from mobile_units.models.visits import Visit
from mobile_units.planning.problem import Limit, Period
from mobile_units.rules.product_codes import paths_offered
from mobile_units.rules.programmes import Programme
from mobile_units.rules.visits import ACTIVE, VisitStatus
from mobile_units.services import contracts, product_codes
from mobile_units.services.actors import Actor

USING = ACTIVE | {VisitStatus.PERFORMED}
"""Visits that use up what is contracted."""


@dataclass(frozen=True, slots=True)
class _Range:
    """A contract range, and what is left of its quantity beside the plan."""

    code: str
    contract_id: int
    period: Period
    left: int


@dataclass(frozen=True, slots=True)
class _Settled:
    """The ranges of one contract under which a unit's women in a programme are settled."""

    contract_id: int
    programme: Programme
    unit_id: int
    ranges: frozenset[int]


def limits(
    session: Session, actor: Actor, period: Period, units: Sequence[MobileUnit], fixed: Set[int]
) -> tuple[Limit, ...]:
    """What the contracts valid in the period leave to the stops of the units; `fixed` are stops that the plan counts.

    Where a place has several ranges in a programme (cytology and HPV tests), its women are divided among them, so that
    together they may be as many as the ranges pay for. Units whose ranges are the same or among those of others share.
    """
    ranges = _ranges(session, actor, period, fixed)
    if not ranges:
        return ()
    by_group: defaultdict[tuple[int, Programme], list[_Settled]] = defaultdict(list)
    for settled in _settled(session, actor, period, units, ranges):
        by_group[settled.contract_id, settled.programme].append(settled)
    return tuple(limit for key in sorted(by_group) for limit in _of_contract(by_group[key], ranges))


def _of_contract(group: Sequence[_Settled], ranges: Mapping[int, _Range]) -> Iterable[Limit]:
    distinct = {settled.ranges for settled in group}
    for chosen in sorted(distinct | {frozenset().union(*distinct)}, key=sorted):
        within = frozenset(settled.unit_id for settled in group if settled.ranges <= chosen)
        known = [ranges[key] for key in chosen]
        yield Limit(
            codes=", ".join(sorted({each.code for each in known})),
            programme=group[0].programme,
            unit_ids=within,
            period=known[0].period,
            women=max(0, sum(each.left for each in known)),
        )


def _settled(
    session: Session, actor: Actor, period: Period, units: Iterable[MobileUnit], ranges: Mapping[int, _Range]
) -> Iterable[_Settled]:
    catalogue = product_codes.catalogue(session, actor.provider_id)
    contracted = [each for each in contracts.contracted_ranges(session, actor.provider_id) if each.id in ranges]
    days = _changes({each.period for each in ranges.values()}, period)
    offers: dict[tuple[int, Programme], frozenset[int]] = {}

    def offered(place: ServicePlace, programme: Programme) -> frozenset[int]:
        if (place.id, programme) not in offers:
            offers[place.id, programme] = frozenset(
                each.id
                for day in days
                for _, each in paths_offered(
                    programme, place.setting, place.mobility, day, place.id, catalogue, contracted
                )
            )
        return offers[place.id, programme]

    for unit in units:
        for each in unit.programmes:
            by_contract: defaultdict[int, set[int]] = defaultdict(set)
            for key in offered(each.service_place, each.programme):
                by_contract[ranges[key].contract_id].add(key)
            for contract_id, keys in by_contract.items():
                yield _Settled(contract_id, each.programme, unit.id, frozenset(keys))


def _changes(validities: Iterable[Period], period: Period) -> list[date]:
    """The first day of the period, and the days on which a contract begins or has ended."""
    edges = {edge for each in validities for edge in (each.first_day, each.last_day + timedelta(days=1))}
    return sorted({period.first_day} | {day for day in edges if day in period})


def _ranges(session: Session, actor: Actor, period: Period, fixed: Set[int]) -> dict[int, _Range]:
    query = (
        select(ContractRange, Contract)
        .join(ContractRange.contract)
        .where(
            Contract.provider_id == actor.provider_id,
            Contract.valid_from <= period.last_day,
            Contract.valid_to >= period.first_day,
        )
        .order_by(ContractRange.id)
    )
    rows = session.execute(query).all()
    used = _used(session, period, [row.id for row, _ in rows], fixed)
    return {
        row.id: _Range(
            row.product_code,
            contract.id,
            Period(contract.valid_from, contract.valid_to),
            row.quantity_limit - used.get(row.id, 0),
        )
        for row, contract in rows
    }


def _used(session: Session, period: Period, ranges: Collection[int], fixed: Set[int]) -> dict[int, int]:
    """Women beside the fixed stops by range: of a schedule that is over, those examined, else those planned or booked.

    A stop that was withdrawn offers nothing any more.
    """
    visits = (
        select(Slot.schedule_id, func.count().label("women"))
        .join(Visit, and_(Visit.slot_id == Slot.id, Visit.status.in_(USING)))
        .where(Visit.contract_range_id.in_(ranges))
        .group_by(Slot.schedule_id)
        .subquery()
    )
    worked = select(StopDay.stop_id).where(StopDay.stop_id == MobilePoint.stop_id).exists()
    query = (
        select(
            Schedule.contract_range_id,
            Schedule.valid_to,
            Schedule.women_planned,
            func.coalesce(visits.c.women, 0),
            MobilePoint.stop_id,
            worked,
        )
        .outerjoin(Schedule.mobile_point)
        .outerjoin(visits, visits.c.schedule_id == Schedule.id)
        .where(Schedule.contract_range_id.in_(ranges))
    )
    used: defaultdict[int, int] = defaultdict(int)
    for range_id, valid_to, planned, women, stop_id, stands in session.execute(query):
        if stop_id not in fixed:
            offers = valid_to >= period.first_day and (stop_id is None or stands)
            used[range_id] += max(women, planned) if offers else women
    return used
