"""The pages of plans: the list, asking for a plan, following it, and accepting it; who may, and what is refused."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select
from werkzeug.test import TestResponse

from mobile_units import clock, db
from mobile_units.models.itineraries import Itinerary, ItineraryStatus
from mobile_units.models.planning import JobKind, JobState, PlanningJob
from mobile_units.models.sites import Site
from mobile_units.models.units import MobileUnit
from mobile_units.planning.problem import GREEDY, Plan, Problem, Weights
from mobile_units.planning.reasons import REASONS
from mobile_units.rules.roles import Role
from mobile_units.services import itineraries, planning_jobs, planning_queue
from mobile_units.services.actors import Actor
from mobile_units.services.planning_jobs import NewJob
from mobile_units.services.what_if import OtherUnit, WhatIf
from routes.auth import needed_roles
from routes.pages import plan_forms
from routes.pages.left_out import TITLES
from tests import factories, factories_planning
from tests.factories_planning import FIRST, LAST, WEDNESDAY
from tests.factories_planning_jobs import LEASE, REQUEST, claimed, no_jobs, planned
from tests.routes.pages.browser import Browser, browser
from tests.routes.pages.test_style import ELSEWHERE, INLINE

NOW = datetime(2027, 2, 1, 9, tzinfo=UTC)
SUNDAY = date(2027, 3, 14)
EVIL = "<script>alert('zło')</script>"
PROGRESS = {
    "seconds": 7.5, "iterations": 12345, "women": 8594, "km": 1914.4, "value": 6973.8,
    "history": [[5.0, 6960.6], [6.0, 6973.8]],
}  # fmt: skip


class House:
    """A provider with a unit and two sites, its people in their browsers, and its database."""

    def __init__(self, app: Flask, engine: Engine) -> None:
        self.app, self.engine = app, engine
        with db.transaction(engine) as session:
            provider_id = factories.provider(session).id
            self.unit = factories_planning.unit(session, provider_id)
            self.sites = [factories_planning.site(session, provider_id) for _ in range(2)]
            self.actor = Actor(provider_id, factories.user(session, provider_id).id)

    def person(self, *roles: Role) -> Browser:
        """Somebody with these roles, a coordinator unless they are named, signed in."""
        found = browser(self.app, self.engine, *(roles or [Role.COORDINATOR]), provider_id=self.actor.provider_id)
        found.sign_in()
        found.get("/")
        return found

    def job(self, what_if: WhatIf | None = None, **changes: Any) -> int:
        """A job that waits; its key."""
        with db.transaction(self.engine) as session:
            asked = NewJob(plan=replace(REQUEST, **changes), what_if=what_if)
            return planning_jobs.queue(session, self.actor, asked).id

    def set(self, job_id: int, **values: Any) -> None:
        """Changes the row of a job."""
        with db.transaction(self.engine) as session:
            job = session.get_one(PlanningJob, job_id)
            for name, value in values.items():
                setattr(job, name, value)

    def running(self, **values: Any) -> int:
        """A job at which a planner works."""
        key = self.job()
        self.set(key, state=JobState.RUNNING, started_at=NOW, leased_until=NOW + LEASE, **values)
        return key

    def done(self, what_if: WhatIf | None = None, solver: str = "stand-in", **changes: Any) -> int:
        """A job with the plan of the stand-in."""

        def solve(problem: Problem) -> Plan:
            return replace(planned(problem), solver=solver)

        key = self.job(what_if, **changes)
        with db.transaction(self.engine) as session:
            taken = claimed(session, clock.now())
            assert taken.id == key
            question = planning_jobs.question_of(session, taken)
            result = planning_jobs.answer(taken, question, lambda problem: problem, solve)
            planning_queue.finish(session, taken, result.to_json(), clock.now())
        return key

    def draft(self, *days: date, name: str = "Wiosna") -> int:
        """A draft with a stop on Wednesday unless days are given; its key."""
        with db.transaction(self.engine) as session:
            made = factories_planning.draft(session, self.actor, name)
            command = factories_planning.stop_of(self.unit, self.sites[0], *(days or [WEDNESDAY]), women=6)
            itineraries.add_stop(session, self.actor, made.id, command)
            return made.id

    def jobs(self) -> list[PlanningJob]:
        """All jobs."""
        with db.reading(self.engine) as session:
            return list(session.scalars(select(PlanningJob).order_by(PlanningJob.id)))


@pytest.fixture
def house(app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A provider in the winter before; nobody else asked for anything."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    no_jobs(engine)
    yield House(app, engine)
    no_jobs(engine)


def text(response: TestResponse) -> str:
    """What a person reads on a page that was found, with breaks of any kind as single spaces."""
    assert response.status_code < 500
    body = re.sub(r"<(head|svg).*?</\1>", "", response.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def form(house: House, **changes: str) -> dict[str, Any]:
    """The form as it is sent for the spring."""
    sent = {
        "name": "Wiosna", "first_day": str(FIRST), "last_day": str(LAST), "which_units": "all", "which_sites": "all",
        "seconds": "5", "seed": "7", "km_per_woman": "10", "crew_km_share": "0,3", "women_per_uneven_day": "0.2",
    }  # fmt: skip
    return sent | changes


def send(person: Browser, path: str, data: dict[str, Any]) -> TestResponse:
    """Sends a form in which a name may have several values."""
    return person.client.post(path, data={"csrf_token": person.token} | data)


# who may


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.COORDINATOR])
def test_only_coordinators_see_plans(house: House, role: Role) -> None:
    """Others have no such entry, and the pages are refused to them."""
    key = house.done()
    person = house.person(role)
    assert 'href="/plans"' not in person.get("/").text
    for path in ("/plans", "/plans/new", f"/plans/jobs/{key}", f"/plans/jobs/{key}/progress"):
        assert person.get(path).status_code == 403
    for path in ("/plans/new", "/plans/empty", f"/plans/jobs/{key}/cancel", f"/plans/jobs/{key}/accept"):
        assert person.submit(path).status_code == 403


def test_every_page_names_the_coordinator_alone(app: Flask) -> None:
    """Whatever is added to these pages is for coordinators, too."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("planning.")]
    assert len(rules) >= 8
    for rule in rules:
        for method in (rule.methods or set()) & {"GET", "POST"}:
            assert needed_roles(app.view_functions[rule.endpoint], method) == {Role.COORDINATOR}


