"""What is known of a woman stays in the answers to those who may read it: not in logs, refusals or addresses."""

import json
from dataclasses import dataclass, field, replace
from datetime import date, time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from mobile_units import clock, db
from mobile_units.config import Settings
from mobile_units.rules.messages import NoticeKind
from mobile_units.services import visits
from mobile_units.services.messages_to_women import notify
from routes.app import create_app
from tests import factories_booking, factories_messages
from tests.factories import ApiClient, api_client

PESEL = factories_booking.pesel(date(1971, 6, 18))
DOCUMENT = "C01X00T47"
SECRETS = (PESEL, DOCUMENT, "Fikcja", "Zmyślona", "Zmy\\u015blona", "600700801", "600 700 801", "fikcja@example.org")
HER: dict[str, Any] = {
    "identity": {"pesel": PESEL},
    "given_name": "Fikcja",
    "family_name": "Zmyślona",
    "telephone": "+48600700801",
    "email": "fikcja@example.org",
}
PERSONAL = frozenset({"pesel", "given_name", "family_name", "telephone", "email", "document_number", "birth_date"})


@dataclass
class Desk:
    """A desk that keeps every refusal that it gets."""

    api: ApiClient
    refusals: dict[str, str] = field(default_factory=dict)

    def does(self, path: str, body: dict[str, Any]) -> Any:
        """What comes of a request that succeeds."""
        answer = self.api.post(path, body)
        assert answer.status_code < 300, answer.json
        return answer.json

    def is_refused(self, code: str, path: str, body: dict[str, Any] | None = None) -> None:
        """Keeps a refusal, which is expected."""
        answer = self.api.get(path) if body is None else self.api.post(path, body)
        assert answer.json["code"] == code, answer.json
        self.refusals[code] = json.dumps(answer.json, ensure_ascii=False)


@dataclass(frozen=True)
class Places:
    """Two free slots on different days, a full one, and the stop of the full one."""

    free: int
    later: int
    full: int
    stop: int


def make_places(desk: Desk) -> Places:
    """Slots of a provider that is named in messages."""
    day = factories_booking.next_day()
    with db.transaction(desk.api.engine) as session:
        provider_id = desk.api.actor.provider_id
        factories_messages.named(session, provider_id)
        stop = factories_booking.stop(session, provider_id, day)
        of = factories_booking.schedule(session, provider_id, day=day, at=stop)
        full = factories_booking.slot(session, provider_id, of=of)
        elsewhere = factories_booking.schedule(session, provider_id, day=day)
        free, later = (factories_booking.slot(session, provider_id, of=elsewhere, at=time(at)) for at in (9, 10))
        other = factories_booking.woman(session, provider_id)
        command = visits.NewVisit(woman_id=other.id, slot_id=full.id, path=full.schedule.path)
        visits.book(session, desk.api.actor, command, clock.now())
        return Places(free.id, later.id, full.id, stop.id)


@pytest.mark.usefixtures("logging_as_before")
def test_a_whole_journey_leaves_nothing_of_her(
    settings: Settings, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Registered, merged, booked, moved, put on the waiting list and called, with a refusal at every step."""
    app = create_app(replace(settings, log_level="INFO"))
    desk = Desk(api_client(app, engine))
    places = make_places(desk)
    kept = register_twice(desk)
    visit = book_and_move(desk, places, kept["id"])
    desk.does(f"/visits/{visit['id']}/cancel", {"version": visit["version"], "cancelled_by": "woman"})
    wait(desk, places, kept["id"])
    call(desk, visit["id"])
    app.extensions["engine"].dispose()
    log = capsys.readouterr().err
    assert log.count('"event": "request"') > 20
    for told in (log, *desk.refusals.values()):
        assert [secret for secret in SECRETS if secret in told] == []


def register_twice(desk: Desk) -> Any:
    """By her PESEL and by a document, which is found out and merged."""
    kept = desk.does("/women", HER)
    desk.is_refused("woman_known", "/women", HER)
    desk.is_refused("pesel_invalid", "/women", HER | {"identity": {"pesel": PESEL[:-1] + "x"}})
    desk.is_refused("telephone_invalid", "/women", HER | {"telephone": "600 700 801 9"})
    desk.is_refused("email_invalid", "/women", HER | {"email": "fikcja@example.org@"})
    desk.is_refused("not_found", "/women/search", {"pesel": factories_booking.pesel()})
    document = {"country": "DE", "document_number": DOCUMENT}
    twin = desk.does("/women", HER | {"identity": document, "birth_date": "1971-06-18"})
    merge = {"merged_id": twin["id"], "kept_version": kept["version"], "merged_version": twin["version"]}
    merge["reason"] = "dwa razy"
    desk.is_refused("stale_version", f"/women/{kept['id']}/merge", merge | {"kept_version": 9})
    desk.does(f"/women/{kept['id']}/merge", merge)
    desk.is_refused("woman_merged", f"/women/{twin['id']}")
    return kept


def book_and_move(desk: Desk, places: Places, woman_id: int) -> Any:
    """The visit after it was moved."""
    wanted = {"woman_id": woman_id, "slot_id": places.free, "path": "mammography"}
    desk.is_refused("slot_full", "/visits", wanted | {"slot_id": places.full})
    visit = desk.does("/visits", wanted)
    desk.is_refused("parallel_visit", "/visits", wanted | {"slot_id": places.later})
    move = {"version": visit["version"], "slot_id": places.later}
    desk.is_refused("slot_full", f"/visits/{visit['id']}/move", move | {"slot_id": places.full})
    return desk.does(f"/visits/{visit['id']}/move", move)


def wait(desk: Desk, places: Places, woman_id: int) -> None:
    """At the stop that is full."""
    wanted = {"woman_id": woman_id, "path": "mammography", "stop_id": places.stop}
    desk.does("/waiting-list", wanted)
    desk.is_refused("waiting_already", "/waiting-list", wanted)


def call(desk: Desk, visit_id: int) -> None:
    """She did not agree to be written to."""
    with db.transaction(desk.api.engine) as session:
        visit = visits.get(session, desk.api.actor, visit_id)
        notify(session, desk.api.actor, visit, NoticeKind.CANCELLED)
    (wanted,) = desk.api.get("/call-list/with-women?kind=cancelled").json["items"]
    assert wanted["family_name"] == HER["family_name"]
    desk.is_refused("invalid_input", f"/call-list/{wanted['id']}/calls", {"result": HER["family_name"]})
    desk.does(f"/call-list/{wanted['id']}/calls", {"result": "told"})
    desk.is_refused("not_to_call", f"/call-list/{wanted['id']}/calls", {"result": "told"})


def test_no_address_takes_what_tells_of_a_woman(app: Flask) -> None:
    """She is searched for by what is in a body: addresses end up in logs and histories."""
    paths = app.test_client().get("/api/v1/openapi.json").json["paths"]  # type: ignore[index]  # it is JSON
    taken = {
        parameter["name"]
        for item in paths.values()
        for operation in item.values()
        for parameter in (operation["parameters"] if isinstance(operation, dict) and "parameters" in operation else ())
        if "name" in parameter
    }
    assert taken >= {"woman_id", "first_day"}
    assert taken.isdisjoint(PERSONAL)
