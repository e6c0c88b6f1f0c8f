"""A midwife at work: she finds or registers a woman, chooses a time, and reads her when and where to come."""

import re
from datetime import date, time, timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select

from mobile_units import clock, db
from mobile_units.models.audit import AuditEntry
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import reference, visits
from mobile_units.services.actors import Actor
from mobile_units.services.visits import NewVisit
from tests import factories_booking as booking
from tests.factories_booking import DAY, NOW
from tests.routes.pages.browser import Browser, browser
from tests.statements import counted

HOSTILE = "<b>Anna</b>"


@pytest.fixture
def midwife(app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A midwife, signed in a few days before the day of the slots."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(clock, "today", NOW.date)
    person = browser(app, engine, Role.MIDWIFE)
    person.sign_in()
    with db.transaction(engine) as session:
        reference.load_reference_data(session)
    return person


def woman_of(engine: Engine, midwife: Browser, **values: object) -> int:
    """The key of a woman of her provider."""
    with db.transaction(engine) as session:
        return booking.woman(session, midwife.user.provider_id, **values).id  # type: ignore[arg-type]  # the caller's care


def slots_of(
    engine: Engine, midwife: Browser, *at: time, path: Path = Path.MAMMOGRAPHY, capacity: int = 1
) -> list[int]:
    """Keys of slots at one stop."""
    with db.transaction(engine) as session:
        of = booking.schedule(session, midwife.user.provider_id, path)
        return [booking.slot(session, of.provider_id, of=of, at=each, capacity=capacity).id for each in at]


def token(page: str) -> str:
    """What the form of times carries so that it is carried out once."""
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found
    return found[1]


def action(page: str, ending: str) -> str:
    """The address of the form that ends so."""
    found = re.search(rf'action="([^"]*/{ending}[^"]*)"', page)
    assert found
    return unescape(found[1])


def status_of(engine: Engine, visit_id: int) -> VisitStatus:
    """Where a visit stands."""
    with db.transaction(engine) as session:
        return session.get_one(Visit, visit_id).status


def count(engine: Engine, midwife: Browser, entity: type[Visit | Woman]) -> int:
    """How many rows her provider has."""
    query = select(func.count()).select_from(entity).where(entity.provider_id == midwife.user.provider_id)
    with db.transaction(engine) as session:
        return session.scalar(query) or 0


def actions(engine: Engine, midwife: Browser) -> list[str]:
    """What the audit log of her provider tells about women."""
    own = AuditEntry.provider_id == midwife.user.provider_id, AuditEntry.subject == "woman"
    with db.transaction(engine) as session:
        return list(session.scalars(select(AuditEntry.action).where(*own)))


def choose(midwife: Browser, woman_id: int, slot_id: int, search: str = "path=mammography", **fields: str) -> str:
    """Clicks a time and follows to the page of the visit, whose path is handed back."""
    page = midwife.get(f"/women/{woman_id}/places?{search}").text
    assert f'value="{slot_id}"' in page
    done = midwife.submit(action(page, "book"), token=token(page), slot_id=str(slot_id), **fields)
    assert done.status_code == 303, done.text
    return done.headers["Location"]


def test_the_whole_journey_from_a_number_to_words_for_the_woman(midwife: Browser, engine: Engine) -> None:
    """Unknown, registered, her card, a time held for ten minutes, confirmed; clicked twice, booked once."""
    [slot_id, _] = slots_of(engine, midwife, time(9, 30), time(9, 40))
    number = booking.pesel()
    midwife.get("/booking")
    unknown = midwife.submit("/booking", pesel=number)
    assert (unknown.status_code, "zarejestruj" in unknown.text) == (200, True)
    assert f'readonly value="{number}"' in unknown.text
    answers = {"family_name": HOSTILE, "given_name": "Próba", "telephone": "600 000 000", "sms_consent": "1"}
    made = midwife.submit("/booking/women", pesel=number, last_classic_cytology="2026-01-10", **answers)
    assert made.status_code == 303
    card = midwife.get(made.headers["Location"])
    assert card.headers["Cache-Control"] == "no-store"
    assert "&lt;b&gt;Anna&lt;/b&gt;" in card.text
    assert "<b>Anna" not in card.text
    assert "Dz.U. 2023 poz. 2167" in card.text
    assert "10\u00a0stycznia 2029" in card.text, "the next day for a cytology"
    woman_id = int(made.headers["Location"].rsplit("/", 1)[1])
    held = choose(midwife, woman_id, slot_id)
    page = midwife.get(held)
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "W środę 10 marca 2027 r., godzina <strong>9:30</strong>" in page.text
    assert "jeszcze 10 min 0 s" in page.text
    assert "10.7940.159.02" in page.text
    assert "po potwierdzeniu" in page.text
    version = {"version": "1"}
    assert [midwife.submit(f"{held}/confirm-hold", **version).status_code for _ in range(2)] == [303, 303]
    booked = midwife.get(held)
    assert "czeka na wysłanie" in booked.text
    assert "script-src" not in booked.headers["Content-Security-Policy"]
    assert status_of(engine, int(held.rsplit("/", 1)[1])) is VisitStatus.BOOKED
    assert number not in held + made.headers["Location"] + midwife.cookie()
    found = midwife.submit("/booking", pesel=number)
    assert (found.status_code, found.headers["Location"]) == (303, f"/women/{woman_id}")


def test_a_foreign_document_needs_a_birth_date_and_keeps_what_was_typed(midwife: Browser, engine: Engine) -> None:
    """The refusal is told on the page; registered again under the same number she is shown instead."""
    midwife.get("/booking")
    document = {"country": "UA", "document_number": "AB 123456"}
    assert 'name="birth_date"' in midwife.submit("/booking", **document).text
    names = {"family_name": "Przykład", "given_name": "Próba"}
    refused = midwife.submit("/booking/women", **document, **names, telephone="12")
    assert refused.status_code == 422
    assert 'value="Przykład"' in refused.text
    assert 'value="AB 123456"' in refused.text
    places = [
        midwife.submit("/booking/women", **document, **names, birth_date="1970-05-17").headers["Location"]
        for _ in range(2)
    ]
    assert places[0] == places[1]
    assert count(engine, midwife, Woman) == 1
    assert actions(engine, midwife).count("search") == 2, "in vain, and for the second registration"


@pytest.mark.parametrize(("typed", "status"), [({"pesel": "12345"}, 422), ({}, 422), ({"country": "UA"}, 422)])
def test_a_number_that_is_none_is_refused_in_place(midwife: Browser, typed: dict[str, str], status: int) -> None:
    """What was typed stays in its field."""
    midwife.get("/booking")
    refused = midwife.submit("/booking", **typed)
    assert refused.status_code == status
    assert 'role="alert"' in refused.text
    assert all(f'value="{value}"' in refused.text for value in typed.values())


def test_a_double_click_books_once_and_at_once(midwife: Browser, engine: Engine) -> None:
    """The token of the page makes the second request the same one; the choice 'at once' needs no confirmation."""
    [slot_id] = slots_of(engine, midwife, time(9), capacity=5)
    woman_id = woman_of(engine, midwife)
    page = midwife.get(f"/women/{woman_id}/places?path=mammography").text
    fields = {"token": token(page), "slot_id": str(slot_id), "step": "book"}
    done = [midwife.submit(action(page, "book"), **fields) for _ in range(2)]
    assert done[0].headers["Location"] == done[1].headers["Location"]
    assert count(engine, midwife, Visit) == 1
    assert status_of(engine, int(done[0].headers["Location"].rsplit("/", 1)[1])) is VisitStatus.BOOKED


def test_a_place_just_taken_is_refused_with_the_nearest_ones_as_buttons(midwife: Browser, engine: Engine) -> None:
    """One of them is then booked by the form of the refusal."""
    taken, near = slots_of(engine, midwife, time(9), time(9, 20))
    woman_id, faster = woman_of(engine, midwife), woman_of(engine, midwife)
    page = midwife.get(f"/women/{woman_id}/places?path=mammography&text=Wieluń").text
    with db.transaction(engine) as session:
        other = NewVisit(woman_id=faster, slot_id=taken, path=Path.MAMMOGRAPHY)
        visits.book(session, Actor(midwife.user.provider_id), other, NOW)
    refused = midwife.submit(action(page, "book"), token=token(page), slot_id=str(taken))
    assert refused.status_code == 409
    assert "Termin jest już zajęty." in refused.text
    assert f'name="slot_id" value="{near}"' in refused.text
    assert "text=Wielu" in action(refused.text, "book"), "the search is kept"
    again = midwife.submit(action(refused.text, "book"), token=token(refused.text), slot_id=str(near))
    assert again.status_code == 303


def test_a_rule_that_refuses_is_told_and_may_be_set_aside_with_a_reason(midwife: Browser, engine: Engine) -> None:
    """Reason, source, next day and the way there; with a reason the same time is hers."""
    woman_id = woman_of(engine, midwife, born=date(2000, 5, 17))
    [slot_id] = slots_of(engine, midwife, time(9))
    page = midwife.get(f"/women/{woman_id}/places?path=mammography").text
    assert "Dolna granica wieku to 45 lat" in page
    refused = midwife.submit(action(page, "book"), token=token(page), slot_id=str(slot_id))
    assert refused.status_code == 409
    assert "Dolna granica wieku to 45 lat" in refused.text
    assert "Podstawa: Dz.U. 2023 poz. 2167" in refused.text
    assert "first_day=2045-01-01" in refused.text
    fields = {"token": token(refused.text), "slot_id": str(slot_id), "step": "book"}
    done = midwife.submit(action(refused.text, "book"), **fields, override_reason="zalecenie <i>lekarza")
    story = midwife.get(done.headers["Location"]).text
    assert "zalecenie &lt;i&gt;lekarza" in story
    assert "visit_hold_refused" in actions(engine, midwife)


def test_only_what_is_asked_for_and_can_be_booked_is_shown(midwife: Browser, engine: Engine) -> None:
    """By day, place, weekday and hour; what finds nothing says what to try; what cannot be read is refused."""
    early, late = slots_of(engine, midwife, time(8), time(14))
    [cytology] = slots_of(engine, midwife, time(9), path=Path.CLASSIC_CYTOLOGY)
    woman_id = woman_of(engine, midwife)
    shown = {
        search: {
            slot
            for slot in (early, late, cytology)
            if f'name="slot_id" value="{slot}"' in midwife.get(f"/women/{woman_id}/places?{search}").text
        }
        for search in (
            "path=mammography", "path=classic_cytology", "path=hpv_lbc", "path=hpv_lbc&any_path=1",
            "path=mammography&from_time=12:00", "path=mammography&weekday=1", "path=mammography&text=wielun",
            "path=mammography&latitude=51,2&longitude=18,6&radius_km=20&order=distance",
            "path=mammography&latitude=54&longitude=18,6&radius_km=20", f"path=mammography&last_day={NOW.date()}",
        )
    }  # fmt: skip
    both = {early, late}
    assert list(shown.values()) == [both, {cytology}, set(), {cytology}, {late}, set(), both, both, set(), set()]
    empty = midwife.get(f"/women/{woman_id}/places?path=mammography&text=Nigdzie&weekday=1").text
    assert "Nie ma wolnego terminu" in empty
    assert "Zapisz na listę" in empty
    for wrong in ("first_day=x", "weekday=8", "latitude=51", "from_time=25:00", "after=x", "channel=central"):
        assert midwife.get(f"/women/{woman_id}/places?path=mammography&{wrong}").status_code == 422, wrong


def test_a_long_list_goes_on_behind_its_last_time(midwife: Browser, engine: Engine) -> None:
    """Each time is on exactly one page."""
    at = [time(8 + n // 12, n % 12 * 5) for n in range(90)]
    keys = slots_of(engine, midwife, *at)
    woman_id = woman_of(engine, midwife)
    first = midwife.get(f"/women/{woman_id}/places?path=mammography").text
    following = re.search(r'href="([^"]*after=[^"]*)">Dalsze', first)
    assert following
    second = midwife.get(unescape(following[1])).text
    listed = [int(key) for page in (first, second) for key in re.findall(r'name="slot_id" value="(\d+)"', page)]
    assert listed == keys


def test_contact_consents_and_declaration_are_changed_on_the_card(midwife: Browser, engine: Engine) -> None:
    """By version; a refusal keeps what was typed; earlier examinations of a path stay known."""
    woman_id = woman_of(engine, midwife)
    card = midwife.get(f"/women/{woman_id}").text
    names = {"given_name": "Próba", "family_name": "Testowa", "version": "1"}
    refused = midwife.submit(f"/women/{woman_id}/contact", **names, telephone="abc", email="a@example.pl")
    assert refused.status_code == 422
    assert 'value="a@example.pl"' in refused.text
    assert "zgoda na: nic" in " ".join(card.split())
    changed = midwife.submit(f"/women/{woman_id}/contact", **names, email="a@example.pl", email_consent="1")
    assert changed.status_code == 303
    assert midwife.submit(f"/women/{woman_id}/contact", **names).status_code == 409, "somebody changed her meanwhile"
    for version, day in (("2", "2024-01-10"), ("3", "2026-02-20")):
        told = {"version": version, "last_mammography": day, "risk_groups": "after_breast_cancer_treatment"}
        assert midwife.submit(f"/women/{woman_id}/declaration", **told).status_code == 303
    card = midwife.get(f"/women/{woman_id}").text
    assert "e-mail (od" in card
    assert "mammografia, 20.02.2026" in card
    assert "10.01.2024" not in card, "the last one was corrected"
    assert "po leczeniu raka piersi" in card


def test_only_midwives_of_the_provider_see_a_woman(app: Flask, engine: Engine, midwife: Browser) -> None:
    """Neither other roles nor other providers read, search or book; others have no entry in the navigation."""
    woman_id = woman_of(engine, midwife)
    [slot_id] = slots_of(engine, midwife, time(9))
    clerk = browser(app, engine, *(set(Role) - {Role.MIDWIFE}), provider_id=midwife.user.provider_id)
    stranger = browser(app, engine, Role.MIDWIFE)
    for person, status in ((clerk, 403), (stranger, 404)):
        person.sign_in()
        assert ('href="/booking"' in person.get("/").text) is (person is stranger)
        for page in (f"/women/{woman_id}", f"/women/{woman_id}/places?path=mammography"):
            answer = person.get(page)
            assert (answer.status_code, "Testowa" in answer.text) == (status, False)
        book = f"/women/{woman_id}/book?path=mammography"
        assert person.submit(book, token="x" * 24, slot_id=str(slot_id)).status_code == status
        names = {"version": "1", "given_name": "A", "family_name": "B"}
        assert person.submit(f"/women/{woman_id}/contact", **names).status_code == status
    assert clerk.get("/booking").status_code == 403
    assert count(engine, midwife, Visit) == 0


def test_a_full_card_costs_no_more_statements_than_an_empty_one(midwife: Browser, engine: Engine) -> None:
    """Places of visits are read together."""
    woman_id = woman_of(engine, midwife)

    def book(days: int) -> None:
        with db.transaction(engine) as session:
            slot = booking.slot(session, midwife.user.provider_id, day=DAY + timedelta(days=days))
            command = NewVisit(woman_id=woman_id, slot_id=slot.id, path=Path.MAMMOGRAPHY)
            visit = visits.book(session, Actor(midwife.user.provider_id), command, NOW)
            visit.status = VisitStatus.NO_SHOW

    book(0)
    with counted(midwife.app.extensions["engine"]) as few:
        midwife.get(f"/women/{woman_id}")
    for days in range(1, 4):
        book(days)
    with counted(midwife.app.extensions["engine"]) as many:
        assert midwife.get(f"/women/{woman_id}").text.count("/visits/") > 4
    assert len(many) == len(few)
    assert len(many) < 45
