"""A mammobus, a site, a laboratory and a draft, made through the API."""

from typing import Any

from sqlalchemy import Engine

from tests.factories import ApiClient
from tests.factories_catalogue import BUS, CONTRACT, LAB, UNIT, kept, load_reference, range_of

SPRING = {"name": "Wiosna", "first_day": "2027-03-01", "last_day": "2027-05-31"}
WEDNESDAY, THURSDAY = "2027-03-10", "2027-03-11"
SITE = {
    "code": "WIE-1",
    "name": "Wieluń, Plac Legionów",
    "locality": "Wieluń",
    "latitude": 51.22097,
    "longitude": 18.56964,
    "demands": [{"programme": "breast", "women_due": 60, "source": "próba", "as_of": "2027-01-01"}],
}
OSJAKOW = SITE | {"code": "OSJ-1", "name": "Osjaków", "latitude": 51.29156, "longitude": 18.79215}
MOBILE_BREAST, STATIONARY_BREAST = "10.7940.159.02", "10.7940.158.02"


def make_world(api: ApiClient, engine: Engine) -> dict[str, int]:
    """The keys of a mammobus, 8:00 to 16:00 with an hour's set-up, a site, and a laboratory open on Mondays."""
    load_reference(engine)
    bus, lab = kept(api, "/service-places", BUS), kept(api, "/service-places", LAB)
    does = {"programme": "breast", "service_place_id": bus["id"], "women_per_day": 40, "minutes_per_woman": 10}
    unit = kept(api, "/units", UNIT | {"programmes": [does]})
    ranges = [range_of(MOBILE_BREAST), range_of(STATIONARY_BREAST)]
    kept(api, "/contracts", CONTRACT | {"valid_to": "2027-12-31", "ranges": ranges})
    return {"unit": unit["id"], "site": kept(api, "/sites", SITE)["id"], "bus": bus["id"], "lab": lab["id"]}


def stop_in(world: dict[str, int], *days: str, **more: Any) -> dict[str, Any]:
    """A stop as it is sent."""
    return {"unit_id": world["unit"], "site_id": world["site"], "days": [{"day": day} for day in days]} | more


def make_draft(api: ApiClient, world: dict[str, int]) -> dict[str, Any]:
    """A draft with a stop on Wednesday and Thursday."""
    made = kept(api, "/itineraries", SPRING)
    kept(api, f"/itineraries/{made['id']}/stops", stop_in(world, WEDNESDAY, THURSDAY))
    read: dict[str, Any] = api.get(f"/itineraries/{made['id']}").json
    return read


def approve(api: ApiClient, itinerary: dict[str, Any]) -> dict[str, Any]:
    """Approves a draft as it stands, whatever it violates."""
    key = itinerary["id"]
    version = api.get(f"/itineraries/{key}").json["version"]
    answer = api.post(f"/itineraries/{key}/approve", {"version": version, "accepted_reason": "próba"})
    assert answer.status_code == 200, answer.json
    approved: dict[str, Any] = answer.json
    return approved


def publish(api: ApiClient, itinerary: dict[str, Any], **more: Any) -> Any:
    """The answer to publishing a draft, which is approved before."""
    version = approve(api, itinerary)["version"]
    return api.post(f"/itineraries/{itinerary['id']}/publication", {"version": version} | more)
