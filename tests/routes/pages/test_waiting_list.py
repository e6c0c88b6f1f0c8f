"""The waiting list: put on it from the search, offered a place, and what she answers."""

from datetime import time

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from mobile_units import clock, db
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.rules.waiting import WaitingStatus
from mobile_units.services import offers, visits
from mobile_units.services.actors import Actor
from mobile_units.services.visits import Cancellation, NewVisit
from tests import factories_booking as booking
from tests.factories_booking import NOW
from tests.routes.pages.browser import Browser, browser
from tests.statements import counted

SEARCH = "path=mammography"


@pytest.fixture
def midwife(app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A midwife, signed in a few days before the day of the slots."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(clock, "today", NOW.date)
    person = browser(app, engine, Role.MIDWIFE)
    person.sign_in()
    return person


def full_stop(engine: Engine, midwife: Browser) -> tuple[int, int]:
    """The keys of a stop with one place, and of the visit that takes it."""
    provider_id = midwife.user.provider_id
    with db.transaction(engine) as session:
        slot = booking.slot(session, provider_id, at=time(9))
        first = booking.woman(session, provider_id)
        command = NewVisit(woman_id=first.id, slot_id=slot.id, path=Path.MAMMOGRAPHY)
        visit_id = visits.book(session, Actor(provider_id), command, NOW).id
        assert slot.schedule.mobile_point is not None
        return slot.schedule.mobile_point.stop_id, visit_id


def woman(engine: Engine, midwife: Browser, name: str = "Testowa") -> int:
    """The key of one more woman."""
    with db.transaction(engine) as session:
        made = booking.woman(session, midwife.user.provider_id)
        made.family_name = name
        return made.id


def waiting(engine: Engine, midwife: Browser, stop_id: int, name: str = "Testowa") -> int:
    """Puts a woman on the list by the form; hands back the key of her entry."""
    woman_id = woman(engine, midwife, name)
    page = midwife.get(f"/women/{woman_id}/places?{SEARCH}&stop={stop_id}").text
    assert f'value="stop-{stop_id}" selected' in page
    done = midwife.submit(f"/women/{woman_id}/waiting-list?{SEARCH}", waits_for=f"stop-{stop_id}")
    assert done.status_code == 303, done.text
    with db.transaction(engine) as session:
        return session.scalars(select(WaitingListEntry.id).where(WaitingListEntry.woman_id == woman_id)).one()


def offered(engine: Engine, midwife: Browser, visit_id: int) -> None:
    """Frees the place, and has it offered to whose turn it is."""
    actor = Actor(midwife.user.provider_id)
    with db.transaction(engine) as session:
        version = session.get_one(Visit, visit_id).version
        visits.cancel(session, actor, visit_id, Cancellation(version=version, cancelled_by=CancelledBy.WOMAN))
        slot_id = session.get_one(Visit, visit_id).slot_id
    with db.transaction(engine) as session:
        assert session.get_one(Slot, slot_id).kept_for_waiting
        offers.offer(session, slot_id, NOW)


def status_of(engine: Engine, entry_id: int) -> WaitingStatus:
    """Where an entry stands."""
    with db.transaction(engine) as session:
        return session.get_one(WaitingListEntry, entry_id).status


def answer(midwife: Browser, engine: Engine, entry_id: int, action: str, **fields: str) -> int:
    """Clicks a button of an entry as it is now; the status of the answer."""
    with db.transaction(engine) as session:
        version = session.get_one(WaitingListEntry, entry_id).version
    return midwife.submit(f"/waiting-list/{entry_id}/{action}", version=str(version), **fields).status_code


def test_a_freed_place_is_offered_in_order_and_accepted(midwife: Browser, engine: Engine) -> None:
    """The list shows the queue, then whose answer is waited for; who declines keeps her turn, who accepts is booked."""
    stop_id, visit_id = full_stop(engine, midwife)
    first = waiting(engine, midwife, stop_id, "<b>Pierwsza")
    second = waiting(engine, midwife, stop_id, "Druga")
    page = midwife.get("/waiting-list").text
    assert page.index("&lt;b&gt;Pierwsza") < page.index("Druga")
    assert "<b>Pierwsza" not in page
    assert 'title="Miejsce w kolejce">2.</span>' in page
    offered(engine, midwife, visit_id)
    page = midwife.get("/waiting-list").text
    assert "czekamy na odpowiedź" in page
    assert f'action="/waiting-list/{first}/accept"' in page
    assert f'action="/waiting-list/{second}/accept"' not in page
    assert midwife.submit(f"/waiting-list/{first}/accept", version="1").status_code == 409, "as it was before the offer"
    assert answer(midwife, engine, first, "accept", to="woman") == 303
    with db.transaction(engine) as session:
        entry = session.get_one(WaitingListEntry, first)
        assert entry.visit is not None
        assert (entry.status, entry.visit.status) == (WaitingStatus.BOOKED, VisitStatus.BOOKED)
    assert "Pierwsza" in midwife.get("/waiting-list?status=booked").text


def test_she_may_decline_leave_and_come_back(midwife: Browser, engine: Engine) -> None:
    """A button that does not fit the state of the entry is refused on the page of the list."""
    stop_id, visit_id = full_stop(engine, midwife)
    entry = waiting(engine, midwife, stop_id)
    offered(engine, midwife, visit_id)
    assert answer(midwife, engine, entry, "decline") == 303
    assert status_of(engine, entry) is WaitingStatus.WAITING
    assert answer(midwife, engine, entry, "accept") == 409
    with db.transaction(engine) as session:
        session.get_one(WaitingListEntry, entry).status = WaitingStatus.LAPSED
    assert f'action="/waiting-list/{entry}/put-back"' in midwife.get("/waiting-list?status=lapsed").text
    assert answer(midwife, engine, entry, "put-back") == 303
    assert answer(midwife, engine, entry, "withdraw") == 303
    assert status_of(engine, entry) is WaitingStatus.WITHDRAWN
    assert midwife.submit(f"/waiting-list/{entry}/withdraw").status_code == 422


def test_who_could_book_at_once_is_shown_the_free_times(midwife: Browser, engine: Engine) -> None:
    """They are buttons that hold the place; what was chosen stays."""
    with db.transaction(engine) as session:
        slot = booking.slot(session, midwife.user.provider_id, at=time(9))
        assert slot.schedule.mobile_point is not None
        stop_id, slot_id = slot.schedule.mobile_point.stop_id, slot.id
    woman_id = woman(engine, midwife)
    midwife.get(f"/women/{woman_id}")
    place = f"/women/{woman_id}/waiting-list?{SEARCH}"
    refused = midwife.submit(place, waits_for=f"stop-{stop_id}", from_time="08:00", weekday="3")
    assert refused.status_code == 409
    assert "Nie trzeba czekać" in refused.text
    assert refused.text.count(f'name="slot_id" value="{slot_id}"') == 2, "in the list of times, and as a way out"
    assert f'value="stop-{stop_id}" selected' in refused.text
    for wrong in ("", "stop-", "stop-x", "area-1", "town-1", "stop-" + "9" * 30):
        assert midwife.submit(place, waits_for=wrong).status_code == 422, wrong
    assert midwife.submit(place, waits_for="area-10", first_day="x").status_code == 422


def test_the_list_is_narrowed_and_costs_the_same_for_many(midwife: Browser, engine: Engine) -> None:
    """By path and stop; places of offers and names of stops are read together."""
    stop_id, _ = full_stop(engine, midwife)
    waiting(engine, midwife, stop_id, "Pierwsza")
    with counted(midwife.app.extensions["engine"]) as few:
        midwife.get("/waiting-list")
    for number in range(3):
        waiting(engine, midwife, stop_id, f"Inna{number}")
    with counted(midwife.app.extensions["engine"]) as many:
        midwife.get("/waiting-list")
    assert len(many) <= len(few) + 1, "the audit log may take its entries in one statement more"
    assert "Pierwsza" in midwife.get(f"/waiting-list?path=mammography&place=stop-{stop_id}").text
    for elsewhere in ("path=hpv_lbc", "place=area-10", "status=withdrawn", "page=2"):
        assert "Pierwsza" not in midwife.get(f"/waiting-list?{elsewhere}").text, elsewhere
    assert midwife.get("/waiting-list?place=nowhere").status_code == 422


def test_only_midwives_of_the_provider_see_and_answer(app: Flask, engine: Engine, midwife: Browser) -> None:
    """Nobody else reads who waits."""
    stop_id, _ = full_stop(engine, midwife)
    entry = waiting(engine, midwife, stop_id, "Czekająca")
    clerk = browser(app, engine, *(set(Role) - {Role.MIDWIFE}), provider_id=midwife.user.provider_id)
    stranger = browser(app, engine, Role.MIDWIFE)
    other = woman(engine, midwife)
    for person, status in ((clerk, 403), (stranger, 404)):
        person.sign_in()
        assert "Czekająca" not in person.get("/waiting-list").text
        answers = [answer(person, engine, entry, each) for each in ("accept", "decline", "withdraw", "put-back")]
        add = person.submit(f"/women/{other}/waiting-list?{SEARCH}", waits_for=f"stop-{stop_id}")
        assert {*answers, add.status_code} == {status}
    assert status_of(engine, entry) is WaitingStatus.WAITING
