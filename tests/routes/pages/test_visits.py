"""The page of a visit: its story, and what the table of transitions lets a midwife do with it."""

import re
from datetime import time
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from mobile_units import clock, db
from mobile_units.models.messages import MessageToWoman
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.services import visits
from mobile_units.services.actors import Actor
from mobile_units.services.visits import NewVisit
from tests import factories_booking as booking
from tests.factories_booking import DAY, NOW
from tests.routes.pages.browser import Browser, browser


@pytest.fixture
def midwife(app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A midwife, signed in a few days before the day of the slots."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(clock, "today", NOW.date)
    person = browser(app, engine, Role.MIDWIFE)
    person.sign_in()
    return person


def booked(engine: Engine, midwife: Browser, path: Path = Path.MAMMOGRAPHY) -> tuple[int, int]:
    """The key of a visit at 9:00, and that of a free slot of the same day."""
    provider_id = midwife.user.provider_id
    with db.transaction(engine) as session:
        of = booking.schedule(session, provider_id, path)
        first, second = (booking.slot(session, provider_id, of=of, at=at, capacity=2) for at in (time(9), time(11, 20)))
        woman_id = booking.woman(session, provider_id).id
        command = NewVisit(woman_id=woman_id, slot_id=first.id, path=path)
        actor = Actor(provider_id, midwife.user.id, frozenset({Role.MIDWIFE}))
        return visits.book(session, actor, command, NOW).id, second.id


def read(engine: Engine, visit_id: int) -> Visit:
    """The visit as it is."""
    with db.transaction(engine) as session:
        return session.get_one(Visit, visit_id)


def test_a_visit_is_moved_in_one_step(midwife: Browser, engine: Engine) -> None:
    """The search offers other times; the story of both tells of the other, of who did it and why."""
    visit_id, other = booked(engine, midwife)
    page = midwife.get(f"/visits/{visit_id}/places").text
    assert re.findall(r'name="slot_id" value="(\d+)"', page) == [str(other)], "not the time that she has"
    fields = dict(re.findall(r'name="(token|version)" value="([^"]+)"', page))
    where = re.search(r'action="([^"]*/move[^"]*)"', page)
    assert where
    moved = midwife.submit(unescape(where[1]), **fields, slot_id=str(other), reason="<i>prosiła")
    assert moved.status_code == 303
    new = midwife.get(moved.headers["Location"]).text
    assert "<strong>11:20</strong>" in new
    assert f'href="/visits/{visit_id}"' in new
    old = midwife.get(f"/visits/{visit_id}").text
    assert "&lt;i&gt;prosiła" in old
    assert midwife.user.login in old
    assert f'href="{moved.headers["Location"]}"' in old
    again = midwife.submit(unescape(where[1]), **fields, slot_id=str(other))
    assert again.status_code == 409, "the second click finds it moved"
    with db.transaction(engine) as session:
        assert not session.scalars(select(MessageToWoman).where(MessageToWoman.visit_id == visit_id)).all()


def test_a_visit_is_confirmed_and_cancelled_by_version(midwife: Browser, engine: Engine) -> None:
    """Who gives it up has to be said; what somebody else changed meanwhile is refused in place."""
    visit_id, _ = booked(engine, midwife)
    page = f"/visits/{visit_id}"
    midwife.get(page)
    assert midwife.submit(f"{page}/status", version="1", status="confirmed").status_code == 303
    nobody = midwife.submit(f"{page}/cancel", version="2", reason="chora")
    assert (nobody.status_code, "kto odwołuje" in nobody.text) == (422, True)
    stale = midwife.submit(f"{page}/cancel", version="1", cancelled_by="provider", reason="<b>awaria", notify="1")
    assert stale.status_code == 409
    assert 'value="&lt;b&gt;awaria"' in stale.text, "what was typed stays"
    fields = {"version": "2", "cancelled_by": "provider", "reason": "awaria", "notify": "1"}
    assert [midwife.submit(f"{page}/cancel", **fields).status_code for _ in range(2)] == [303, 303]
    visit = read(engine, visit_id)
    assert (visit.status, visit.cancelled_by) == (VisitStatus.CANCELLED, CancelledBy.PROVIDER)
    over = midwife.get(page).text
    assert "odwołana" in over
    assert 'action="' + page + "/" not in over, "nothing can be done with it any more"
    with db.transaction(engine) as session:
        assert session.scalars(select(MessageToWoman).where(MessageToWoman.visit_id == visit_id)).one()


def test_the_path_can_be_changed_and_the_code_follows(midwife: Browser, engine: Engine) -> None:
    """Only within the programme."""
    visit_id, _ = booked(engine, midwife, Path.CLASSIC_CYTOLOGY)
    page = f"/visits/{visit_id}"
    before = midwife.get(page).text
    assert "01.0034.101.01" in before
    assert "mammografia" not in before
    assert midwife.submit(f"{page}/path", version="1", path="hpv_lbc").status_code == 303
    assert "01.0034.102.01" in midwife.get(page).text
    assert midwife.submit(f"{page}/path", version="2", path="mammography").status_code == 422
    assert midwife.submit(f"{page}/path", version="2").status_code == 422


def test_attendance_is_recorded_on_the_day(midwife: Browser, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it the page says so; then the buttons are those that the table of transitions has."""
    visit_id, _ = booked(engine, midwife)
    page = f"/visits/{visit_id}"
    assert "od dnia badania" in midwife.get(page).text
    monkeypatch.setattr(clock, "now", lambda: local_instant(DAY, time(15)))
    shown = midwife.get(page).text
    buttons = set(re.findall(r'name="status" value="(\w+)"', shown))
    assert buttons == {"confirmed", "arrived", "performed", "not_performed", "no_show"}
    done = midwife.submit(f"{page}/status", version="1", status="not_performed", reason="ból")
    assert done.status_code == 303
    shown = midwife.get(page).text
    assert set(re.findall(r'name="status" value="(\w+)"', shown)) == {"performed", "no_show"}
    assert midwife.submit(f"{page}/status", version="2", status="moved").status_code == 409


def test_a_hold_given_up_frees_its_place(midwife: Browser, engine: Engine) -> None:
    """And a hold whose time is over is told so when it is confirmed."""
    with db.transaction(engine) as session:
        slot_id = booking.slot(session, midwife.user.provider_id).id
        woman_id = booking.woman(session, midwife.user.provider_id).id
    for number, ending in enumerate(("give-up", "confirm-hold")):
        address = f"/women/{woman_id}/book?path=mammography"
        midwife.get("/booking")
        held = midwife.submit(address, token=f"{number}" * 24, slot_id=str(slot_id)).headers["Location"]
        midwife.get(held)
        if ending == "give-up":
            assert midwife.submit(f"{held}/{ending}", version="1").status_code == 303
            assert read(engine, int(held.rsplit("/", 1)[1])).status is VisitStatus.CANCELLED
    with db.transaction(engine) as session:
        visit = session.get_one(Visit, int(held.rsplit("/", 1)[1]))
        visit.held_until = NOW
    late = midwife.submit(f"{held}/confirm-hold", version="2")
    assert late.status_code == 409
    assert "czas minął" in late.text


def test_only_midwives_of_the_provider_see_and_change_a_visit(app: Flask, engine: Engine, midwife: Browser) -> None:
    """Nobody else reads who it is."""
    visit_id, other = booked(engine, midwife)
    clerk = browser(app, engine, *(set(Role) - {Role.MIDWIFE}), provider_id=midwife.user.provider_id)
    stranger = browser(app, engine, Role.MIDWIFE)
    page = f"/visits/{visit_id}"
    for person, status in ((clerk, 403), (stranger, 404)):
        person.sign_in()
        person.get("/")
        for each in (person.get(page), person.get(f"{page}/places")):
            assert (each.status_code, "Testowa" in each.text) == (status, False)
        version = {"version": "1"}
        answers = [
            person.submit(f"{page}/status", **version, status="confirmed"),
            person.submit(f"{page}/cancel", **version, cancelled_by="woman"),
            person.submit(f"{page}/path", **version, path="hpv_lbc"),
            person.submit(f"{page}/move", **version, token="x" * 24, slot_id=str(other)),
            person.submit(f"{page}/confirm-hold", **version),
            person.submit(f"{page}/give-up", **version),
        ]
        assert {answer.status_code for answer in answers} == {status}
    assert read(engine, visit_id).status is VisitStatus.BOOKED
