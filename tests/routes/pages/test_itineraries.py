"""The pages of one itinerary: a journey for every action, what is refused and how it is told, and who may do it."""

import csv
import io
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import Engine, select
from werkzeug.test import TestResponse

from mobile_units import clock, db
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot
from mobile_units.models.units import MobileUnit
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.services import itineraries, versions, visits
from mobile_units.services.actors import Actor
from mobile_units.services.itineraries import DayHours, NewItinerary
from mobile_units.services.visits import NewVisit
from routes.auth import needed_roles
from tests import factories, factories_booking, factories_planning
from tests.factories_planning import FIRST, LAST, MAMMOGRAPHY, THURSDAY, WEDNESDAY
from tests.routes.pages.browser import Browser, browser
from tests.routes.pages.test_style import ELSEWHERE, INLINE

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
FRIDAY, SATURDAY, MONDAY = (date(2027, 3, day) for day in (12, 13, 15))
EVIL = "<script>alert('zło')</script>"
BLUEPRINTS = ("itinerary_page.", "itinerary_stops.", "breakdowns.", "papers.")


class House:
    """A provider with a mammobus that works on weekdays from 8:00 to 10:00, its people, and its database."""

    def __init__(self, app: Flask, engine: Engine) -> None:
        self.app, self.engine = app, engine
        with db.transaction(engine) as session:
            self.actor = Actor(factories.provider(session).id)
            factories_planning.contract(session, self.actor.provider_id, {MAMMOGRAPHY: 1000})
            self.unit = factories_planning.unit(session, self.actor.provider_id)
            self.site = factories_planning.site(session, self.actor.provider_id)

    def person(self, *roles: Role) -> Browser:
        """Somebody with these roles, a coordinator unless they are named, signed in."""
        found = browser(self.app, self.engine, *(roles or [Role.COORDINATOR]), provider_id=self.actor.provider_id)
        found.sign_in()
        found.get("/")
        return found

    def draft(self, *days: date, women: int = 6, name: str = "Wiosna") -> int:
        """A draft with a stop on Wednesday unless days are given; its key."""
        with db.transaction(self.engine) as session:
            made = factories_planning.draft(session, self.actor, name)
            command = factories_planning.stop_of(self.unit, self.site, *(days or [WEDNESDAY]), women=women)
            itineraries.add_stop(session, self.actor, made.id, command)
            return made.id

    def published(self, *days: date) -> int:
        """A published itinerary with a stop; its key."""
        key = self.draft(*days)
        with db.transaction(self.engine) as session:
            factories_planning.publish(session, self.actor, itineraries.get(session, self.actor, key), NOW)
        return key

    def revised(self, base_id: int) -> int:
        """A draft that revises an itinerary."""
        with db.transaction(self.engine) as session:
            return versions.revise(session, self.actor, base_id).id

    def another_site(self, name: str = "Osjaków") -> int:
        """One more site, with women due."""
        with db.transaction(self.engine) as session:
            made = factories_planning.site(session, self.actor.provider_id)
            made.name = name
            return made.id

    def another_unit(self, name: str = "Mammobus drugi") -> int:
        """One more unit, like the first."""
        with db.transaction(self.engine) as session:
            made = factories_planning.unit(session, self.actor.provider_id)
            made.name = name
            return made.id

    def itinerary(self, key: int) -> Itinerary:
        """An itinerary as it is now, with its stops."""
        with db.transaction(self.engine) as session:
            return itineraries.get(session, self.actor, key)

    def stop(self, key: int) -> Stop:
        """The first stop of an itinerary as it is now."""
        return self.itinerary(key).stops[0]

    def book(self, itinerary_id: int) -> int:
        """A visit at the first slot of the first stop of a published itinerary."""
        with db.transaction(self.engine) as session:
            stop_id = itineraries.get(session, self.actor, itinerary_id).stops[0].id
            query = select(Slot).join(Slot.schedule).join(Schedule.mobile_point).where(MobilePoint.stop_id == stop_id)
            slot = session.scalars(query.order_by(Slot.starts_at)).first()
            assert slot is not None
            woman = factories_booking.woman(session, self.actor.provider_id)
            command = NewVisit(woman_id=woman.id, slot_id=slot.id, path=Path.MAMMOGRAPHY)
            return visits.book(session, self.actor, command, NOW).id


