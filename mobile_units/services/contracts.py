"""Contracts with the NFZ and their ranges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.contracts import Contract, ContractRange
from mobile_units.models.product_codes import ProductCode
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import require_validity
from mobile_units.rules.product_codes import CatalogueEntry, ContractedRange, missing_base_ranges, unknown_codes
from mobile_units.rules.programmes import Path
from mobile_units.services.actors import Actor, audit
from mobile_units.services.product_codes import ENTRY_COLUMNS, catalogue, visible_to
from mobile_units.services.queries import (
    Page,
    Paging,
    apply_change,
    get_owned,
    in_force_on,
    page_of,
    replace_parts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContractRange:
    """A range: how many examinations in the contract's time, at what price in złoty, for one place or for all."""

    product_code: str
    quantity_limit: int
    unit_price: Decimal | None = None
    service_place_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContract:
    """A contract to be kept; both days are included, the number is unique at its branch."""

    number: str
    nfz_branch: str
    valid_from: date
    valid_to: date
    ranges: Sequence[NewContractRange] = ()


@dataclass(frozen=True, slots=True)
class ContractFilter:
    """Which contracts are wanted: valid on a day, with a branch, having a range of the product code."""

    paging: Paging = Paging()
    valid_on: date | None = None
    nfz_branch: str | None = None
    product_code: str | None = None


def create(session: Session, actor: Actor, command: NewContract) -> Contract:
    """Keeps a new contract.

    Raises:
        DomainError: `validity_reversed`, `unknown_product_code`, `base_range_missing`, `given_twice`; `not_found`, the
            service place of a range; `already_exists` (at flush), the number is taken.
    """
    contract = Contract(
        provider_id=actor.provider_id,
        number=command.number,
        nfz_branch=command.nfz_branch,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
        ranges=[],
    )
    _check(session, actor, contract.valid_from, contract.valid_to, command.ranges)
    replace_parts(contract.ranges, command.ranges, _key, ContractRange)
    session.add(contract)
    session.flush()
    audit(session, actor, "create", "contract", contract.id)
    return contract


def find(session: Session, actor: Actor, criteria: ContractFilter) -> Page[Contract]:
    """Contracts of the provider, the latest first."""
    query = select(Contract).where(Contract.provider_id == actor.provider_id).options(selectinload(Contract.ranges))
    if criteria.valid_on:
        query = query.where(in_force_on(Contract, criteria.valid_on))
    if criteria.nfz_branch:
        query = query.where(Contract.nfz_branch == criteria.nfz_branch)
    if criteria.product_code:
        query = query.where(Contract.ranges.any(ContractRange.product_code == criteria.product_code))
    return page_of(session, query.order_by(Contract.valid_from.desc(), Contract.id), criteria.paging)


def get(session: Session, actor: Actor, contract_id: int) -> Contract:
    """One contract with its ranges."""
    return get_owned(session, actor, Contract, contract_id, selectinload(Contract.ranges))


def change(session: Session, actor: Actor, contract_id: int, version: int, values: Mapping[str, Any]) -> Contract:
    """Changes the given fields; `ranges`, if given, are all that the contract has from now on.

    Raises:
        DomainError: as `create`; `still_in_use`, a range to be removed has schedules or visits;
            `contract_has_schedules`, some with slots would lie outside the days, with the list of them.
    """
    contract = get(session, actor, contract_id)
    values = dict(values)
    ranges = values.pop("ranges", None)
    first, last = values.get("valid_from", contract.valid_from), values.get("valid_to", contract.valid_to)
    _check(session, actor, first, last, contract.ranges if ranges is None else ranges)
    apply_change(contract, version, values)
    _require_covering(session, contract)
    if ranges is not None:
        _require_unused(session, contract, frozenset(map(_key, ranges)))
        replace_parts(contract.ranges, ranges, _key, ContractRange)
    audit(session, actor, "change", "contract", contract.id)
    session.flush()
    return contract


