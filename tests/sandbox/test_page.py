"""The sandbox's page: what it shows, what its forms do, and who may use them."""

import re
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from lxml import html

from mobile_units.sandbox.server import SandboxServer
from tests.sandbox import raw
from tests.sandbox.raw import Caller

EVIL = "<script>alert(1)</script>"


def shown(server: SandboxServer, query: str = "") -> html.HtmlElement:
    """The page as a browser reads it."""
    response = requests.get(f"{server.page_address}/{query}", timeout=5)
    assert response.status_code == 200
    return html.fromstring(response.content)


def text(server: SandboxServer, query: str = "") -> str:
    """All that can be read on the page."""
    return " ".join(shown(server, query).text_content().split())


def submit(server: SandboxServer, action: str, **fields: str) -> requests.Response:
    """Sends a form with the token of the page; the page that follows."""
    (token, *_) = shown(server).xpath("//input[@name='token']/@value")
    return requests.post(f"{server.page_address}{action}", data={"token": token, **fields}, timeout=5)


def test_an_empty_page_says_so(server: SandboxServer) -> None:
    """In each of its lists, in Polish."""
    said = text(server)
    assert "to nie jest system Centrum e-Zdrowia" in said
    for each in ("Nie ma jeszcze wizyt.", "Nie ma harmonogramów.", "Żadne zakłócenie nie jest włączone."):
        assert each in said


def test_the_page_shows_what_is_held(server: SandboxServer, cer: Caller) -> None:
    """Places, points, schedules, slots and messages; of a woman her initials only."""
    place = raw.opened(cer, places=2)
    woman = raw.new_woman()
    cer.accepted(raw.saving(raw.visit("wizyta-1", "s1", woman)))
    said = text(server)
    for each in ("F. Z.", "wizyta-1", "Pracownia", "Wieluń, Rynek", place.extension, "10.7940.159.02", "1 z 2"):
        assert each in said
    for each in (woman, "Fikcja", "Zmyślona", "1970"):
        assert each not in said
    assert "zapiszWizyte" in said
    assert "umówiona" in said


def test_the_slots_of_a_schedule_can_be_seen(server: SandboxServer, cer: Caller) -> None:
    """By following its link."""
    raw.opened(cer)
    (link,) = shown(server).xpath("//a[starts-with(@href, '/?schedule=')]/@href")
    assert "s2" in text(server, link[1:])


def test_a_name_is_never_markup(server: SandboxServer, cer: Caller) -> None:
    """Wherever it comes from: a visit, a place, an address."""
    place = raw.Place()
    registration = place.registration().replace("Pracownia", "&lt;script&gt;alert(1)&lt;/script&gt;")
    raw.opened(cer, place)
    cer.accepted(registration, raw.saving(raw.visit("&lt;b&gt;", "s1", family_name="&lt;img src=x&gt;")))
    for query in ("", f"?schedule={EVIL}", f"?refused={EVIL}", f"?done={EVIL}"):
        content = requests.get(f"{server.page_address}/{query}", timeout=5).text
        assert "<script" not in content
        assert "<img" not in content
        assert "<b>" not in content
    assert EVIL in text(server)


def test_nothing_is_loaded_from_elsewhere(server: SandboxServer) -> None:
    """No script at all, and the browser is told so."""
    response = requests.get(f"{server.page_address}/", timeout=5)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert not re.findall(r"https?://(?!127\.0\.0\.1)", response.text)
    style = requests.get(f"{server.page_address}/style.css", timeout=5)
    assert style.headers["Content-Type"].startswith("text/css")
    assert "url(" not in style.text


def test_the_forms_of_ikp_work(server: SandboxServer, cer: Caller) -> None:
    """A visit is booked, moved and cancelled by hand."""
    raw.opened(cer)
    woman = {
        "pesel": raw.new_woman(),
        "given_name": "Żaneta",
        "family_name": "Wymyślona",
        "birth_date": "1970-01-01",
        "telephone": "",
    }
    booked = submit(server, "/ikp/visits", slot=f"{raw.NODE}/s1", path="MAMMOGRAFIA", product_code="", **woman)
    assert "Wizytę umówiono." in booked.text
    assert "Ż. W." in booked.text
    (visit,) = [str(each["id"]) for each in server.state.visits()]
    moved = submit(server, "/ikp/visits/move", visit=visit, slot=f"{raw.NODE}/s2")
    assert "Wizytę przełożono." in moved.text
    cancelled = submit(server, "/ikp/visits/cancel", visit=visit)
    assert "Wizytę odwołano." in cancelled.text
    again = submit(server, "/ikp/visits/cancel", visit=visit)
    assert "Nie wykonano: Wizyta nie jest już umówiona." in again.text
    assert "Nie wykonano: brakuje pola" in submit(server, "/ikp/visits", slot=f"{raw.NODE}/s1").text


def test_no_address_names_a_woman(server: SandboxServer, cer: Caller) -> None:
    """A form leads to a page whose address says what became of it, and no more."""
    raw.opened(cer)
    fields = {"slot": f"{raw.NODE}/s1", "pesel": "x" * 300, "given_name": "Fikcja", "family_name": "Zmyślona"}
    after = submit(server, "/ikp/visits", path="MAMMOGRAFIA", birth_date="1970-01-01", **fields)
    assert urlsplit(after.url).query == "refused=field"