def test_another_provider_sees_nothing_of_it(house: House, app: Flask, engine: Engine) -> None:
    """Itineraries and jobs are the provider's own, and so are units and sites."""
    job_id, itinerary_id = house.done(), house.draft(name="Nasza trasa")
    stranger = browser(app, engine, Role.COORDINATOR)
    stranger.sign_in()
    page = text(stranger.get("/plans"))
    assert "Nasza trasa" not in page
    assert "Nie ma jeszcze żadnej trasy." in page
    for path in (f"/plans/jobs/{job_id}", f"/plans/new?job_id={job_id}", f"/plans/new?itinerary_id={itinerary_id}"):
        assert stranger.get(path).status_code == 404
    for word in ("cancel", "accept"):
        assert stranger.submit(f"/plans/jobs/{job_id}/{word}").status_code == 404
    assert "Nie ma jeszcze czynnej jednostki" in text(stranger.get("/plans/new"))


@pytest.mark.parametrize("path", ["/plans/new", "/plans/empty", "/plans/jobs/1/cancel", "/plans/jobs/1/accept"])
def test_forms_need_the_token_of_the_page(house: House, path: str) -> None:
    """Another site cannot send them in the name of a user."""
    person = house.person()
    person.token = "else"
    assert person.submit(path).status_code == 400


# the list


def test_the_list_tells_what_itineraries_are_worth(house: House) -> None:
    """State, period, stops, women, kilometres, and how much is wrong with it, leading there."""
    key = house.draft(WEDNESDAY, SUNDAY)
    page = house.person().get("/plans")
    read = text(page)
    assert "Wiosna 1 marca – 31 maja 2027 szkic Postoje: 1 Kobiety: 6 Kilometry: " in read
    assert f'href="/itineraries/{key}#naruszenia" class="bad-text">' in page.text


