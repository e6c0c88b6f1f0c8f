"""The API for reports."""

from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import update

from mobile_units import clock, db
from mobile_units.models.visits import Visit
from mobile_units.rules.roles import Role
from mobile_units.rules.visits import VisitStatus
from tests import factories_booking
from tests.factories import ApiClient, api_client
from tests.factories_booking import DAY, NOW
from tests.factories_planning import MAMMOGRAPHY, contract
from tests.factories_transmission import visit

PATH = f"/reports/contract-ranges?first_day={DAY}&last_day={DAY}"


@pytest.fixture
def performed(api: ApiClient) -> str:
    """Two visits that were performed and passed, at 171.50 złoty; the number of their contract."""
    with db.transaction(api.engine) as session:
        provider_id = api.actor.provider_id
        agreement = contract(session, provider_id, {MAMMOGRAPHY: 1000}, price=Decimal("171.50"))
        slot = factories_booking.slot(session, provider_id, capacity=3)
        for _ in range(2):
            visit(session, provider_id, slot, VisitStatus.PERFORMED).passed_at = NOW
        return agreement.number


def test_the_report_has_a_row_for_each_range(api: ApiClient, performed: str) -> None:
    """Money is złoty with two decimals, sent as text so that no cent is lost."""
    [row] = api.get(PATH).json
    assert row.pop("contract_range_id") > 0
    assert row == {
        "product_code": MAMMOGRAPHY,
        "name_pl": "program profilaktyki raka piersi, etap podstawowy, pracownia mobilna",
        "confirmed": False,
        "contract_number": performed,
        "quantity_limit": 1000,
        "planned": 40,
        "offered": 3,
        "booked": 2,
        "performed": 2,
        "passed": 2,
        "not_passed": 0,
        "late": 0,
        "overridden": 0,
        "over_limit": 0,
        "payable": "343.00",
        "expected": "0.00",
        "at_risk": "0.00",
    }


def test_the_present_day_decides_what_is_late(api: ApiClient, performed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Performed visits that are not passed are at risk on their day, and late from the next day on."""
    with db.transaction(api.engine) as session:
        session.execute(update(Visit).values(passed_at=None).where(Visit.provider_id == api.actor.provider_id))
    for days, late in ((0, 0), (1, 2)):
        monkeypatch.setattr(clock, "today", partial(date.fromordinal, DAY.toordinal() + days))
        [row] = api.get(PATH).json
        assert (row["contract_number"], row["late"], row["at_risk"]) == (performed, late, "343.00")


def test_settlement_officer_and_coordinator_read_it(api: ApiClient, performed: str) -> None:
    """Nobody else; another provider's report is empty."""
    for role in Role:
        status = 200 if role in {Role.SETTLEMENT, Role.COORDINATOR} else 403
        assert api.with_roles(role).get(PATH).status_code == status
    assert api_client(api.app, api.engine).get(PATH).json == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("first_day=2027-03-10", "invalid_input"),
        ("last_day=2027-03-10", "invalid_input"),
        ("first_day=2027-03-10&last_day=2027-02-30", "invalid_input"),
        ("first_day=2027-03-10&last_day=9999-12-31", "invalid_input"),
        ("first_day=0001-01-01&last_day=2027-03-10", "invalid_input"),
        ("first_day=2027-03-10&last_day=2027-03-11&branch=05", "invalid_input"),
        ("first_day=2027-03-10&last_day=2027-03-09", "ends_before_start"),
    ],
)
def test_a_wrong_period_is_refused(api: ApiClient, query: str, code: str) -> None:
    """Missing, impossible, reversed and unknown."""
    refusal = api.get(f"/reports/contract-ranges?{query}")
    assert (refusal.status_code, refusal.json["code"]) == (422, code)


def test_overridden_visits_are_listed_without_the_women_and_the_reasons(api: ApiClient, performed: str) -> None:
    """Settlement sees which visits they are, and nothing about anybody's health."""
    with db.transaction(api.engine) as session:
        mine = Visit.provider_id == api.actor.provider_id
        session.execute(update(Visit).where(mine).values(override_reason="zalecenie lekarza"))
    answer = api.with_roles(Role.SETTLEMENT).get(PATH.replace("contract-ranges", "overrides"))
    assert (answer.status_code, answer.json["total"]) == (200, 2)
    assert {each["contract_number"] for each in answer.json["items"]} == {performed}
    assert not any(word in str(answer.json) for word in ("zalecenie", "woman", "reason", "rule"))
    assert api.with_roles(Role.MIDWIFE).get(PATH.replace("contract-ranges", "overrides")).status_code == 403
