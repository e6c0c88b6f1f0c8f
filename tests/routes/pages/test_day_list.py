"""The pages of a midwife: which day, who comes when, and the paper typed in afterwards."""

import re
from datetime import date, time, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from mobile_units import clock, db
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.roles import Role
from mobile_units.rules.visits import CancelledBy, VisitStatus
from tests.factories_booking import DAY
from tests.factories_day import booked, place_day, stop_day
from tests.routes.pages.browser import Browser, browser

EVENING = local_instant(DAY, time(18))
HOSTILE = "<b>Anna</b> & *x* #sys"


@pytest.fixture
def midwife(app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A midwife, signed in on the evening of the day."""
    monkeypatch.setattr(clock, "now", lambda: EVENING)
    monkeypatch.setattr(clock, "today", lambda: DAY)
    person = browser(app, engine, Role.MIDWIFE)
    person.sign_in()
    return person


@pytest.fixture
def visits(midwife: Browser, engine: Engine) -> list[Visit]:
    """Three women of one stop."""
    with db.transaction(engine) as session:
        _, of = stop_day(session, midwife.user.provider_id)
        return [booked(session, of, time(8 + n), (f"Imię{n}", f"Nazwisko{n}")) for n in range(3)]


def address(visit: Visit) -> str:
    """The page of the list on which a visit is."""
    point = visit.slot.schedule.mobile_point
    assert point is not None
    return f"/day/stops/{point.stop_id}/{DAY}"


def typed(page: str, **chosen: str) -> dict[str, str]:
    """All fields of the form as the page shows them, with what is chosen instead."""
    hidden = dict(re.findall(r'<input type="hidden" name="((?:version|shown)-\d+)" value="([^"]*)"', page))
    radios = dict(re.findall(r'<input type="radio" name="(outcome-\d+)" value="([^"]*)" checked', page))
    return hidden | radios | chosen


def states(engine: Engine, visits: list[Visit]) -> list[str]:
    """What became of the visits."""
    with db.transaction(engine) as session:
        return [session.get_one(Visit, each.id).status.value for each in visits]


def test_the_days_to_choose_from_are_those_with_slots(midwife: Browser, engine: Engine) -> None:
    """Today's and the coming ones of stops and stationary places; past ones as long as outcomes are missing."""
    provider_id = midwife.user.provider_id
    with db.transaction(engine) as session:
        wanted = [
            f"/day/stops/{stop_id}/{day}"
            for day in (DAY - timedelta(days=5), DAY, DAY + timedelta(days=13))
            for stop_id, of in [stop_day(session, provider_id, day)]
            if booked(session, of)
        ]
        place_id, of = place_day(session, provider_id)
        booked(session, of)
        for days, status in ((-4, VisitStatus.PERFORMED), (-40, VisitStatus.BOOKED), (14, VisitStatus.BOOKED)):
            booked(session, stop_day(session, provider_id, DAY + timedelta(days=days))[1], status=status)
    page = midwife.get("/day").text
    found = re.findall(r'<a href="(/day/[^"?]*\d)">', page)
    assert sorted(found) == sorted([*wanted, f"/day/service-places/{place_id}/{DAY}"])
    assert "1 bez wpisu" in page
    assert "Testowa" not in page
    later = midwife.get(f"/day?from={DAY + timedelta(days=14)}").text
    assert len(re.findall(r'<td role="cell" class="links">', later)) == 2, "the day after the two weeks, and what lacks"
    assert midwife.get("/day?from=never").status_code == 422


def test_the_list_names_the_women_letter_by_letter(midwife: Browser, engine: Engine) -> None:
    """No name is taken for a part of the page."""
    with db.transaction(engine) as session:
        stop_id, of = stop_day(session, midwife.user.provider_id)
        booked(session, of, names=(HOSTILE, "N" * 200))
    page = midwife.get(f"/day/stops/{stop_id}/{DAY}").text
    assert "&lt;b&gt;Anna&lt;/b&gt; &amp; *x* #sys" in page
    assert "<b>Anna" not in page
    assert "N" * 200 in page
    printed = midwife.client.get(f"/day/stops/{stop_id}/{DAY}.pdf")
    assert (printed.mimetype, printed.data[:5]) == ("application/pdf", b"%PDF-")


def test_all_rows_are_saved_with_one_button(midwife: Browser, engine: Engine, visits: list[Visit]) -> None:
    """A reason alone says that she was not examined; rows without anything stay; sent as shown, nothing changes."""
    path = address(visits[0])
    first, second, _ = (each.id for each in visits)
    chosen = {f"outcome-{first}": "performed", f"reason-{second}": "ból"}
    done = midwife.submit(path, **typed(midwife.get(path).text, **chosen))
    assert (done.status_code, done.headers["Location"]) == (303, path)
    assert states(engine, visits) == ["performed", "not_performed", "booked"]
    page = midwife.get(path).text
    assert "Zapisano: 2\u00a0wpisy." in page
    assert 'value="ból"' in page
    midwife.submit(path, **typed(page))
    assert "Niczego nie zmieniono." in midwife.get(path).text
    assert states(engine, visits) == ["performed", "not_performed", "booked"]


def test_a_row_that_changed_meanwhile_is_told_and_keeps_what_was_typed(
    midwife: Browser, engine: Engine, visits: list[Visit]
) -> None:
    """The others are saved; typed in again on the page that is shown, it is saved too."""
    path = address(visits[0])
    page = midwife.get(path).text
    first, second, third = visits
    with db.transaction(engine) as session:
        session.get_one(Visit, second.id).status = VisitStatus.NO_SHOW
        gone = session.get_one(Visit, third.id)
        gone.status, gone.cancelled_by = VisitStatus.CANCELLED, CancelledBy.WOMAN
    chosen = {f"outcome-{each.id}": "not_performed" for each in visits} | {f"reason-{second.id}": "<i>ból"}
    answer = midwife.submit(path, **typed(page, **chosen))
    assert answer.status_code == 409
    assert states(engine, visits) == ["not_performed", "no_show", "cancelled"]
    told = " ".join(answer.text.split())
    assert "Nie zapisano: 2 wpisy. Zapisano: 1." in told
    assert "<strong>Nazwisko2 Imię2</strong>" in told
    assert "teraz: odwołana" in told
    assert f'id="odmowa-{second.id}"' in told
    assert "Teraz: pacjentka nie przyszła." in told
    assert 'value="&lt;i&gt;ból"' in told
    again = midwife.submit(path, **typed(answer.text, **{f"reason-{second.id}": "ból"}))
    assert again.status_code == 303
    assert states(engine, visits) == ["not_performed", "not_performed", "cancelled"]
    assert first.id != second.id


def test_nothing_can_be_filled_in_before_the_day(
    midwife: Browser, engine: Engine, visits: list[Visit], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says since when, and a form sent all the same is refused row by row."""
    path = address(visits[0])
    fields = typed(midwife.get(path).text, **{f"outcome-{visits[0].id}": "performed"})
    monkeypatch.setattr(clock, "now", lambda: EVENING - timedelta(days=1))
    page = midwife.get(path).text
    assert "od dnia badania" in page
    assert 'type="radio"' not in page
    assert midwife.submit(path, **fields).status_code == 409
    assert states(engine, visits) == ["booked"] * 3


@pytest.mark.parametrize(
    ("field", "value"), [("outcome", "cancelled"), ("version", "x"), ("reason", "y" * 1001), ("reason", "\x00")]
)
def test_what_cannot_be_read_saves_nothing(
    midwife: Browser, engine: Engine, visits: list[Visit], field: str, value: str
) -> None:
    """The refusal is a page with a reason."""
    path = address(visits[0])
    chosen = {f"outcome-{each.id}": "performed" for each in visits} | {f"{field}-{visits[2].id}": value}
    assert midwife.submit(path, **typed(midwife.get(path).text, **chosen)).status_code == 422
    assert states(engine, visits) == ["booked"] * 3


def test_only_midwives_of_the_provider_come_here(
    app: Flask, engine: Engine, midwife: Browser, visits: list[Visit]
) -> None:
    """Neither other roles nor other providers read or change anything; others have no entry in the navigation."""
    path = address(visits[0])
    fields: dict[str, Any] = typed(midwife.get(path).text, **{f"outcome-{visits[0].id}": "performed"})
    assert 'href="/day"' in midwife.get("/").text
    clerk = browser(app, engine, *(set(Role) - {Role.MIDWIFE}), provider_id=midwife.user.provider_id)
    stranger = browser(app, engine, Role.MIDWIFE)
    for person, status in ((clerk, 403), (stranger, 404)):
        person.sign_in()
        person.get("/")
        assert {person.get(path + ending).status_code for ending in ("", ".pdf")} == {status}
        refused = person.submit(path, **fields)
        assert refused.status_code == (403 if person is clerk else 404)
        assert "Nazwisko" not in refused.text
    assert clerk.get("/day").status_code == 403
    assert 'href="/day"' not in clerk.get("/").text
    assert states(engine, visits) == ["booked"] * 3


def test_a_date_without_slots_has_an_empty_list(midwife: Browser, visits: list[Visit]) -> None:
    """It is no error to ask for it; what is no date is not found."""
    path = address(visits[0])
    assert "W tym dniu nie ma terminów." in midwife.get(path.replace(str(DAY), str(date(2027, 4, 1)))).text
    assert midwife.get(path.replace(str(DAY), "2027-02-30")).status_code == 404