def test_nobody_asks_what_is_wrong_with_what_is_over(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A past itinerary shows what it planned, and no violations."""
    house.draft(SUNDAY)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=180))
    assert "Kobiety: 6 Kilometry: – Naruszenia: –" in text(house.person().get("/plans"))


def test_the_first_of_many_are_judged(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judging takes time, so that of further ones the page only leads to where it is told."""
    monkeypatch.setattr("mobile_units.services.plan_list.JUDGED", 1)
    house.draft()
    house.draft(name="Druga")
    page = text(house.person().get("/plans"))
    assert re.search(r"Druga .* Naruszenia: 0 Wiosna .* Naruszenia: sprawdź", page)


def test_the_list_is_narrowed_to_a_state(house: House) -> None:
    """Each state has its list; what is no state is refused."""
    house.draft(name="Szkic trasy")
    person = house.person()
    assert "Szkic trasy" in text(person.get("/plans?status=draft"))
    empty = text(person.get("/plans?status=published"))
    assert "Szkic trasy" not in empty
    assert "Nie ma tras w tym stanie." in empty
    for wrong in ("/plans?status=<b>", "/plans?page=0", "/plans?page=x"):
        assert person.get(wrong).status_code == 422


def test_a_long_list_has_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty itineraries a page, in their state; past the end there is a way back."""
    monkeypatch.setattr("routes.pages.planning.PAGE_SIZE", 1)
    house.draft(name="Pierwsza")
    house.draft(name="Druga")
    person = house.person()
    first = person.get("/plans?status=draft")
    assert "strona 1 z 2" in text(first)
    assert 'href="/plans?page=2&amp;status=draft"' in first.text
    assert "Pierwsza" in text(person.get("/plans?page=2&status=draft"))


def test_proposals_stand_before_the_itineraries(house: House) -> None:
    """Plans that nobody accepted or cancelled, with the women of the plan, else of the best so far."""
    house.done(name="Gotowy")
    house.set(house.done(name="Przerwany"), state=JobState.CANCELLED, result=None)
    house.set(house.job(name="Liczony"), progress=PROGRESS)
    house.job(WhatIf(left_out=[]), name="Zamówiony")
    page = text(house.person().get("/plans"))
    order = [page.index(name) for name in ("Zamówiony co by było, gdyby", "Liczony", "Gotowy")]
    assert order == sorted(order)
    assert "Przerwany" not in page
    assert "czeka Kobiety: 8594 Kilometry: 1914" in page
    assert "gotowy Kobiety: 10 Kilometry: " in page


# asking


def test_the_form_begins_with_the_next_quarter_and_the_usual_weights(house: House) -> None:
    """All units and sites, by what the terms are worth to the provider."""
    page = house.person().get("/plans/new")
    for field in ('value="II kwartał 2027"', 'value="2027-04-01"', 'value="2027-06-30"', 'value="0,3"'):
        assert field in page.text
    assert "wszystkie czynne (1)" in text(page)
    assert "wszystkie czynne (2)" in text(page)
    assert "zwykle 0,3" in text(page)


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        (date(2026, 11, 23), date(2027, 1, 1), date(2027, 3, 31)),
        (date(2027, 1, 1), date(2027, 4, 1), date(2027, 6, 30)),
        (date(2027, 6, 30), date(2027, 7, 1), date(2027, 9, 30)),
    ],
)
def test_the_next_quarter(today: date, first: date, last: date) -> None:
    """It begins after the quarter of today ends."""
    assert plan_forms.next_quarter(today) == (first, last)


def test_a_plan_is_asked_for_and_followed(house: House) -> None:
    """The job is what was typed, and the page of the job is shown; weights as usual are none."""
    person = house.person()
    answer = send(person, "/plans/new", form(house))
    [job] = house.jobs()
    assert (answer.status_code, answer.location) == (302, f"/plans/jobs/{job.id}")
    assert NewJob.from_json(job.request) == NewJob(plan=REQUEST)
    assert (job.kind, job.author_id) == (JobKind.PLAN, person.user.id)
    assert "Plan czeka" in text(person.get(answer.location))


def test_units_sites_and_weights_are_chosen(house: House) -> None:
    """Only what is chosen is planned, and only if it is wanted so."""
    chosen = {"units": [str(house.unit.id)], "sites": [str(house.sites[1].id)]}
    wanted = {"which_units": "some", "which_sites": "some", "km_per_woman": "2,5"}
    person = house.person()
    send(person, "/plans/new", form(house) | chosen | wanted)
    send(person, "/plans/new", form(house) | chosen)
    some, all_of_them = [NewJob.from_json(job.request).plan for job in house.jobs()]
    assert (some.unit_ids, some.site_ids) == ((house.unit.id,), (house.sites[1].id,))
    assert some.weights == Weights(km_per_woman=2.5)
    assert (all_of_them.unit_ids, all_of_them.site_ids, all_of_them.weights) == ((), (), None)


def test_what_would_be_is_asked_for(house: House) -> None:
    """One more unit, another base at one of the sites, a unit left out."""
    with db.transaction(house.engine) as session:
        second = factories_planning.unit(session, house.actor.provider_id).id
        third = factories_planning.unit(session, house.actor.provider_id).id
    supposed = {
        "like": str(house.unit.id), "added_as": "Czwarty", "moved": str(second), "moved_to": str(house.sites[0].id),
        "left_out": [str(third)],
    }  # fmt: skip
    person = house.person()
    send(person, "/plans/new", form(house) | supposed)
    [job] = house.jobs()
    site = house.sites[0]
    assert job.kind is JobKind.WHAT_IF
    assert NewJob.from_json(job.request).what_if == WhatIf(
        units=(
            OtherUnit(unit_id=second, latitude=site.latitude, longitude=site.longitude),
            OtherUnit(unit_id=house.unit.id, added_as="Czwarty"),
        ),
        left_out=(third,),
    )
    page = text(person.get(f"/plans/jobs/{job.id}"))
    assert "Mammobus z inną bazą; dodatkowa jednostka „Czwarty”, taka jak Mammobus; bez jednostki Mammobus." in page


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": " "}, "nazwa"), ({"first_day": "1.3.2027"}, "pierwszy dzień"), ({"last_day": ""}, "ostatni dzień"),
        ({"seconds": "0"}, "czas liczenia"), ({"seconds": "601"}, "czas liczenia"), ({"seed": "-1"}, "ziarno"),
        ({"km_per_woman": "0"}, "Kilometry za kobietę"), ({"km_per_woman": "dziesięć"}, "Kilometry za kobietę"),
        ({"crew_km_share": "101"}, "Kilometr zespołu"), ({"women_per_uneven_day": ""}, "Dzień nierówności"),
        ({"which_units": "some"}, "jednostki (wybierz"), ({"which_sites": "some"}, "miejsca (wybierz"),
        ({"which_sites": "some", "sites": "x"}, "miejsca"), ({"moved_to": "1"}, "inna baza"),
        ({"moved": "999999999"}, "inna baza"), ({"like": "x"}, "dodatkowa jednostka"),
        ({"like": "1", "added_as": ""}, "nazwa dodatkowej jednostki"),
        ({"last_day": "2027-02-28"}, "późniejszy niż początek"), ({"last_day": "2028-12-31"}, "dni"),
        ({"itinerary_id": "x"}, "trasa"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_refused_in_its_place(house: House, wrong: dict[str, str], told: str) -> None:
    """The form comes back with what was typed and what to correct; nothing is asked for."""
    person = house.person()
    answer = send(person, "/plans/new", form(house, name="Moja nazwa") | wrong)
    assert answer.status_code == 422
    assert told in text(answer)
    assert 'role="alert"' in answer.text
    assert "name" in wrong or 'value="Moja nazwa"' in answer.text
    assert house.jobs() == []


def test_what_was_typed_is_shown_as_text(house: House) -> None:
    """Markup that somebody types is nothing but text."""
    person = house.person()
    answer = send(person, "/plans/new", form(house, name=EVIL, seconds=EVIL))
    assert answer.status_code == 422
    assert EVIL not in answer.text
    key = house.done(name=EVIL)
    for path in ("/plans", f"/plans/jobs/{key}", f"/plans/new?job_id={key}"):
        assert EVIL not in person.get(path).text
        assert EVIL in unescape(person.get(path).text)


def test_a_unit_of_somebody_else_is_not_found(house: House) -> None:
    """Keys of others are no keys."""
    person = house.person()
    wanted = {"which_units": "some", "units": ["987654321"]}
    assert send(person, "/plans/new", form(house) | wanted).status_code == 404
    assert house.jobs() == []


def test_an_itinerary_is_planned_anew(house: House) -> None:
    """The form has its name and days, says what stays, and the job is about it."""
    key = house.draft(name="Wiosna od nowa")
    person = house.person()
    page = person.get(f"/plans/new?itinerary_id={key}")
    assert 'value="Wiosna od nowa"' in page.text
    assert "Postoje przypięte i opublikowane zostają" in text(page)
    send(person, "/plans/new", form(house, itinerary_id=str(key)))
    [job] = house.jobs()
    assert NewJob.from_json(job.request).plan.itinerary_id == key
    again = send(person, "/plans/new", form(house, itinerary_id=str(key), seed="x"))
    assert (again.status_code, f'name="itinerary_id" value="{key}"' in again.text) == (422, True)


def test_a_job_is_asked_for_again_as_it_was(house: House) -> None:
    """Its form is filled with what was asked."""
    supposed = WhatIf(units=(OtherUnit(unit_id=house.unit.id, added_as="Drugi"),))
    key = house.job(supposed, site_ids=(house.sites[0].id,), weights=Weights(km_per_woman=3.5), seed=99)
    page = house.person().get(f"/plans/new?job_id={key}").text
    for field in ('value="99"', 'value="3,5"', 'value="Drugi"', f'name="sites" value="{house.sites[0].id}" checked'):
        assert field in page
    assert f'name="sites" value="{house.sites[1].id}">' in page


def test_an_empty_draft_is_begun(house: House) -> None:
    """It is shown to be filled by hand; what cannot be is told on the form."""
    person = house.person()
    fields = {"name": "Ręczna", "first_day": str(FIRST), "last_day": str(LAST)}
    answer = person.submit("/plans/empty", **fields)
    with db.reading(house.engine) as session:
        made = session.scalars(select(Itinerary).where(Itinerary.name == "Ręczna")).one()
    assert (made.status, answer.location) == (ItineraryStatus.DRAFT, f"/itineraries/{made.id}")
    refused = person.submit("/plans/empty", **fields | {"last_day": "2026-01-01"})
    assert refused.location == "/plans/new#recznie"
    assert "późniejszy niż początek" in text(person.get("/plans/new"))


# following


def test_a_waiting_plan_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a minute it says whom to ask."""
    key = house.job()
    with db.transaction(house.engine) as session:
        session.get_one(PlanningJob, key).created_at = NOW
    person = house.person()
    assert "Czeka na wolnego planistę. Przerwij" not in text(person.get(f"/plans/jobs/{key}"))
    assert "mobile-units worker" not in text(person.get(f"/plans/jobs/{key}"))
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=5))
    assert "Czeka już 5 min. " in text(person.get(f"/plans/jobs/{key}"))


