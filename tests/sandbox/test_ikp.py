"""What women do in IKP, and how the provider learns of it."""

from copy import deepcopy
from typing import Any

import pytest
import requests

from mobile_units.sandbox.rules import Rule
from mobile_units.sandbox.server import SandboxServer
from tests.sandbox import raw
from tests.sandbox.raw import Caller, Place

Json = dict[str, Any]


def wanted(slot: str = "s1", path: str = "MAMMOGRAFIA", woman: str | None = None) -> Json:
    """What a woman sends."""
    return {
        "slot": f"{raw.NODE}/{slot}",
        "path": path,
        "patient": {
            "pesel": woman or raw.new_woman(),
            "given_name": "Fikcja",
            "family_name": "Zmyślona",
            "birth_date": "1970-01-01",
        },
    }


def ask(server: SandboxServer, path: str, given: object = None) -> requests.Response:
    """Asks IKP."""
    return requests.post(f"{server.page_address}/ikp/visits{path}", json=given, timeout=5)


def booked(server: SandboxServer, **fields: str) -> str:
    """Books a visit; its identifier."""
    response = ask(server, "", wanted(**fields))
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def rule(response: requests.Response) -> str:
    """The rule by which something is refused."""
    assert response.status_code == 409, response.text
    return str(response.json()["rule"])


def last_change(cer: Caller) -> tuple[str, str, str, str]:
    """Of the feed: by whom, the visit, its status and its slot."""
    change = cer.send(raw.asking_for_changes()).tree.findall("zmiana")[-1]
    visit = change.find("{*}wizyta")
    assert visit is not None
    identifier = f"{visit.findtext('{*}identyfikator/{*}root')}/{visit.findtext('{*}identyfikator/{*}extension')}"
    return (
        change.findtext("{*}zmienionaPrzez") or "",
        identifier,
        visit.findtext("{*}status") or "",
        visit.findtext("{*}identyfikatorSlotu/{*}extension") or "",
    )


def test_a_woman_books_moves_and_cancels(server: SandboxServer, cer: Caller) -> None:
    """Each is a change by her, of a visit that the centre numbered."""
    raw.opened(cer)
    visit = booked(server)
    assert visit.startswith("2.25/")
    assert visit.removeprefix("2.25/").isdecimal()
    assert last_change(cer) == ("PACJENT", visit, "UMOWIONA", "s1")
    assert ask(server, f"/{visit}/move", {"slot": f"{raw.NODE}/s2"}).status_code == 200
    assert last_change(cer) == ("PACJENT", visit, "UMOWIONA", "s2")
    assert ask(server, f"/{visit}/cancel").status_code == 200
    assert last_change(cer) == ("PACJENT", visit, "ODWOLANA", "s2")
    assert cer.send(raw.fetching(visit.partition("/")[2], "2.25")).texts("odwolanaPrzez") == ["PACJENT"]


def test_a_woman_moves_and_cancels_what_the_provider_booked(server: SandboxServer, cer: Caller) -> None:
    """It is her visit, whoever entered it; the provider goes on from there."""
    raw.opened(cer)
    cer.accepted(raw.saving(raw.visit("v", "s1")))
    visit = f"{raw.NODE}/v"
    ask(server, f"/{visit}/move", {"slot": f"{raw.NODE}/s2"})
    assert last_change(cer) == ("PACJENT", visit, "UMOWIONA", "s2")
    cer.accepted(raw.cancelling("v"))
    assert last_change(cer) == ("SWIADCZENIODAWCA", visit, "ODWOLANA", "s2")


def test_the_provider_takes_over_what_a_woman_booked(server: SandboxServer, cer: Caller, other: Caller) -> None:
    """Under the identifier that the centre gave; another provider does not."""
    raw.opened(cer)
    woman = raw.new_woman()
    name = booked(server, woman=woman).partition("/")[2]
    told = raw.saving(raw.visit(name, "s1", woman, "ZREALIZOWANA", root="2.25"))
    assert other.send(told).code == "brakUprawnienPodmiotu"
    cer.accepted(told)
    assert last_change(cer)[2] == "ZREALIZOWANA"


def test_she_cannot_book_a_taken_slot(server: SandboxServer, cer: Caller) -> None:
    """Nor move to one."""
    raw.opened(cer)
    booked(server)
    assert rule(ask(server, "", wanted())) == Rule.SLOT_FULL
    visit = booked(server, slot="s2")
    assert rule(ask(server, f"/{visit}/move", {"slot": f"{raw.NODE}/s1"})) == Rule.SLOT_FULL


