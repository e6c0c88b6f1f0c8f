"""The API for reconciliations: who reads, who decides, and that the women stay unnamed."""

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.models.reconciliation import Difference
from mobile_units.rules.calendar import local_day
from mobile_units.rules.roles import Role
from mobile_units.rules.visits import ChangedBy
from mobile_units.services import reconciliation
from mobile_units.services.reconciliation import Period
from tests import factories_booking
from tests.factories import ApiClient, api_client
from tests.factories_inbound import booked


@pytest.fixture
def difference(api: ApiClient) -> Difference:
    """A visit unknown here that the centre says is ours."""
    with db.transaction(api.engine) as session:
        slot = factories_booking.slot(session, api.actor.provider_id, day=factories_booking.next_day())
        strange = replace(booked(session, api.actor, slot), by=ChangedBy.PROVIDER)
        return _compared(session, api, strange, local_day(slot.starts_at))


def _compared(session: Session, api: ApiClient, change: object, day: object) -> Difference:
    row = reconciliation.begin(session, api.actor, Period(day, day), clock.now())  # type: ignore[arg-type]  # as given
    comparison = reconciliation.comparison_of(api.actor, row)
    (found,) = comparison.compare(session, [change])  # type: ignore[list-item]  # as given
    comparison.settle(session, found)
    while comparison.missing(session) is not None:
        pass
    comparison.finish(session)
    return session.get_one(Difference, found)


def test_a_reconciliation_is_read_with_its_differences(api: ApiClient, difference: Difference) -> None:
    """By settlement too, without the women."""
    settlement = api.with_roles(Role.SETTLEMENT)
    (listed,) = settlement.get("/reconciliations?state=done").json["items"]
    assert (listed["visits_here"], listed["visits_there"], listed["failure"]) == (0, 1, None)
    shown = settlement.get(f"/reconciliations/{listed['id']}").json
    assert shown["differences"] == {"unknown_here": {"open": 1}}
    (waiting,) = settlement.get(f"/reconciliation-differences?reconciliation_id={listed['id']}").json["items"]
    assert (waiting["kind"], waiting["state"], waiting["fields"]) == ("unknown_here", "open", "")
    assert (waiting["changed_by"], waiting["there"]["status"]) == ("provider", "booked")
    assert "Zmyślona" not in str(waiting)
    assert settlement.get(f"/reconciliation-differences/{difference.id}/with-woman").status_code == 403
    assert (
        settlement.post(f"/reconciliation-differences/{difference.id}/decision", {"decision": "dismiss"}).status_code
        == 403
    )
    assert api.with_roles(Role.ADMINISTRATOR).get("/reconciliations").status_code == 403


def test_only_a_midwife_sees_the_woman(api: ApiClient, difference: Difference) -> None:
    """With all that the centre holds."""
    shown = api.with_roles(Role.MIDWIFE).get(f"/reconciliation-differences/{difference.id}/with-woman").json
    assert shown["patient"]["family_name"] == "Zmyślona"
    coordinator = api.with_roles(Role.COORDINATOR)
    assert coordinator.get(f"/reconciliation-differences/{difference.id}/with-woman").status_code == 403


def test_a_difference_is_decided_once(api: ApiClient, difference: Difference) -> None:
    """Ours cannot be sent where there is none; theirs is taken over."""
    address = f"/reconciliation-differences/{difference.id}/decision"
    refused = api.post(address, {"decision": "resend"})
    assert (refused.status_code, refused.json["code"]) == (409, "decision_not_possible")
    taken = api.post(address, {"decision": "take_over", "note": "odtworzona kopia"}).json
    assert (taken["state"], taken["decided_by"]) == ("taken_over", api.actor.user_id)
    assert api.get("/inbound-changes?state=applied").json["total"] == 1
    again = api.post(address, {"decision": "dismiss"})
    assert (again.status_code, again.json["code"]) == (409, "difference_settled")
    assert api.post(address, {"decision": "forget"}).status_code == 422


def test_another_providers_difference_does_not_exist(api: ApiClient, difference: Difference) -> None:
    """Nor its reconciliation."""
    stranger = api_client(api.app, api.engine)
    assert stranger.get(f"/reconciliations/{difference.reconciliation_id}").status_code == 404
    assert stranger.get(f"/reconciliation-differences/{difference.id}/with-woman").status_code == 404
    address = f"/reconciliation-differences/{difference.id}/decision"
    assert stranger.post(address, {"decision": "dismiss"}).status_code == 404