def contracted_ranges(session: Session, provider_id: int) -> list[ContractedRange]:
    """All ranges of a provider's contracts with the contract's validity, as the rules read them."""
    query = (
        select(ContractRange, Contract.valid_from, Contract.valid_to)
        .join(ContractRange.contract)
        .where(Contract.provider_id == provider_id)
        .order_by(ContractRange.id)
    )
    return [_contracted(*row) for row in session.execute(query)]


def quantity_limits(session: Session, provider_id: int) -> dict[int, int]:
    """How many examinations each range of the provider's contracts allows, by the range's key."""
    query = select(ContractRange.id, ContractRange.quantity_limit).join(ContractRange.contract)
    return dict(session.execute(query.where(Contract.provider_id == provider_id)).all())


_RANGES_ON_PATH = (
    select(ContractRange, Contract.valid_from, Contract.valid_to, *ENTRY_COLUMNS)
    .join(ContractRange.contract)
    .join(ProductCode, ProductCode.code == ContractRange.product_code)
    .where(
        Contract.provider_id == bindparam("provider_id"),
        ProductCode.path == bindparam("path"),
        visible_to(bindparam("provider_id")),
    )
)


Ranges: TypeAlias = tuple[list[ContractRange], list[CatalogueEntry], list[ContractedRange]]
"""Rows of contracted ranges, and what the rule that chooses among them reads."""


def ranges_on_path(session: Session, provider_id: int, path: Path) -> Ranges:
    """The contracted ranges of one path in one statement: the rows, and what the rule that chooses among them reads."""
    found = session.execute(_RANGES_ON_PATH, {"provider_id": provider_id, "path": path}).all()
    rows = [row for row, *_ in found]
    entries = [CatalogueEntry(*entry) for _, _, _, *entry in found]
    return rows, entries, [_contracted(row, first, last) for row, first, last, *_ in found]


def _contracted(row: ContractRange, first: date, last: date) -> ContractedRange:
    return ContractedRange(row.id, row.product_code, first, last, row.service_place_id)


def _key(each: NewContractRange | ContractRange) -> tuple[str, int]:
    return each.product_code, each.service_place_id or 0


def _check(
    session: Session, actor: Actor, first: date, last: date, ranges: Sequence[NewContractRange | ContractRange]
) -> None:
    require_validity(first, last)
    codes = sorted({each.product_code for each in ranges})
    entries = catalogue(session, actor.provider_id)
    for code in unknown_codes(codes, entries, first, last):
        raise DomainError("unknown_product_code", product_code=code, first=str(first), last=str(last))
    for code, base in missing_base_ranges(codes, entries).items():
        raise DomainError("base_range_missing", product_code=code, base_code=base)
    for place_id in {each.service_place_id for each in ranges if each.service_place_id is not None}:
        get_owned(session, actor, ServicePlace, place_id)


def _require_covering(session: Session, contract: Contract) -> None:
    """A schedule without slots was withdrawn and holds nothing."""
    offers = select(Slot.id).where(Slot.schedule_id == Schedule.id, Slot.status != SlotStatus.WITHDRAWN).exists()
    outside = or_(Schedule.valid_from < contract.valid_from, Schedule.valid_to > contract.valid_to)
    ranges = select(ContractRange.id).where(ContractRange.contract_id == contract.id)
    query = select(Schedule).where(Schedule.contract_range_id.in_(ranges), outside, offers)
    found = session.scalars(query.order_by(Schedule.valid_from, Schedule.id)).all()
    if found:
        listed = [
            {"id": each.id, "valid_from": each.valid_from.isoformat(), "valid_to": each.valid_to.isoformat()}
            for each in found
        ]
        raise DomainError("contract_has_schedules", count=len(found), schedules=listed)


def _require_unused(session: Session, contract: Contract, staying: frozenset[Any]) -> None:
    for row in contract.ranges:
        if _key(row) not in staying and _in_use(session, row):
            raise DomainError("still_in_use", what=row.product_code)


def _in_use(session: Session, row: ContractRange) -> bool:
    scheduled = select(Schedule.id).where(Schedule.contract_range_id == row.id).exists()
    visited = select(Visit.id).where(Visit.contract_range_id == row.id).exists()
    return session.scalar(select(or_(scheduled, visited))) or False