def test_she_cannot_book_where_nobody_takes_bookings(server: SandboxServer, cer: Caller) -> None:
    """A place that is not active, a slot that is not there."""
    place = Place()
    cer.accepted(place.registration(), place.mobile_point(), place.working(), place.slots(raw.slot("s1")))
    assert rule(ask(server, "", wanted())) == Rule.NOT_ACTIVE
    assert rule(ask(server, "", wanted("none"))) == Rule.UNKNOWN_SLOT


def test_she_has_one_visit_in_a_programme(server: SandboxServer, cer: Caller) -> None:
    """A second one is parallel."""
    raw.opened(cer)
    woman = raw.new_woman()
    booked(server, woman=woman)
    assert rule(ask(server, "", wanted("s2", woman=woman))) == Rule.PARALLEL_VISIT


@pytest.mark.parametrize(
    ("code", "path", "fits"),
    [
        ("10.7940.159.02", "MAMMOGRAFIA", True),
        ("10.7940.159.02", "HPV_LBC", False),
        ("02.1450.101.02", "MAMMOGRAFIA", False),
        ("02.1450.101.02", "HPV_LBC", True),
        ("01.0034.102.01", "CYTOLOGIA_KLASYCZNA", True),
    ],
)
def test_the_examination_is_of_the_schedules_programme(
    server: SandboxServer, cer: Caller, code: str, path: str, fits: bool
) -> None:
    """A mammography needs a mammobus."""
    raw.opened(cer, Place(code=code))
    response = ask(server, "", wanted(path=path))
    assert response.status_code == (201 if fits else 409)
    assert fits or rule(response) == Rule.PATH_DOES_NOT_FIT


def test_she_cannot_move_to_another_programme(server: SandboxServer, cer: Caller) -> None:
    """A visit keeps its examination."""
    raw.opened(cer)
    raw.opened(cer, Place(cell="002", code="02.1450.101.02"), slots=("c",))
    visit = booked(server)
    assert rule(ask(server, f"/{visit}/move", {"slot": f"{raw.NODE}/c"})) == Rule.PATH_DOES_NOT_FIT


def test_the_code_of_the_visit_can_be_given(server: SandboxServer, cer: Caller) -> None:
    """Otherwise it is that of the schedule; it is of the same programme."""
    raw.opened(cer, Place(code="02.1450.101.02"))
    given = wanted(path="HPV_LBC") | {"product_code": "02.1450.102.02"}
    visit = ask(server, "", given).json()["id"].partition("/")[2]
    assert cer.send(raw.fetching(visit, "2.25")).texts("kodZakresu") == ["02.1450.102.02"]
    other = wanted("s2", "HPV_LBC") | {"product_code": "10.7940.159.02"}
    assert rule(ask(server, "", other)) == Rule.PATH_DOES_NOT_FIT


def test_a_visit_that_is_over_stays_as_it_is(server: SandboxServer, cer: Caller) -> None:
    """Cancelled or attended; nor is there anything to do to an unknown one."""
    raw.opened(cer)
    visit = booked(server)
    ask(server, f"/{visit}/cancel")
    assert rule(ask(server, f"/{visit}/cancel")) == Rule.VISIT_OVER
    assert rule(ask(server, f"/{visit}/move", {"slot": f"{raw.NODE}/s2"})) == Rule.VISIT_OVER
    assert rule(ask(server, "/2.25/1/cancel")) == Rule.UNKNOWN_VISIT


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slot", None),
        ("slot", 1),
        ("slot", "no slash"),
        ("path", None),
        ("path", "inna"),
        ("patient", None),
        ("patient", "x"),
        ("pesel", ""),
        ("birth_date", "1.1.1970"),
        ("given_name", "\x00"),
        ("family_name", "x" * 201),
        ("product_code", "1"),
    ],
)
def test_what_is_no_visit_is_refused(server: SandboxServer, cer: Caller, field: str, value: object) -> None:
    """And nothing is kept; the answer does not repeat what was given."""
    raw.opened(cer)
    given = deepcopy(wanted())
    (given if field in {"slot", "path", "patient", "product_code"} else given["patient"])[field] = value
    response = ask(server, "", given)
    assert response.status_code in {409, 422}, response.text
    assert response.status_code == 422 or field == "slot"
    assert "Zmyślona" not in response.text
    assert server.state.counts()["visits"] == 0


def test_free_slots_are_listed(server: SandboxServer, cer: Caller) -> None:
    """With how many places are left; what is full is not."""
    raw.opened(cer, places=2)
    booked(server)
    url = f"{server.page_address}/ikp/slots"
    found = {slot["id"]: slot["free"] for slot in requests.get(url, timeout=5).json()}
    assert found == {f"{raw.NODE}/s1": 1, f"{raw.NODE}/s2": 2}
    booked(server)
    assert [slot["id"] for slot in requests.get(url, timeout=5).json()] == [f"{raw.NODE}/s2"]