def test_a_running_plan_shows_the_best_so_far(house: House) -> None:
    """Women, kilometres, value, seconds, iterations and the curve; with a script that follows it, or without one."""
    key = house.running(progress=PROGRESS)
    page = house.person().get(f"/plans/jobs/{key}")
    assert "Kobiety 8594 najlepszy plan dotąd Kilometry 1914" in text(page)
    assert "Wartość 6973,8" in text(page)
    assert "szukanie: 5 s Próby 12 345" in text(page)
    assert '<polyline points="4.0,68.0 66.4,68.0 66.4,4.0"' in page.text
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page.text
    assert 'src="/static/planning.js" defer' in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'; connect-src 'self';" in policy
    assert "unsafe" not in policy


def test_a_plan_that_is_prepared_has_no_figures_yet(house: House) -> None:
    """Before there is a plan the page says what is done."""
    nothing: dict[str, Any] = {"seconds": 3.0, "iterations": 0, "women": None, "km": None, "value": None, "history": []}
    page = text(house.person().get(f"/plans/jobs/{house.running(progress=nothing)}"))
    assert "Przygotowanie: odległości i model…" in page
    assert "Kobiety – najlepszy plan dotąd" in page


def test_the_progress_alone_is_a_part_of_the_page(house: House) -> None:
    """The script puts it in its place; its state tells when the page has to be loaded anew."""
    key = house.running(progress=PROGRESS)
    person = house.person()
    part = person.get(f"/plans/jobs/{key}/progress")
    assert part.text.strip().removeprefix('<div class="progress" data-state="running">') != part.text.strip()
    assert "<html" not in part.text
    house.set(key, state=JobState.DONE, leased_until=None, result={})
    assert 'data-state="done"' in person.get(f"/plans/jobs/{key}/progress").text


