"""The API for messages to women."""

from mobile_units import db
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.roles import Role
from mobile_units.services.messages_to_women import notify
from tests import factories_messages as make
from tests.factories import ApiClient, api_client


def test_a_coordinator_sees_how_far_messages_are_but_not_to_whom_they_go(api: ApiClient) -> None:
    """By state, and in numbers."""
    with db.transaction(api.engine) as session:
        for email in (make.EMAIL, None):
            notify(session, api.actor, make.visit(session, api.actor.provider_id, email=email), NoticeKind.BOOKED)
    coordinator = api.with_roles(Role.COORDINATOR)
    (item,) = coordinator.get("/messages-to-women?state=to_call").json["items"]
    assert (item["channel"], item["reason"], item["attempts"]) == ("call_list", "no_way", 0)
    everything = coordinator.get("/messages-to-women")
    assert everything.json["total"] == 2
    assert not {"woman_id", "to", "was"} & set(everything.json["items"][0])
    assert make.EMAIL not in str(everything.json)
    counted = coordinator.get("/messages-to-women/summary").json
    assert (counted["states"]["waiting"], counted["states"]["sent"], counted["to_call"]) == (1, 0, 1)
    assert coordinator.get("/messages-to-women?state=lost").status_code == 422
    assert api.with_roles(Role.SETTLEMENT).get("/messages-to-women").status_code == 403
    assert api_client(api.app, api.engine).get("/messages-to-women").json["total"] == 0
    with db.transaction(api.engine) as session:
        for row in make.messages(session, api.actor.provider_id):
            session.delete(row)