def test_the_form_of_disturbances_works(server: SandboxServer, cer: Caller) -> None:
    """What does not belong to a kind is left out, so one form fits all."""
    rest = {"code": "bladZapisu", "seconds": "0.5", "operation": "", "remaining": ""}
    said = submit(server, "/faults", kind="fault", percent="25", **rest).text
    assert "Zakłócenie włączono." in said
    submit(server, "/faults", kind="delay", percent="100", **rest | {"remaining": "3", "operation": "zapiszWizyte"})
    listed = [each.as_json() for each in server.disturbances.listed()]
    assert [(each["kind"], each["share"], each["code"], each["seconds"]) for each in listed] == [
        ("fault", 0.25, "bladZapisu", None),
        ("delay", 1.0, None, 0.5),
    ]
    assert (listed[1]["operation"], listed[1]["remaining"]) == ("zapiszWizyte", 3)
    said = text(server)
    assert "błąd P1: bladZapisu" in said
    assert "0,5 s" in said
    for fields in ({"kind": "other"}, {"kind": "delay", "seconds": "x"}, {"kind": "delay", "percent": "900"}):
        assert "Nie wykonano" in submit(server, "/faults", **fields).text
    assert "Zakłócenia wyłączono." in submit(server, "/faults/clear").text
    assert server.disturbances.listed() == []


@pytest.mark.parametrize("token", [None, "", "guess", "ż"])
def test_a_form_of_another_site_is_refused(server: SandboxServer, token: str | None) -> None:
    """It does not know the token."""
    fields = {"kind": "http_500"} | ({} if token is None else {"token": token})
    response = requests.post(f"{server.page_address}/faults", data=fields, timeout=5)
    assert response.status_code == 403
    assert server.disturbances.listed() == []


@pytest.mark.parametrize("origin", ["https://example.org", "null", "http://127.0.0.1:1"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_another_origin_is_refused(server: SandboxServer, origin: str, method: str) -> None:
    """JSON and deletion included."""
    url, headers = f"{server.page_address}/faults", {"Origin": origin}
    requests.post(url, json={"kind": "http_500"}, headers={"Origin": server.page_address}, timeout=5)
    response = requests.request(method, url, json=[], headers=headers, timeout=5)
    assert response.status_code == 403
    assert len(server.disturbances.listed()) == 1


def test_json_that_does_not_say_so_is_refused(server: SandboxServer) -> None:
    """A form of another site can send such a text without being asked."""
    url = f"{server.page_address}/faults"
    for media in ("text/plain", "multipart/form-data"):
        response = requests.post(url, data='{"kind": "http_500"}', headers={"Content-Type": media}, timeout=5)
        assert response.status_code == 415
    assert server.disturbances.listed() == []


def test_a_name_that_was_made_to_point_here_is_refused(server: SandboxServer) -> None:
    """So no other site can read what is here either."""
    for path in ("", "visits", "state"):
        response = requests.get(f"{server.page_address}/{path}", headers={"Host": "example.org"}, timeout=5)
        assert response.status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/other", 404),
        ("DELETE", "/visits", 404),
        ("POST", "/other", 404),
        ("POST", "/ikp/visits/2.25/1/other", 404),
        ("GET", "/healthz", 200),
        ("GET", "/state", 200),
    ],
)
def test_other_addresses(server: SandboxServer, method: str, path: str, status: int) -> None:
    """There is what there is."""
    assert requests.request(method, server.page_address + path, json={}, timeout=5).status_code == status


def test_too_much_is_not_read(server: SandboxServer) -> None:
    """Nor what is no JSON."""
    url, headers = f"{server.page_address}/faults", {"Content-Type": "application/json"}
    assert requests.post(url, data=b"[" * 200_000, headers=headers, timeout=5).status_code == 413
    for text in (b"[", b"[" * 90_000):
        assert requests.post(url, data=text, headers=headers, timeout=5).status_code == 400


def test_a_request_without_content_needs_no_length(server: SandboxServer, cer: Caller) -> None:
    """So `curl -X POST` can cancel a visit; content whose end nobody tells is refused."""
    raw.opened(cer)
    cer.accepted(raw.saving(raw.visit("v", "s1")))
    address = urlsplit(server.page_address)
    for header, status in (("Transfer-Encoding", 413), ("Accept", 200)):
        connection = HTTPConnection(str(address.netloc), timeout=5)
        connection.putrequest("POST", f"/ikp/visits/{raw.NODE}/v/cancel")
        connection.putheader(header, "chunked")
        connection.endheaders()
        assert connection.getresponse().status == status
        connection.close()


def test_visits_can_be_read_without_their_women(server: SandboxServer, cer: Caller) -> None:
    """By a test that counts them."""
    raw.opened(cer)
    cer.accepted(raw.saving(raw.visit("v", "s1"), "m1"), raw.cancelling("v"))
    response = requests.get(f"{server.page_address}/visits", timeout=5)
    (visit,) = response.json()
    assert (visit["id"], visit["status"], visit["messages"][0]) == (f"{raw.NODE}/v", "ODWOLANA", f"{raw.NODE}/m1")
    assert len(visit["messages"]) == 2
    assert "Zmyślona" not in response.text


def test_a_sandbox_without_a_page_has_none(tmp_path: Path) -> None:
    """Unless a port is given."""
    with SandboxServer(tmp_path / "state.db") as server, pytest.raises(RuntimeError, match="no page"):
        _ = server.page_address
