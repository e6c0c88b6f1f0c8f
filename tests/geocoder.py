"""Stand-ins for the services of addresses, which know a few places."""

from typing import Any
from urllib.parse import SplitResult, parse_qs

from tests.stand_in import Reply

PLACES: dict[str, dict[str, Any]] = {
    "Wieluń, Plac Legionów 1": {"city": "Wieluń", "street": "Plac Legionów", "number": "1", "y": 51.2211, "x": 18.5697},
    "Osjaków, Targowa 26": {"city": "Osjaków", "street": "Targowa", "number": "26", "y": "51.2862", "x": "18.7921"},
    "Osjaków": {"city": "Osjaków", "y": 51.2871, "x": 18.7893},
}


def uug(asked: SplitResult) -> Reply:
    """GUGiK's service."""
    question = {name: values[0] for name, values in parse_qs(asked.query).items()}
    assert (question["request"], question["srid"]) == ("GetAddress", "4326")
    found = PLACES.get(question["address"])
    return Reply({"type": "address", "results": {"1": found | {"accuracy": "1.0"}} if found else None})


def nominatim(asked: SplitResult) -> Reply:
    """Nominatim, which also tells from each other by gmina."""
    question = {name: values[0] for name, values in parse_qs(asked.query).items()}
    assert asked.path == "/nominatim/search"
    assert (question["countrycodes"], question["addressdetails"]) == ("pl", "1")
    found = PLACES.get(question["q"].removesuffix(", gmina Osjaków"))
    if not found:
        return Reply([])
    address = {"town": found["city"], "road": found.get("street"), "house_number": found.get("number")}
    address = {name: value for name, value in address.items() if value} | {"municipality": "gmina Osjaków"}
    place = {"lat": str(found["y"]), "lon": str(found["x"]), "display_name": "tutaj, Polska", "address": address}
    return Reply([place])