def test_a_plan_is_cancelled(house: House) -> None:
    """One that waits ends at once, one at which a planner works soon; one that is over cannot be."""
    waiting, running, person = house.job(), house.running(), house.person()
    assert person.submit(f"/plans/jobs/{waiting}/cancel").location == f"/plans/jobs/{waiting}"
    ended = text(person.get(f"/plans/jobs/{waiting}"))
    assert "Liczenie przerwano" in ended
    assert "Nic nie powstało i nic się nie zmieniło." in ended
    person.submit(f"/plans/jobs/{running}/cancel")
    page = person.get(f"/plans/jobs/{running}")
    assert "Kończy się na życzenie…" in text(page)
    assert f'action="/plans/jobs/{running}/cancel"' not in page.text
    again = person.submit(f"/plans/jobs/{waiting}/cancel")
    assert (again.status_code, 'role="alert"' in again.text) == (409, True)


def test_a_plan_that_failed_says_why(house: House) -> None:
    """With the way out, and the form as it was asked for."""
    key = house.job()
    house.set(key, state=JobState.FAILED, failure={"code": "planner_failed", "facts": {"reason": "x"}}, ended_at=NOW)
    page = house.person().get(f"/plans/jobs/{key}")
    assert "Planu nie ma" in text(page)
    assert "Nie udało się ułożyć planu" in text(page)
    assert f'href="/plans/new?job_id={key}"' in page.text
    assert "planning.js" not in page.text