@pytest.fixture
def house(app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> House:
    """A new provider on the first of March."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return House(app, engine)


def read(response: TestResponse, status: int = 200) -> str:
    """What a page says, with breaks of any kind as single spaces."""
    assert response.status_code == status, response.text
    return " ".join(unescape(response.text).replace("\u00a0", " ").split())


def words_in(page: str) -> str:
    """What somebody reads who does not see the tags."""
    return " ".join(re.sub("<[^>]+>", " ", page).replace(" ,", ",").split())


def form_of(response: TestResponse) -> dict[str, str]:
    """The hidden fields of the form with which a tried edit is stored."""
    form = next(part for part in response.text.split("<form") if 'value="store"' in part)
    return {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
        if name != "csrf_token"
    }


def wish(house: House, itinerary_id: int, **changed: object) -> dict[str, str]:
    """The fields of the form for a stop."""
    fields: Mapping[str, object] = {
        "step": "check",
        "version": house.itinerary(itinerary_id).version,
        "unit_id": house.unit.id,
        "site_id": house.site.id,
        "first_day": WEDNESDAY,
        "length": 1,
        "opens": "",
        "closes": "",
        "women": "",
    }
    return {name: str(value) for name, value in {**fields, **changed}.items()}


def followed(person: Browser, response: TestResponse) -> str:
    """The itinerary that is shown after something was done."""
    assert response.status_code == 302, response.text
    return read(person.get(response.headers["Location"].partition("#")[0]))


# who may, and what a page holds


def test_all_of_it_is_the_coordinators(house: House, app: Flask) -> None:
    """The API opens some of it to more people; here everything belongs to one piece of work."""
    views = [name for name in app.view_functions if name.startswith(BLUEPRINTS)]
    assert len(views) == 19
    for name in views:
        for method in ("GET", "POST"):
            assert needed_roles(app.view_functions[name], method) == {Role.COORDINATOR}, name
    key = house.draft()
    for role in set(Role) - {Role.COORDINATOR}:
        assert house.person(role).get(f"/itineraries/{key}").status_code == 403, role


PATHS = (
    "", "/publication", "/compare", "/print", "/stops.csv", "/breakdown", "/stops/new",
)  # fmt: skip


def test_another_provider_finds_and_does_nothing(house: House, app: Flask, engine: Engine) -> None:
    """Whatever the key, it is simply not there; neither is a stop under another itinerary."""
    key, other = house.draft(), house.draft(THURSDAY)
    stop_id = house.stop(key).id
    stranger = House(app, engine)
    person = stranger.person()
    own = stranger.draft()
    person.get(f"/itineraries/{own}")
    for path in (*PATHS, f"/stops/{stop_id}", "/breakdown?unit_id=1&first_day=2027-03-10&days=1"):
        assert person.get(f"/itineraries/{key}{path}").status_code == 404, path
    assert person.get(f"/itineraries/{own}/compare?other_id={key}").status_code == 404
    for action in ("approve", "reopen", "revise", "discard", "rename", "publication"):
        answer = person.submit(f"/itineraries/{key}/{action}", version="2", name="x")
        assert answer.status_code == 404, action
    mine = house.person()
    mine.get(f"/itineraries/{other}")
    for action in ("", "/remove", "/pin"):
        assert mine.submit(f"/itineraries/{other}/stops/{stop_id}{action}", **wish(house, other)).status_code == 404
    assert house.itinerary(key).status is ItineraryStatus.DRAFT


def test_no_button_works_without_the_token_of_its_form(house: House) -> None:
    """So no other site can press one."""
    key = house.draft()
    stop_id, person = house.stop(key).id, house.person()
    posts = [rule for rule in house.app.url_map.iter_rules() if rule.endpoint.startswith(BLUEPRINTS)]
    actions = [
        "/approve", "/reopen", "/revise", "/discard", "/rename", "/publication", "/breakdown", "/stops/new",
        f"/stops/{stop_id}", f"/stops/{stop_id}/remove", f"/stops/{stop_id}/pin",
    ]  # fmt: skip
    assert len([rule for rule in posts if "POST" in (rule.methods or ())]) == len(actions), "a button is not tried"
    for path in actions:
        person.token = ""
        answer = person.submit(f"/itineraries/{key}{path}", **wish(house, key, step="store", pinned=1, name="x"))
        assert answer.status_code == 400, path
    assert (house.itinerary(key).version, house.stop(key).pinned) == (2, False)


def test_pages_keep_to_the_policy_and_show_names_as_text(house: House) -> None:
    """Neither styles nor scripts inside, nothing from elsewhere, and every field has its label."""
    house.another_site(EVIL)
    key, base = house.draft(SATURDAY, name=EVIL), house.published(THURSDAY)
    person = house.person()
    pages = [f"/itineraries/{key}{path}" for path in PATHS if not path.endswith("csv")]
    pages += [
        f"/itineraries/{key}/stops/{house.stop(key).id}",
        f"/itineraries/{key}/compare?other_id={base}",
        f"/itineraries/{base}/breakdown?unit_id={house.unit.id}&first_day=2027-03-11&days=1&reason={EVIL}",
    ]
    for path in pages:
        page = person.get(path).text
        assert not INLINE.search(page), path
        assert not ELSEWHERE.search(page), path
        assert "<script>" not in page, path
        assert EVIL.replace("'", "&#39;").replace("<", "&lt;").replace(">", "&gt;") in page or path.endswith(
            "publication"
        )
        fields = re.findall(r'<(?:input|select|textarea)[^>]*\sid="([^"]+)"', page)
        assert all(f'for="{name}"' in page for name in fields), path
        assert page.count("<table") == page.count("<caption"), path


# the page


def test_a_draft_is_laid_out(house: House) -> None:
    """Its state, its terms, what is wrong and at which stop, whom it leaves out, and its stops with kilometres."""
    house.another_site()
    key = house.draft(SATURDAY)
    page = read(house.person().get(f"/itineraries/{key}"))
    assert "Wiosna" in page
    assert "1 marca – 31 maja 2027" in page
    assert "1 naruszenie zasad" in page
    assert "Mammobus nie pracuje w tym dniu tygodnia: 13.03.2027." in page
    assert f'href="#postoj-{house.stop(key).id}">do postoju' in page
    assert page.count(f'id="postoj-{house.stop(key).id}"') == 1
    assert "sob. 13.03" in page
    assert "Osjaków" in page[page.index('id="pominiete"') :]
    assert re.search(r"sob. 13.03 1 dzień 9:00–10:00 Kobiety: 6 Kilometry: \d+ Zmień", words_in(page))


def test_an_empty_draft_says_what_to_do_next(house: House) -> None:
    """Nothing is drawn of what is not there, and it cannot be approved."""
    with db.transaction(house.engine) as session:
        key = itineraries.create(session, house.actor, NewItinerary(name="Lato", first_day=FIRST, last_day=LAST)).id
    person = house.person()
    page = read(person.get(f"/itineraries/{key}"))
    assert "Trasa nie ma żadnego postoju." in page
    assert 'id="mapa"' not in page
    refused = read(person.submit(f"/itineraries/{key}/approve", version="1"), 409)
    assert "Trasa nie ma żadnego postoju. </strong>" in refused.replace("postoju.</", "postoju. </")
    assert "Nie ma postojów do wydrukowania." in read(person.get(f"/itineraries/{key}/print"))


def test_a_version_marks_what_it_changes(house: House) -> None:
    """A stop that is new or elsewhere, and links both ways."""
    base = house.published()
    key = house.revised(base)
    person = house.person()
    page = read(person.get(f"/itineraries/{key}"))
    assert "zmieniony</span>" not in page
    assert 'class="b published' in page
    stop_id = house.stop(key).id
    assert f'href="/itineraries/{key}/stops/{stop_id}" title="Wieluń' in page
    assert f'href="/itineraries/{key}/stops/new?unit_id={house.unit.id}&first_day=2027-03-11"' in page
    store = wish(house, key, first_day=THURSDAY, step="store")
    followed(person, person.submit(f"/itineraries/{key}/stops/{stop_id}", **store))
    store = wish(house, key, first_day=MONDAY, step="store", site_id=house.another_site())
    page = followed(person, person.submit(f"/itineraries/{key}/stops/new", **store))
    assert "Wieluń, Plac Legionów zmieniony czw. 11.03" in words_in(page)
    assert "Osjaków nowy pon. 15.03" in words_in(page)
    assert 'class="b changed' in page
    assert f'href="#postoj-{house.stop(base).id}" title="Wieluń' in read(person.get(f"/itineraries/{base}"))
    assert "Ustalony postój jednostki Mammobus" in page
    assert f'Zmienia trasę <a href="/itineraries/{base}">' in page
    assert f'href="/itineraries/{key}">Wiosna (wersja 2)</a> (szkic)' in read(person.get(f"/itineraries/{base}"))


def test_other_hours_are_a_change_of_a_version_too(house: House) -> None:
    """On the same days but at other hours: the stop is marked, because its slots change."""
    key = house.revised(house.published())
    person, stop_id = house.person(), house.stop(key).id
    person.get(f"/itineraries/{key}")
    store = wish(house, key, opens="10:30", closes="13:00", step="store")
    page = followed(person, person.submit(f"/itineraries/{key}/stops/{stop_id}", **store))
    assert "Wieluń, Plac Legionów zmieniony śr. 10.03" in words_in(page)


def test_days_taken_by_another_itinerary_are_not_shown_as_free(house: House) -> None:
    """The timeline shows what is published elsewhere, but counts what the draft itself has."""
    house.published()
    key = house.draft(MONDAY)
    page = read(house.person().get(f"/itineraries/{key}"))
    assert 'class="b beside' in page
    assert "</span>w innej trasie</li>" in page
    assert f"first_day={WEDNESDAY}" not in page
    assert "1 postój, 6 kobiet" in words_in(page)


# edits by hand


def test_a_stop_is_tried_and_then_added(house: House) -> None:
    """At first nothing is stored; then exactly what was tried: two working days, and the women whom they reach."""
    key, site_id = house.draft(), house.another_site()
    person = house.person()
    page = read(person.get(f"/itineraries/{key}/stops/new?first_day=2027-03-12&unit_id={house.unit.id}"))
    assert "Osjaków · czeka 50 kobiet" in page
    assert f'<option value="{house.unit.id}" selected>' in page
    path = f"/itineraries/{key}/stops/new"
    tried = person.submit(path, **wish(house, key, site_id=site_id, first_day=FRIDAY, length=2))
    page = read(tried)
    assert "pt. 12.03 – pon. 15.03 (2 dni), 9:00–10:00, potem 8:00–10:00, 18 kobiet" in words_in(page)
    assert "To niczego nie narusza." in page
    assert re.search(r"Kobiety tyle obejmą postoje 6 24 ", words_in(page))
    assert len(house.itinerary(key).stops) == 1
    page = followed(person, person.submit(path, **form_of(tried)))
    assert "Postój jest dodany." in page
    added = house.itinerary(key).stops[1]
    assert ([row.day for row in added.days], added.women_planned, added.site_id) == ([FRIDAY, MONDAY], 18, site_id)


def test_what_an_edit_breaks_and_mends_is_told_before_it_is_stored(house: House) -> None:
    """From Saturday to Friday and back."""
    key = house.draft(SATURDAY)
    stop_id, person = house.stop(key).id, house.person()
    path = f"/itineraries/{key}/stops/{stop_id}"
    page = read(person.get(path))
    assert 'value="2027-03-13"' in page
    tried = person.submit(path, **wish(house, key, first_day=FRIDAY))
    page = read(tried)
    assert 'To naprawia:</strong> <ul class="list"><li>Mammobus nie pracuje w tym dniu tygodnia: 13.03.2027.' in page
    followed(person, person.submit(path, **form_of(tried)))
    assert house.stop(key).first_day == FRIDAY
    tried = person.submit(path, **wish(house, key, first_day=SATURDAY))
    assert 'To narusza zasady:</strong> <ul class="list"><li>Mammobus nie pracuje' in read(tried)
    assert "Zapisz zmianę mimo to" in read(tried)
    assert house.stop(key).first_day == FRIDAY


def test_a_stop_goes_to_another_unit_and_keeps_its_days(house: House) -> None:
    """Only what is asked for changes; hours that were given for all days come back into the form."""
    key, unit_id = house.draft(WEDNESDAY, THURSDAY), house.another_unit()
    person, path = house.person(), f"/itineraries/{key}/stops/{house.stop(key).id}"
    more = {"length": 2, "unit_id": unit_id, "opens": "10:00", "closes": "14:30", "women": 7, "step": "store"}
    assert "Postój jest zmieniony." in followed(person, person.submit(path, **wish(house, key, **more)))
    stop = house.stop(key)
    assert (stop.unit_id, [row.day for row in stop.days], stop.women_planned) == (unit_id, [WEDNESDAY, THURSDAY], 7)
    page = read(person.get(path))
    assert 'name="opens" type="time" value="10:00"' in page
    assert 'name="closes" type="time" value="14:30"' in page


def test_hours_that_differ_from_day_to_day_stay(house: House) -> None:
    """The form cannot show them; left empty it keeps those of the days that stay."""
    key = house.draft()
    with db.transaction(house.engine) as session:
        stop = itineraries.get(session, house.actor, key).stops[0]
        days = [DayHours(WEDNESDAY, time(11), time(13)), DayHours(THURSDAY)]
        command = itineraries.StopChange(version=2, days=days)
        itineraries.change_stop(session, house.actor, stop.id, command)
    person, path = house.person(), f"/itineraries/{key}/stops/{stop.id}"
    assert "puste pola zostawiają je bez zmian" in read(person.get(path))
    followed(person, person.submit(path, **wish(house, key, length=3, step="store")))
    hours = [(row.opens_at.hour, row.closes_at.hour) for row in house.stop(key).days]
    assert hours == [(10, 12), (7, 9), (7, 9)]


def test_a_stop_is_removed_after_a_look(house: House) -> None:
    """What that costs is told first."""
    key = house.draft()
    person, path = house.person(), f"/itineraries/{key}/stops/{house.stop(key).id}/remove"
    tried = person.submit(path, version="2", step="check")
    page = read(tried)
    assert "Po usunięciu postoju" in page
    assert "(gorzej)" in page
    assert len(house.itinerary(key).stops) == 1
    assert "Postój jest usunięty." in followed(person, person.submit(path, **form_of(tried)))
    assert house.itinerary(key).stops == []


def test_a_stop_is_pinned_and_let_go(house: House) -> None:
    """At once, by the version that was read."""
    key = house.draft()
    person, path = house.person(), f"/itineraries/{key}/stops/{house.stop(key).id}/pin"
    person.get(f"/itineraries/{key}")
    assert "przypięty</span>" in followed(person, person.submit(path, version="2", pinned="1"))
    assert "Ktoś zmienił te dane" in followed(person, person.submit(path, version="2", pinned="0"))
    assert house.stop(key).pinned
    followed(person, person.submit(path, version="3", pinned="0"))
    assert not house.stop(key).pinned


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("first_day", "jutro", "pierwszy dzień"),
        ("first_day", "2027-02-30", "pierwszy dzień"),
        ("first_day", "1-1-1", "pierwszy dzień"),
        ("first_day", "9999-12-31", "pierwszy dzień"),
        ("length", "0", "ile dni"),
        ("length", "93", "ile dni"),
        ("length", "-1", "ile dni"),
        ("length", "1e3", "ile dni"),
        ("length", "٣", "ile dni"),
        ("unit_id", "", "jednostka"),
        ("unit_id", "9" * 19, "jednostka"),
        ("site_id", "1 OR 1=1", "miejsce postoju"),
        ("opens", "25:00", "od godziny"),
        ("closes", "8", "do godziny"),
        ("women", "100001", "kobiety"),
        ("version", "x", "wersja"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_is_kept(house: House, field: str, value: str, named: str) -> None:
    """The form comes back as it was sent, to try or to store alike."""
    key = house.draft()
    person = house.person()
    person.get(f"/itineraries/{key}/stops/new")
    for step in ("check", "store"):
        fields = wish(house, key, women=17, opens="09:15", step=step) | {field: value}
        page = read(person.submit(f"/itineraries/{key}/stops/new", **fields), 422)
        assert f"Dane są niepoprawne: {named}" in page
        assert field == "opens" or 'value="09:15"' in page
        assert field == "women" or 'value="17"' in page
    assert len(house.itinerary(key).stops) == 1


def test_refusals_of_an_edit_are_told_on_its_page(house: House) -> None:
    """Where the unit stands already, is named; days outside, times reversed, things of others, an old version."""
    key = house.draft(WEDNESDAY, THURSDAY)
    person, path = house.person(), f"/itineraries/{key}/stops/new"
    person.get(path)
    site_id = house.another_site()
    page = read(person.submit(path, **wish(house, key, site_id=site_id, first_day=THURSDAY)), 409)
    assert "Jednostka byłaby w dwóch miejscach jednocześnie." in page
    assert f'jednostka stoi już tutaj: <a href="/itineraries/{key}/stops/{house.stop(key).id}">Wieluń' in page
    page = read(person.submit(path, **wish(house, key, first_day=LAST, length=2)), 422)
    assert "Dzień 1.06.2027 jest poza trasą. </strong> Wybierz dni od 1.03.2027" in page.replace(".</st", ". </st")
    page = read(person.submit(path, **wish(house, key, first_day=MONDAY, opens="12:00", closes="11:00")), 422)
    assert "Koniec musi być późniejszy niż początek." in page
    assert "Nie ma takiego obiektu" in read(person.submit(path, **wish(house, key, unit_id=2**60)), 404)
    assert "Nie ma takiego obiektu" in read(person.submit(path, **wish(house, key, site_id=2**60)), 404)
    page = read(person.submit(path, **wish(house, key, version=1, women=33, first_day=MONDAY)), 409)
    assert "Ktoś zmienił te dane w międzyczasie." in page
    assert 'value="33"' in page
    assert f'name="version" value="{house.itinerary(key).version}"' in page
    assert len(house.itinerary(key).stops) == 1


def test_a_published_itinerary_is_not_edited(house: House) -> None:
    """The form can be looked at, and sending it is refused with the way out."""
    key = house.published()
    person, path = house.person(), f"/itineraries/{key}/stops/{house.stop(key).id}"
    page = read(person.get(path))
    assert "Utwórz jej nową wersję." in page
    assert "disabled>Sprawdź" in page
    assert "tworząc jej nową wersję" in read(person.submit(path, **wish(house, key, step="store")), 409)


# approval


def test_a_draft_without_violations_is_approved_and_reopened(house: House) -> None:
    """And approved once more."""
    key = house.draft()
    person = house.person()
    assert "Zatwierdź trasę" in read(person.get(f"/itineraries/{key}"))
    page = followed(person, person.submit(f"/itineraries/{key}/approve", version="2"))
    assert "Trasa jest zatwierdzona." in page
    assert "Otwórz ponownie" in page
    assert "Trasa jest znów szkicem." in followed(person, person.submit(f"/itineraries/{key}/reopen", version="3"))
    assert "nie jest zatwierdzona" in followed(person, person.submit(f"/itineraries/{key}/reopen", version="4"))
    assert "Ktoś zmienił" in read(person.submit(f"/itineraries/{key}/approve", version="3"), 409)


def test_every_kind_of_violation_needs_its_reason(house: House) -> None:
    """A reason that was typed is not lost because another is missing; all are kept in the end."""
    key = house.draft(SATURDAY, women=60)
    person, path = house.person(), f"/itineraries/{key}/approve"
    page = read(person.get(f"/itineraries/{key}"))
    assert 'name="reason-not_a_weekday_of_unit"' in page
    codes = re.findall(r'name="reason-(\w+)"', page)
    assert len(codes) >= 2
    typed = {f"reason-{code}": f"powód {code} {EVIL}" for code in codes}
    missing = typed | {f"reason-{codes[-1]}": "  "}
    page = read(person.submit(path, version="2", **missing), 409)
    assert "Trasa narusza zasady: " in page
    assert f"powód {codes[0]} {EVIL}</textarea>" in page
    assert 'aria-invalid="true"' in page
    assert house.itinerary(key).status is ItineraryStatus.DRAFT
    assert "powód" in read(person.submit(path, version="2", **typed | {f"reason-{codes[0]}": "x" * 1001}), 422)
    assert "powód" in read(person.submit(path, version="2", **typed | {f"reason-{codes[0]}": "a\x00b"}), 422)
    page = followed(person, person.submit(path, version="2", **typed))
    assert "mimo naruszeń" in page
    accepted = house.itinerary(key).planning["accepted"]
    assert all(f"powód {code} {EVIL}" in accepted["reason"] for code in codes)


def test_a_base_that_changed_is_compared_before_the_approval(house: House) -> None:
    """The second press, after the comparison was offered, approves against the base as it is now."""
    base = house.published()
    key = house.revised(base)
    with db.transaction(house.engine) as session:
        itineraries.get_locked(session, house.actor, base).version += 1
    person, path = house.person(), f"/itineraries/{key}/approve"
    person.get(f"/itineraries/{key}")
    version = str(house.itinerary(key).version)
    refused = person.submit(path, version=version)
    page = read(refused, 409)
    assert f'<a href="/itineraries/{key}/compare">Porównaj obie</a>, a potem zatwierdź' in page
    found = re.search(r'name="base_version" value="(\d+)"', refused.text)
    assert found
    followed(person, person.submit(path, version=version, base_version=found[1]))
    assert house.itinerary(key).status is ItineraryStatus.APPROVED


def test_a_draft_is_renamed_and_put_aside(house: House) -> None:
    """A name of blanks is none; what was put aside cannot be changed any more, and says so."""
    key = house.draft()
    person = house.person()
    person.get(f"/itineraries/{key}")
    assert "nazwa" in followed(person, person.submit(f"/itineraries/{key}/rename", version="2", name=" "))
    assert "<h1>Lato " in followed(person, person.submit(f"/itineraries/{key}/rename", version="2", name=" Lato "))
    page = followed(person, person.submit(f"/itineraries/{key}/discard", version="3"))
    assert "Odrzucony szkic" in page
    assert house.itinerary(key).status is ItineraryStatus.DISCARDED
    assert "Nie wykonano." in followed(person, person.submit(f"/itineraries/{key}/rename", version="3", name="x"))


# publication


def test_an_itinerary_is_published_after_a_look_at_what_is_sent(house: House) -> None:
    """A draft only shows it; approved, it is published once."""
    key = house.draft()
    person, path = house.person(), f"/itineraries/{key}/publication"
    page = read(person.get(path))
    assert "Trasa jest szkicem: to tylko podgląd." in page
    assert '<th scope="row">harmonogramy</th><td>1</td>' in page
    assert "nie jest zatwierdzona" in read(person.submit(path, version="2"), 409)
    person.submit(f"/itineraries/{key}/approve", version="2")
    assert "Opublikuj trasę" in read(person.get(path))
    assert "Ktoś zmienił" in read(person.submit(path, version="2"), 409)
    page = followed(person, person.submit(path, version="3"))
    assert "Trasa jest opublikowana. Powstały punkty: 1, harmonogramy: 1, terminy: 6." in page
    assert house.itinerary(key).status is ItineraryStatus.PUBLISHED
    assert "Trasy w tym stanie się nie publikuje." in read(person.get(path))


def test_what_cannot_be_published_says_why_before_anybody_tries(house: House) -> None:
    """A unit that was taken out of use meanwhile; the way out stands beside it."""
    key = house.draft()
    with db.transaction(house.engine) as session:
        session.get_one(MobileUnit, house.unit.id).active = False
    page = read(house.person().get(f"/itineraries/{key}/publication"))
    assert "Tej trasy nie można opublikować. </strong> Mammobus: wycofano z użytku." in page.replace(".</st", ". </st")
    assert "Wybierz inną jednostkę" in page


def test_a_version_sends_only_the_difference(house: House) -> None:
    """Revised by a button, changed, approved with a reason, published; the one before is superseded."""
    base = house.published()
    person = house.person()
    person.get(f"/itineraries/{base}")
    answer = person.submit(f"/itineraries/{base}/revise")
    key = int(answer.headers["Location"].rpartition("/")[2])
    assert "To szkic nowej wersji." in followed(person, answer)
    assert "niczym się nie różni od obowiązującej" in read(person.get(f"/itineraries/{key}/publication"))
    store = wish(house, key, length=2, step="store")
    followed(person, person.submit(f"/itineraries/{key}/stops/{house.stop(key).id}", **store))
    page = read(person.get(f"/itineraries/{key}/publication"))
    assert "<dt>Zmienione</dt><dd>1</dd>" in page
    assert "terminy nowe: 12, wycofane: 0, bez zmian: 0" in words_in(page)
    fields = {"version": str(house.itinerary(key).version), "reason-fixed_stop_changed": "więcej kobiet"}
    followed(person, person.submit(f"/itineraries/{key}/approve", **fields))
    answer = person.submit(f"/itineraries/{key}/publication", version=str(house.itinerary(key).version))
    assert "Trasa jest opublikowana." in followed(person, answer)
    page = read(person.get(f"/itineraries/{base}"))
    assert "Zastąpiona nową wersją" in page
    assert house.itinerary(base).status is ItineraryStatus.SUPERSEDED
    assert "nie jest opublikowana" in followed(person, person.submit(f"/itineraries/{base}/revise"))


def test_visits_in_the_way_of_a_version_are_told_by_stop(house: House) -> None:
    """Nothing is published, and the stops and days of the visits are named; who accepts it may orphan their slots."""
    base = house.published()
    house.book(base)
    key = house.revised(base)
    person = house.person()
    person.get(f"/itineraries/{key}")
    followed(
        person,
        person.submit(
            f"/itineraries/{key}/stops/{house.stop(key).id}", **wish(house, key, first_day=FRIDAY, step="store")
        ),
    )
    fields = {"version": str(house.itinerary(key).version), "reason-fixed_stop_changed": "próba"}
    followed(person, person.submit(f"/itineraries/{key}/approve", **fields))
    path = f"/itineraries/{key}/publication"
    page = read(person.get(path))
    table = page[page.index('id="wizyty"') :]
    assert "Wieluń, Plac Legionów" in table
    assert '<span class="label">Wizyty: </span>1</td> <td role="cell"><time datetime="2027-03-10">śr. 10.03' in table
    assert "osieroć terminy z wizytami (trafią na listę)" in page
    version = str(house.itinerary(key).version)
    page = read(person.submit(path, version=version), 409)
    assert "są wizyty: 1." in page
    assert "Przenieś albo odwołaj te wizyty" in page
    assert house.itinerary(base).status is ItineraryStatus.PUBLISHED
    assert "Trasa jest opublikowana." in followed(person, person.submit(path, version=version, orphan="1"))
    assert house.itinerary(base).status is ItineraryStatus.SUPERSEDED


# comparison


def test_versions_are_compared_stop_by_stop(house: House) -> None:
    """Changed, added and removed, with the difference of the terms; a version with what it revises by itself."""
    base = house.published(WEDNESDAY)
    key = house.revised(base)
    person = house.person()
    page = read(person.get(f"/itineraries/{key}/compare"))
    assert "Postoje są takie same." in page
    store = wish(house, key, length=2, step="store")
    followed(person, person.submit(f"/itineraries/{key}/stops/{house.stop(key).id}", **store))
    store = wish(house, key, first_day=MONDAY, step="store", site_id=house.another_site())
    followed(person, person.submit(f"/itineraries/{key}/stops/new", **store))
    page = read(person.get(f"/itineraries/{key}/compare"))
    assert '<td role="cell">dni</td>' in page
    assert "śr. 10.03</time> (1 dzień)" in page
    assert "czw. 11.03</time> (2 dni)</strong>" in page
    assert 'Doszły <span class="muted">1</span>' in page
    assert "(lepiej)" in page
    page = read(person.get(f"/itineraries/{base}/compare?other_id={key}"))
    assert 'Nie ma ich już <span class="muted">1</span>' in page
    assert "wybierz trasę" in read(person.get(f"/itineraries/{base}/compare"))
    for odd in ("x", "-1", "0", "9" * 30):
        assert person.get(f"/itineraries/{key}/compare?other_id={odd}").status_code == 422


# what is done about breakdowns


def test_a_breakdown_is_answered_with_proposals_of_which_one_is_accepted(house: House) -> None:
    """The least disturbing first, each with its costs; accepted, it is the draft of a new version."""
    key = house.published()
    house.book(key)
    person, path = house.person(), f"/itineraries/{key}/breakdown"
    page = read(person.get(path))
    assert 'value="2027-03-01"' in page
    found = person.get(f"{path}?unit_id={house.unit.id}&first_day=2027-03-10&days=1&reason=skrzynia+biegów")
    page = read(found)
    late, lost = page.index("Przeniesienie na wolne dni tej jednostki"), page.index("Pominięcie dni awarii")
    assert late < lost
    assert "najmniej uciążliwe" in page[late:lost]
    assert '<dt>Wizyty</dt><dd>1</dd><dd class="note">dla wszystkich jest miejsce' in page[late:lost]
    assert '<dt>Wizyty</dt><dd>1</dd><dd class="note">bez miejsca: 1' in page[lost:]
    assert "nie odbędzie się" in page[lost:]
    assert "czw. 11.03" in page[late:lost]
    proposal = re.search(r'name="key" value="([0-9a-f]+)"', found.text)
    assert proposal
    fields = {"unit_id": str(house.unit.id), "first_day": "2027-03-10", "days": "1", "reason": "skrzynia biegów"}
    answer = person.submit(path, key=proposal[1], **fields)
    page = followed(person, answer)
    assert "To szkic nowej wersji po awarii." in page
    assert "Powstała po awarii (skrzynia biegów); do przeniesienia: 1 wizyta." in page
    made = int(answer.headers["Location"].rpartition("/")[2])
    assert house.stop(made).first_day == THURSDAY


def test_refusals_of_a_breakdown_keep_what_was_typed(house: House) -> None:
    """Nothing hit, nothing readable, a proposal that is gone, an itinerary that is not in force."""
    key = house.published()
    person, path = house.person(), f"/itineraries/{key}/breakdown"
    page = read(person.get(f"{path}?unit_id={house.unit.id}&first_day=2027-04-01&days=4&reason=opony"), 409)
    assert "W dniach od 1.04.2027 do 4.04.2027 jednostka Mammobus nie ma żadnego opublikowanego postoju" in page
    assert 'value="opony"' in page
    for odd in ("days=0", "days=93", "days=x", "days=1&reason=" + "x" * 201, "days=1&reason=%00"):
        assert person.get(f"{path}?unit_id={house.unit.id}&first_day=2027-03-10&{odd}").status_code == 422, odd
    fields = {"unit_id": str(house.unit.id), "first_day": "2027-03-10", "days": "1"}
    page = read(person.submit(path, key="0" * 16, **fields), 409)
    assert "Tej propozycji już nie ma" in page
    assert "Pominięcie dni awarii" in page
    draft = house.draft(THURSDAY)
    assert "trasie, która obowiązuje" in read(person.get(f"/itineraries/{draft}/breakdown"))


# on paper


def test_a_spreadsheet_holds_every_day_and_no_formula(house: House) -> None:
    """With hours, coordinates and the order of days; a name that looks like a formula is a text."""
    key = house.draft(THURSDAY, FRIDAY)
    with db.transaction(house.engine) as session:
        session.get_one(Site, house.site.id).name = '=HYPERLINK("x")'
    answer = house.person().get(f"/itineraries/{key}/stops.csv")
    assert answer.headers["Content-Disposition"] == f"attachment; filename=trasa-{key}.csv"
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert [(row["dzien"], row["od"], row["do"], row["dzien_postoju"]) for row in rows] == [
        ("2027-03-11", "09:00", "10:00", "1"),
        ("2027-03-12", "08:00", "10:00", "2"),
    ]
    assert rows[0]["miejsce"] == '\'=HYPERLINK("x")'
    assert (rows[0]["szerokosc"], rows[0]["dzien_tygodnia"]) == ("51.22097", "czw.")


def test_drivers_get_a_sheet_each(house: House) -> None:
    """All of them, or the one that is named."""
    key, unit_id = house.draft(), house.another_unit()
    person = house.person()
    person.get(f"/itineraries/{key}")
    store = wish(house, key, unit_id=unit_id, site_id=house.another_site(), step="store")
    followed(person, person.submit(f"/itineraries/{key}/stops/new", **store))
    page = read(person.get(f"/itineraries/{key}/print"))
    assert page.count('class="card sheet"') == 2
    assert "To szkic, a nie trasa, która obowiązuje." in page
    assert "51.22097, 18.56964" in page
    page = read(person.get(f"/itineraries/{key}/print?unit_id={unit_id}"))
    assert page.count('class="card sheet"') == 1
    assert "Osjaków" in page
    assert person.get(f"/itineraries/{key}/print?unit_id=x").status_code == 422
