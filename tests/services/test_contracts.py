"""Contracts and their ranges."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.slots import SlotStatus
from mobile_units.rules.product_codes import ContractedRange
from mobile_units.rules.programmes import Mobility, Path
from mobile_units.services import contracts, product_codes, reference, service_places
from mobile_units.services.actors import Actor
from mobile_units.services.contracts import NewContract, NewContractRange
from tests import factories, factories_booking
from tests.factories_booking import DAY
from tests.factories_catalogue import refused

MOBILE_BREAST = "10.7940.159.02"
ASSOCIATED, BASE = "02.1450.101.02", "02.1450.001.02"
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


@pytest.fixture(autouse=True)
def _reference_data(session: Session) -> None:
    reference.load_reference_data(session)


def contract_of(codes: Iterable[str], first: date = FIRST, last: date = LAST) -> NewContract:
    """A contract with a hundred examinations of each code."""
    ranges = [NewContractRange(product_code=code, quantity_limit=100) for code in codes]
    return NewContract(number="051/1/2026", nfz_branch="05", valid_from=first, valid_to=last, ranges=ranges)


def place(session: Session, actor: Actor) -> int:
    """A mobile service place of the actor."""
    command = service_places.NewServicePlace(
        name="Mammobus", cell_code="010", specialty_code="7940", mobility=Mobility.MOBILE, address="Łódź"
    )
    return service_places.create(session, actor, command).id


def test_ranges_are_read_by_the_rules_with_the_validity_of_their_contract(session: Session, actor: Actor) -> None:
    """Other providers' ranges are not among them."""
    contracts.create(session, Actor(factories.provider(session).id), contract_of([MOBILE_BREAST]))
    made = contracts.create(session, actor, contract_of([MOBILE_BREAST]))
    assert contracts.contracted_ranges(session, actor.provider_id) == [
        ContractedRange(made.ranges[0].id, MOBILE_BREAST, FIRST, LAST, None)
    ]


def test_an_associated_range_needs_its_base_range(session: Session, actor: Actor) -> None:
    """In the same contract, at creation and at every change."""
    with refused("base_range_missing"):
        contracts.create(session, actor, contract_of([ASSOCIATED]))
    made = contracts.create(session, actor, contract_of([ASSOCIATED, BASE]))
    with refused("base_range_missing"):
        contracts.change(session, actor, made.id, 1, {"ranges": contract_of([ASSOCIATED]).ranges})


def test_a_code_has_to_be_in_the_catalogue_in_the_contracts_time(session: Session, actor: Actor) -> None:
    """An unknown code, a code of another provider and a code of another time are all unknown."""
    own = product_codes.NewProductCode(
        code="10.7940.999.02", name_pl="x", path=Path.MAMMOGRAPHY, valid_from=date(2027, 1, 1), source="umowa"
    )
    product_codes.create(session, actor, own)
    foreign = Actor(factories.provider(session).id)
    for who, first, last in ((actor, FIRST, LAST), (foreign, FIRST, date(2027, 12, 31))):
        with refused("unknown_product_code"):
            contracts.create(session, who, contract_of([own.code], first, last))
    made = contracts.create(session, actor, contract_of([own.code], FIRST, date(2027, 1, 1)))
    with refused("unknown_product_code"):
        contracts.change(session, actor, made.id, 1, {"valid_to": LAST})


def test_the_days_of_a_contract_are_in_order(session: Session, actor: Actor) -> None:
    """A contract of one day is possible."""
    with refused("validity_reversed"):
        contracts.create(session, actor, contract_of([], LAST, FIRST))
    assert contracts.create(session, actor, contract_of([], FIRST, FIRST)).ranges == []


def test_a_range_belongs_to_an_own_service_place(session: Session, actor: Actor) -> None:
    """A place of another provider does not exist; a code may be contracted for all places and for one."""
    foreign = place(session, Actor(factories.provider(session).id))
    ranges = [NewContractRange(product_code=MOBILE_BREAST, quantity_limit=1, service_place_id=foreign)]
    made = contracts.create(session, actor, contract_of([MOBILE_BREAST]))
    with refused("not_found"):
        contracts.change(session, actor, made.id, 1, {"ranges": ranges})
    own = NewContractRange(product_code=MOBILE_BREAST, quantity_limit=1, service_place_id=place(session, actor))
    contracts.change(session, actor, made.id, 1, {"ranges": [*contract_of([MOBILE_BREAST]).ranges, own]})
    assert [row.service_place_id for row in made.ranges] == [None, own.service_place_id]


def test_ranges_are_replaced_by_difference(session: Session, actor: Actor) -> None:
    """A range that stays keeps its row, because schedules and visits point to it."""
    made = contracts.create(session, actor, contract_of([MOBILE_BREAST, BASE]))
    key = {row.product_code: row.id for row in made.ranges}[MOBILE_BREAST]
    dearer = NewContractRange(product_code=MOBILE_BREAST, quantity_limit=200, unit_price=Decimal("171.50"))
    contracts.change(session, actor, made.id, 1, {"ranges": [dearer]})
    session.expire_all()
    assert [(row.id, row.quantity_limit, row.unit_price) for row in contracts.get(session, actor, made.id).ranges] == [
        (key, 200, Decimal("171.50"))
    ]


def test_a_range_in_use_is_not_removed(session: Session, actor: Actor) -> None:
    """Its schedules would lose what they are settled by."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    contract = contracts.get(session, actor, schedule.contract_range.contract_id)
    with refused("still_in_use"):
        contracts.change(session, actor, contract.id, contract.version, {"ranges": []})
    used = NewContractRange(product_code=schedule.contract_range.product_code, quantity_limit=1)
    contracts.change(session, actor, contract.id, contract.version, {"ranges": [used]})
    assert [row.id for row in contract.ranges] == [schedule.contract_range_id]


@pytest.mark.parametrize("shorter", [{"valid_to": DAY - timedelta(days=1)}, {"valid_from": DAY + timedelta(days=1)}])
def test_a_contract_is_not_shortened_below_its_schedules(
    session: Session, actor: Actor, shorter: dict[str, date]
) -> None:
    """They are listed; once their slots are withdrawn nobody asks for them any more."""
    slot = factories_booking.slot(session, actor.provider_id)
    contract = contracts.get(session, actor, slot.schedule.contract_range.contract_id)
    with pytest.raises(DomainError) as refusal, session.begin_nested():
        contracts.change(session, actor, contract.id, 1, shorter)
    assert refusal.value.code == "contract_has_schedules"
    day = DAY.isoformat()
    assert refusal.value.lists == {"schedules": [{"id": slot.schedule_id, "valid_from": day, "valid_to": day}]}
    contracts.change(session, actor, contract.id, 1, {"valid_from": DAY, "valid_to": DAY})
    slot.status = SlotStatus.WITHDRAWN
    contracts.change(session, actor, contract.id, 2, {"valid_to": date(2035, 12, 31), "valid_from": FIRST} | shorter)