# the plan


def test_a_plan_is_laid_before_a_person(house: House) -> None:
    """Its figures, terms, timeline, map, and what is left out, why; that distances are estimated is said."""
    page = house.person().get(f"/plans/jobs/{house.done()}")
    read = text(page)
    assert "Plan jest gotowy" in read
    assert "Kobiety 10 z 100 czekających Postoje 1 wszystkie nowe" in read
    assert "Kilometry są szacowane: linia prosta razy 1,3." in read
    assert "1 Za daleko od bazy i innych postojów mammografia za daleko Wieluń, Plac Legionów" in read
    assert "obecny plan" not in read
    for drawing in ('<div class="timeline" role="region" tabindex="0"', '<svg class="map"', 'class="served u0'):
        assert drawing in page.text
    assert not INLINE.search(page.text)
    assert not ELSEWHERE.search(page.text)


def test_a_service_of_roads_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one is asked, distances are not estimated."""
    settings = replace(house.app.extensions["settings"], osrm_url="http://127.0.0.1:5000")
    monkeypatch.setitem(house.app.extensions, "settings", settings)
    assert "Kilometry podaje usługa dróg (OSRM)" in text(house.person().get(f"/plans/jobs/{house.done()}"))


def test_a_plan_stands_beside_the_current_one(house: House) -> None:
    """Term by term with the difference, better or worse in words; what was fixed is told."""
    key = house.draft()
    with db.transaction(house.engine) as session:
        itineraries.get(session, house.actor, key).stops[0].pinned = True
    page = house.person().get(f"/plans/jobs/{house.done(itinerary_id=key)}")
    read = text(page)
    assert "Składnik obecny plan ten plan różnica w ocenie" in read
    assert re.search(r"Kobiety tyle obejmą postoje 6 16 z 100 \(16%\) \+10 \(lepiej\) –", read)
    assert "w tym stałe: 1" in read
    assert 'class="b pinned begins ends"' in page.text


def test_a_substitute_plan_is_marked(house: House) -> None:
    """The greedy answer is not sold as the best one."""
    page = text(house.person().get(f"/plans/jobs/{house.done(solver=GREEDY)}"))
    assert "Plan jest gotowy plan zastępczy" in page
    assert "ułożony prostą regułą" in page


def test_a_plan_is_accepted_once(house: House) -> None:
    """It becomes a draft, which is shown; after that the page leads there."""
    key, person = house.done(name="Przyjęta"), house.person()
    person.get(f"/plans/jobs/{key}")
    answer = person.submit(f"/plans/jobs/{key}/accept")
    with db.reading(house.engine) as session:
        made = session.scalars(select(Itinerary).where(Itinerary.name == "Przyjęta")).one()
    assert answer.location == f"/itineraries/{made.id}"
    page = person.get(f"/plans/jobs/{key}")
    assert f'href="/itineraries/{made.id}">Przejdź do szkicu' in page.text
    assert f'action="/plans/jobs/{key}/accept"' not in page.text
    again = person.submit(f"/plans/jobs/{key}/accept")
    assert (again.status_code, 'role="alert"' in again.text) == (409, True)
    with db.reading(house.engine) as session:
        assert session.scalar(select(func.count()).where(Itinerary.name == "Przyjęta")) == 1


def test_a_plan_that_is_not_done_is_not_accepted(house: House) -> None:
    """The page says so, and there is no draft."""
    answer = house.person().submit(f"/plans/jobs/{house.running()}/accept")
    assert (answer.status_code, "Plan się liczy" in text(answer)) == (409, True)


def test_a_supposed_unit_cannot_be_accepted(house: House) -> None:
    """The plan shows what it would bring, beside the one without it, and has no button."""
    with db.transaction(house.engine) as session:
        session.get_one(MobileUnit, house.unit.id).name = "Prawdziwy"
    supposed = WhatIf(units=(OtherUnit(unit_id=house.unit.id, added_as="Drugi"),), left_out=())

    def only_the_new_one(problem: Problem) -> Plan:
        return planned(replace(problem, units=problem.units[::-1]))

    key = house.job(supposed)
    with db.transaction(house.engine) as session:
        taken = claimed(session, NOW)
        question = planning_jobs.question_of(session, taken)
        result = planning_jobs.answer(taken, question, lambda problem: problem, only_the_new_one)
        planning_queue.finish(session, taken, result.to_json(), NOW)
    person = house.person()
    page = person.get(f"/plans/jobs/{key}")
    assert "Nie da się go przyjąć." in text(page)
    assert "Składnik bez zmiany ten plan" in text(page)
    assert "accept" not in page.text
    assert person.submit(f"/plans/jobs/{key}/accept").status_code == 409


def test_a_plan_outlives_what_it_is_about(house: House) -> None:
    """Without its unit there is no map, but the figures stay."""
    key = house.done(unit_ids=(house.unit.id,))
    with db.transaction(house.engine) as session:
        session.get_one(MobileUnit, house.unit.id).active = False
    page = text(house.person().get(f"/plans/jobs/{key}"))
    assert "Mapy i przebiegu nie ma" in page
    assert "Kobiety 10 z 100" in page


def test_doubtful_places_are_told_on_the_map(house: House) -> None:
    """Coordinates that nobody confirmed are named as such."""
    with db.transaction(house.engine) as session:
        session.get_one(Site, house.sites[0].id).location_confidence = 0.2
    page = text(house.person().get(f"/plans/jobs/{house.done()}"))
    assert "1 miejsce ma położenie, którego nikt nie potwierdził." in page


def test_every_reason_has_a_heading() -> None:
    """Whatever the planner says of a place that is left out is told in short, too."""
    assert set(TITLES) == set(REASONS)
