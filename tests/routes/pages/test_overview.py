"""The first page after signing in."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine

from mobile_units import clock, db
from mobile_units.models.slots import SlotStatus
from mobile_units.models.transmissions import MessageState
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from tests import factories_booking, factories_transmission
from tests.routes.pages.browser import Browser, browser

WEDNESDAY = date(2027, 3, 10)
NOW = datetime(2027, 3, 9, 8, 0, tzinfo=UTC)


@pytest.fixture
def reader(app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A coordinator, signed in on a Tuesday."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    person = browser(app, engine, Role.COORDINATOR)
    person.sign_in()
    return person


def text_of(reader: Browser, path: str = "/") -> str:
    """The page with breaks of any kind as single spaces."""
    response = reader.get(path)
    assert response.status_code == 200
    return " ".join(response.text.split())


def test_a_new_provider_is_told_what_to_do_first(reader: Browser) -> None:
    """Every empty part names the next step."""
    page = text_of(reader)
    for step in ("mobile-units import units", "mobile-units plan", "mobile-units publish"):
        assert step in page


def test_the_week_shows_each_stop_with_hours_and_places(reader: Browser, engine: Engine) -> None:
    """A published stop, its hours in Polish time, and how many women are booked and may still come."""
    with db.transaction(engine) as session:
        slot = factories_booking.slot(session, reader.user.provider_id, day=WEDNESDAY, capacity=5)
        factories_transmission.visit(session, reader.user.provider_id, slot)
        factories_transmission.visit(session, reader.user.provider_id, slot)
    page = text_of(reader)
    assert "8–14 marca 2027" in page
    assert "Wieluń, Plac Legionów" in page
    assert "8:00–16:00" in page
    assert "2 zapisane," in page
    assert "3 wolne" in page
    assert "2 wizyty czekają na przekazanie." in page
    assert 'środa, <span class="nowrap">10 marca 2027</span>' in page


def test_an_empty_week_leads_to_the_next_one_with_stops(reader: Browser, engine: Engine) -> None:
    """From any earlier week there is one link to where it goes on, and links to the weeks beside it."""
    with db.transaction(engine) as session:
        factories_booking.stop(session, reader.user.provider_id, WEDNESDAY + timedelta(days=30))
    page = text_of(reader)
    assert "Najbliższy postój: piątek, 9 kwietnia 2027." in page
    assert [f"week=2027-W{week}" in page for week in ("09", "11", "14")] == [True, True, True]
    assert "Wieluń" in text_of(reader, "/?week=2027-W14")


def test_holidays_of_the_week_are_named(reader: Browser, engine: Engine) -> None:
    """A coordinator sees why nothing stands on that day."""
    with db.transaction(engine) as session:
        factories_booking.stop(session, reader.user.provider_id, date(2027, 5, 4))
    assert "Święto Narodowe Trzeciego Maja" in text_of(reader, "/?week=2027-W18")


@pytest.mark.parametrize("week", ["2027-W54", "2027-W00", "2027-W1", "1999-W01", "2027-W10-1", "<b>", "²027-W10"])
def test_a_week_that_does_not_exist_is_refused(reader: Browser, week: str) -> None:
    """The refusal is a page, and repeats nothing of what was typed."""
    response = reader.get(f"/?week={week}")
    assert (response.status_code, week in response.text) == (422, False)


def test_rejected_messages_are_called_out_in_words(reader: Browser, engine: Engine) -> None:
    """What the central system refused is said at the top, not by colour alone."""
    with db.transaction(engine) as session:
        for _ in range(2):
            message = factories_transmission.message(session, reader.user.provider_id, MessageKind.SAVE_SCHEDULE)
            message.state = MessageState.REJECTED
    page = text_of(reader)
    assert "Wymaga uwagi." in page
    assert "odrzuciła 2 komunikaty" in page
    assert '<td class="alarm">2</td>' in page


def test_visits_in_orphaned_slots_are_told(reader: Browser, engine: Engine) -> None:
    """They have to be moved."""
    assert "Wizyty do przeniesienia" not in text_of(reader)
    with db.transaction(engine) as session:
        slot = factories_booking.slot(session, reader.user.provider_id, day=NOW.date() + timedelta(days=1), at=time(12))
        factories_transmission.visit(session, reader.user.provider_id, slot)
        slot.status = SlotStatus.ORPHANED
    page = text_of(reader)
    assert "Wizyty do przeniesienia: 1." in page
    assert "terminy osierocone: 1" in page


def test_visits_of_past_days_not_passed_are_late(reader: Browser, engine: Engine) -> None:
    """They may be lost to payment, so they are said first."""
    with db.transaction(engine) as session:
        slot = factories_booking.slot(session, reader.user.provider_id, day=NOW.date() - timedelta(days=1), at=time(12))
        factories_transmission.visit(session, reader.user.provider_id, slot)
    page = text_of(reader)
    assert "1 wizyta nie została przekazana w terminie." in page
    assert "Po terminie: 1." in page


def test_visits_passed_too_late_are_told_in_words(reader: Browser, engine: Engine) -> None:
    """All are passed, but two of them not in time."""
    with db.transaction(engine) as session:
        yesterday = NOW.date() - timedelta(days=1)
        slot = factories_booking.slot(session, reader.user.provider_id, day=yesterday, capacity=2)
        for _ in range(2):
            factories_transmission.visit(session, reader.user.provider_id, slot).passed_at = NOW
    page = text_of(reader)
    assert "2 wizyty zostały przekazane po terminie." in page
    assert "Wymaga uwagi." not in page


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_read_it(app: Flask, engine: Engine, role: Role) -> None:
    """The page holds no woman's data, so that all who work for the provider may see it."""
    person = browser(app, engine, role)
    person.sign_in()
    assert person.get("/").status_code == 200


def test_another_provider_sees_nothing_of_it(reader: Browser, app: Flask, engine: Engine) -> None:
    """Stops, slots and messages are the provider's own."""
    with db.transaction(engine) as session:
        factories_booking.slot(session, reader.user.provider_id, day=WEDNESDAY)
        factories_transmission.message(session, reader.user.provider_id)
    stranger = browser(app, engine)
    stranger.sign_in()
    page = text_of(stranger)
    assert "Wieluń" not in page
    assert "Nic jeszcze nie przekazano" in page
