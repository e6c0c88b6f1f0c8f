"""The services of addresses: what they are asked, how their answers are read, and what becomes of bad ones."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, parse_qs

import pytest
from geopy.exc import GeocoderParseError

from mobile_units.errors import DomainError
from mobile_units.planning import geocoders
from mobile_units.planning.geocoders import Uug, asker
from mobile_units.rules.addresses import Address, Candidate, Precision, best
from tests import geocoder
from tests.stand_in import Reply, refusing_address, serving

WIELUN = Address("Wieluń", "ul. Plac Legionów 1")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long."""
    monkeypatch.setattr(geocoders, "PATIENCE", replace(geocoders.PATIENCE, read_seconds=0.3, most_bytes=100_000))


def ask(answer: Callable[[SplitResult], Reply], address: Address = WIELUN) -> list[Candidate]:
    """What a UUG that answers so is understood to know."""
    with serving(answer) as service:
        return asker("uug", service.url, None, 0)(address)


def test_uug_tells_house_locality_and_coordinates() -> None:
    """`x` is the longitude; who asks says who it is."""
    with serving(geocoder.uug) as service:
        (found,) = asker("uug", service.url + "/uug/", None, 0)(WIELUN)
        asker("uug", service.url + "/uug/", "tester/1", 0)(WIELUN)
    assert (found.latitude, found.longitude) == (51.2211, 18.5697)
    assert (found.precision, found.locality, found.accuracy) == (Precision.HOUSE, "Wieluń", 1.0)
    assert found.label == "Wieluń, Plac Legionów, 1"
    assert service.agents == ["mobile-units", "tester/1"]
    assert parse_qs(service.asked[0].query)["address"] == ["Wieluń, Plac Legionów 1"]


def test_nominatim_tells_the_same() -> None:
    """It is asked for the gmina too, at any path, under the name that was set."""
    with serving(geocoder.nominatim) as service:
        asked = asker("nominatim", service.url + "/nominatim/", "tester/1", 0)
        (found,) = asked(Address("Osjaków", "Targowa 26", "Osjaków"))
        assert asked(Address("Nigdzie")) == []
    assert (found.latitude, found.longitude, found.precision) == (51.2862, 18.7921, Precision.HOUSE)
    assert (found.locality, found.gmina, found.label) == ("Osjaków", "gmina Osjaków", "tutaj, Polska")
    assert set(service.agents) == {"tester/1"}
    assert parse_qs(service.asked[0].query)["q"] == ["Osjaków, Targowa 26, gmina Osjaków"]


@pytest.mark.parametrize("nothing", [None, {}, []])
def test_an_address_that_uug_does_not_know_has_no_candidates(nothing: object) -> None:
    """However it says so."""
    assert ask(lambda _: Reply({"type": "address", "results": nothing})) == []


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"x": 18.5, "y": 51.2}, (Precision.UNKNOWN, None, 1.0)),
        ({"x": "18,5", "y": "51,2", "city": "Wieluń"}, (Precision.LOCALITY, "Wieluń", 1.0)),
        ({"x": 18.5, "y": 51.2, "city": "Wieluń", "street": "Nowa"}, (Precision.STREET, "Wieluń", 1.0)),
        ({"x": 18.5, "y": 51.2, "city": ["?"], "number": 7}, (Precision.HOUSE, None, 1.0)),
        ({"x": 18.5, "y": 51.2, "city": " ", "accuracy": "0.4"}, (Precision.UNKNOWN, None, 0.4)),
        ({"x": 18.5, "y": 51.2, "accuracy": 80}, (Precision.UNKNOWN, None, 1.0)),
        ({"x": 18.5, "y": 51.2, "accuracy": True}, (Precision.UNKNOWN, None, 1.0)),
        ({"x": 18.5, "y": 51.2, "city": "Wie\x00luń\ud800"}, (Precision.LOCALITY, "Wieluń", 1.0)),
    ],
)
def test_fields_that_are_not_confirmed_are_done_without(row: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """Only the coordinates are needed."""
    (found,) = ask(lambda _: Reply({"results": {"1": row}}))
    assert (found.precision, found.locality, found.accuracy) == expected
    assert (found.latitude, found.longitude) == (51.2, 18.5)


def test_rows_without_coordinates_are_left_out() -> None:
    """Whatever else they are; the results may be a list as well."""
    rows = [{"x": 18.5}, {"x": "?", "y": 51.2}, None, 7, {"x": 500, "y": 51.2}, {"x": 18.5, "y": 51.2}]
    assert len(ask(lambda _: Reply({"results": rows}))) == 1


def test_of_endless_results_the_first_are_read() -> None:
    """More are of no use to anybody."""
    assert len(ask(lambda _: Reply({"results": [{"x": 18.5, "y": 51.2}] * 500}))) == geocoders.MOST_CANDIDATES


def test_uug_is_a_geocoder_like_any_of_geopy() -> None:
    """It gives one location, or all; None for none."""
    with serving(geocoder.uug) as service:
        uug = Uug(service.url)
        one = uug.geocode("Osjaków, Targowa 26")
        assert (one.latitude, one.longitude, one.raw["city"]) == (51.2862, 18.7921, "Osjaków")
        assert len(uug.geocode("Osjaków, Targowa 26", exactly_one=False)) == 1
        assert uug.geocode("Nigdzie") is None


BAD: dict[str, tuple[Callable[[SplitResult], Reply], str]] = {
    "a page": (lambda _: Reply(b"<html>"), "ParseError"),
    "nested without end": (lambda _: Reply(b"[" * 90_000), "ParseError"),
    "a list": (lambda _: Reply([]), "ParseError"),
    "something else": (lambda _: Reply({"error": "<b>"}), "ParseError"),
    "refused": (lambda _: Reply(b"<b>", 403), "HTTP 403"),
    "too often": (lambda _: Reply(b"", 429), "HTTP 429"),
    "moved": (lambda _: Reply(b"", 302, {"Location": "http://127.0.0.1:1/"}), "HTTP 302"),
    "without end": (lambda _: Reply(b"[" + b"1," * 60_000), "ServiceError"),
    "dripping": (lambda _: Reply(b" " * 1000, drip=0.05), "TimedOut"),
    "broken off": (lambda _: Reply(b"{", headers={"Content-Length": "50", "Connection": "close"}), "TimedOut"),
}


@pytest.mark.parametrize(("answer", "reason"), BAD.values(), ids=BAD)
def test_an_answer_that_cannot_be_used_is_named(answer: Callable[[SplitResult], Reply], reason: str) -> None:
    """Without what it held."""
    with pytest.raises(DomainError) as refused:
        ask(answer)
    assert (refused.value.code, refused.value.facts["reason"]) == ("geocoder_failed", reason)


@pytest.mark.parametrize("content", [{"error": "no"}, [7], [{"lat": "x", "lon": "y"}], [{"lat": 500, "lon": 1}], 7])
def test_a_bad_answer_of_nominatim_is_named(content: object) -> None:
    """Geopy raises many things at it."""
    with serving(lambda _: Reply(content)) as service, pytest.raises(DomainError) as refused:
        asker("nominatim", service.url, "tester/1", 0)(WIELUN)
    assert refused.value.code == "geocoder_failed"


def test_a_place_without_coordinates_is_none() -> None:
    """Geopy takes it for one in the Atlantic."""
    with serving(lambda _: Reply([{"display_name": "?"}])) as service:
        assert best(WIELUN, asker("nominatim", service.url, "tester/1", 0)(WIELUN)) is None


def test_a_service_that_is_not_there_is_named() -> None:
    """Nothing was asked of anybody."""
    with pytest.raises(DomainError) as refused:
        asker("uug", refusing_address(), None, 0)(WIELUN)
    assert refused.value.code == "geocoder_failed"


def test_without_a_geocoder_nobody_is_asked() -> None:
    """It is off by default."""
    with pytest.raises(DomainError) as refused:
        asker("off", "https://services.example", None)
    assert refused.value.code == "geocoder_off"


def test_questions_keep_a_distance() -> None:
    """Between any two of this process, whoever asks; the public Nominatim allows one a second."""
    with serving(geocoder.uug) as service:
        begun = time.monotonic()
        for _ in range(3):
            asker("uug", service.url, None, 0.1)(WIELUN)
        assert time.monotonic() - begun >= 0.2
    assert geocoders.PAUSE_SECONDS["nominatim"] >= 1


def test_geopy_is_told_what_is_wrong() -> None:
    """As it tells of every other geocoder."""
    with serving(lambda _: Reply({})) as service, pytest.raises(GeocoderParseError):
        Uug(service.url).geocode("x")
