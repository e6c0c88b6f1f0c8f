"""The API for planning jobs."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, update

from mobile_units import db
from mobile_units.models.planning import JobState, PlanningJob
from mobile_units.rules.roles import Role
from mobile_units.services import planning_jobs, planning_queue
from tests.factories import ApiClient, api_client
from tests.factories_catalogue import kept
from tests.factories_itineraries import OSJAKOW, SPRING, make_draft, make_world, stop_in
from tests.factories_planning_jobs import LEASE, NOW, claimed, no_jobs, planned

PATH = "/planning-jobs"
PROGRESS = {"seconds": 1.5, "iterations": 9, "women": 4, "km": 7.5, "value": 3.2, "history": [[0.5, 1.0], [1.5, 3.2]]}


@pytest.fixture
def world(api: ApiClient, engine: Engine) -> Iterator[dict[str, int]]:
    """A mammobus, two sites and a laboratory; nobody else asked for anything."""
    no_jobs(engine)
    made = make_world(api, engine)
    kept(api, "/sites", OSJAKOW)
    yield made
    no_jobs(engine)


def ask(api: ApiClient, **more: Any) -> dict[str, Any]:
    """A job that waits."""
    answer = api.post(PATH, SPRING | more)
    assert answer.status_code == 202, answer.json
    job: dict[str, Any] = answer.json
    return job


def run(engine: Engine) -> None:
    """Plays the planner for the job whose turn it is."""
    with db.transaction(engine) as session:
        taken = claimed(session)
        question = planning_jobs.question_of(session, taken)
        result = planning_jobs.answer(taken, question, lambda problem: problem, planned)
        planning_queue.finish(session, taken, result.to_json(), NOW)


def test_a_job_is_asked_for_and_read_back(api: ApiClient, world: dict[str, int]) -> None:
    """As it was asked, waiting, without a result."""
    weights = {"km_per_woman": 5.0}
    job = ask(api, unit_ids=[world["unit"]], seconds=120, seed=3, weights=weights)
    assert (job["kind"], job["state"], job["progress"], job["failure"]) == ("plan", "queued", None, None)
    assert (job["author_id"], job["itinerary_id"], job["started_at"]) == (api.actor.user_id, None, None)
    asked = job["request"]["plan"]
    assert (asked["seconds"], asked["seed"], asked["unit_ids"]) == (120.0, 3, [world["unit"]])
    assert asked["weights"]["km_per_woman"] == 5.0
    assert job["request"]["what_if"] is None
    assert api.get(f"{PATH}/{job['id']}").json == job | {"result": None}
    assert api.get(PATH).json["items"] == [job]


def test_what_would_be_is_asked_for(api: ApiClient, world: dict[str, int]) -> None:
    """With what would be different, which only such a job has."""
    supposed = {"units": [{"unit_id": world["unit"], "added_as": "Drugi"}], "weights": {"km_per_woman": 2.0}}
    job = ask(api, kind="what_if", what_if=supposed)
    assert (job["kind"], job["request"]["what_if"]["units"][0]["added_as"]) == ("what_if", "Drugi")
    for wrong in ({"kind": "what_if"}, {"what_if": supposed}, {"kind": "plan", "what_if": supposed}):
        refusal = api.post(PATH, SPRING | wrong)
        assert (refusal.status_code, list(refusal.json["errors"]["json"])) == (422, ["what_if"])


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"last_day": "2027-02-28"}, 422, "ends_before_start"),
        ({"last_day": "2037-02-28"}, 422, "period_too_long"),
        ({"last_day": "9999-12-31"}, 422, "invalid_input"),
        ({"name": ""}, 422, "invalid_input"),
        ({"seconds": 0.5}, 422, "invalid_input"),
        ({"seconds": 601}, 422, "invalid_input"),
        ({"seconds": "NaN"}, 422, "invalid_input"),
        ({"seed": -1}, 422, "invalid_input"),
        ({"unit_ids": []}, 422, "invalid_input"),
        ({"kind": "repair"}, 422, "invalid_input"),
        ({"weights": {"km_per_woman": 0}}, 422, "invalid_input"),
        ({"colour": "red"}, 422, "invalid_input"),
        ({"unit_ids": [2**60]}, 404, "not_found"),
        ({"itinerary_id": 2**60}, 404, "not_found"),
        ({"kind": "what_if", "what_if": {"left_out": [2**60]}}, 404, "not_found"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    api: ApiClient, world: dict[str, int], change: dict[str, Any], status: int, code: str
) -> None:
    """At once, with the usual codes; no job is kept."""
    refusal = api.post(PATH, SPRING | change)
    assert (refusal.status_code, refusal.json["code"]) == (status, code)
    assert api.get(PATH).json["total"] == 0


def test_without_units_there_is_nothing_to_plan(api: ApiClient) -> None:
    """The way out says what to add."""
    refusal = api.post(PATH, SPRING)
    assert (refusal.status_code, refusal.json["code"]) == (409, "nothing_to_plan")
    assert refusal.json["way_out_pl"]


def test_progress_is_followed(api: ApiClient, engine: Engine, world: dict[str, int]) -> None:
    """As it is told; who has the last answer is spared the same one."""
    job = ask(api)
    path = f"{PATH}/{job['id']}"
    with db.transaction(engine) as session:
        taken = claimed(session)
    first = api.get(path)
    assert (first.json["state"], first.json["progress"]) == ("running", None)
    known = {"If-None-Match": first.headers["ETag"]}
    unchanged = api.get(path, headers=known)
    assert (unchanged.status_code, unchanged.json) == (304, None)
    with db.transaction(engine) as session:
        planning_queue.report(session, taken, NOW, LEASE, PROGRESS)
    changed = api.get(path, headers=known)
    assert (changed.status_code, changed.json["progress"]) == (200, PROGRESS)


def test_a_plan_stands_beside_the_current_one(api: ApiClient, engine: Engine, world: dict[str, int]) -> None:
    """Stops, sites left out with reasons, and the terms of both."""
    draft = make_draft(api, world)
    job = ask(api, itinerary_id=draft["id"])
    run(engine)
    read = api.get(f"{PATH}/{job['id']}").json
    plan, current = read["result"]["plan"], read["result"]["current"]
    assert (read["state"], plan["solver"], plan["objective"]["women"], current["women"]) == ("done", "stand-in", 10, 60)
    assert plan["objective"]["value"] < plan["objective"]["women_weighted"]
    assert set(plan["objective"]) == set(current)
    assert plan["objective"]["weights"] == {"km_per_woman": 10.0, "crew_km_share": 0.3, "women_per_uneven_day": 0.2}
    days = ["2027-03-01"]
    assert plan["stops"] == [{"unit_id": world["unit"], "site_id": world["site"], "days": days, "women": 10}]
    [left] = plan["unserved"]
    assert (left["code"], left["reason_pl"], left["programme"]) == ("too_far", "za daleko", "breast")
    assert "result" not in api.get(PATH).json["items"][0]


def test_stops_of_a_unit_that_is_only_supposed_are_shown(api: ApiClient, engine: Engine, world: dict[str, int]) -> None:
    """Their unit has a text for a key; such a plan is not accepted."""
    supposed = {"units": [{"unit_id": world["unit"], "added_as": "Drugi"}], "left_out": [world["unit"]]}
    job = ask(api, kind="what_if", what_if=supposed)
    run(engine)
    read = api.get(f"{PATH}/{job['id']}").json
    assert [stop["unit_id"] for stop in read["result"]["plan"]["stops"]] == ["new-1"]
    assert read["result"]["current"]["women"] == 10
    refusal = api.post(f"{PATH}/{job['id']}/accept")
    assert (refusal.status_code, refusal.json["code"]) == (409, "unit_does_not_exist")


def test_a_plan_is_accepted_once(api: ApiClient, engine: Engine, world: dict[str, int]) -> None:
    """As a draft with its stops; before it is there, and a second time, it is refused."""
    job = ask(api)
    path = f"{PATH}/{job['id']}"
    early = api.post(f"{path}/accept")
    assert (early.status_code, early.json["code"]) == (409, "planning_job_not_done")
    run(engine)
    made = api.post(f"{path}/accept")
    assert (made.status_code, made.json["status"], made.json["name"]) == (201, "draft", SPRING["name"])
    assert [(stop["site"], stop["women_planned"]) for stop in made.json["stops"]] == [("Wieluń, Plac Legionów", 10)]
    assert api.get(f"/itineraries/{made.json['id']}").json == made.json
    assert api.get(path).json["itinerary_id"] == made.json["id"]
    again = api.post(f"{path}/accept")
    assert (again.status_code, again.json["code"]) == (409, "planning_job_accepted")
    assert str(made.json["id"]) in again.json["title_pl"]


def test_a_plan_in_whose_way_something_came_is_not_accepted(
    api: ApiClient, engine: Engine, world: dict[str, int]
) -> None:
    """The stop of the plan meets one that was pinned meanwhile."""
    draft = make_draft(api, world)
    job = ask(api, itinerary_id=draft["id"])
    run(engine)
    version = api.get(f"/itineraries/{draft['id']}").json["version"]
    stop = kept(api, f"/itineraries/{draft['id']}/stops", stop_in(world, "2027-03-01"))
    pinned = api.patch(f"/stops/{stop['id']}", {"version": version + 1, "pinned": True, "site_id": world["site"]})
    assert pinned.status_code == 200
    other = api.get("/sites").json["items"]
    elsewhere = next(site["id"] for site in other if site["id"] != world["site"])
    moved = api.patch(f"/stops/{stop['id']}", {"version": version + 2, "site_id": elsewhere})
    assert moved.status_code == 200
    refusal = api.post(f"{PATH}/{job['id']}/accept")
    assert (refusal.status_code, refusal.json["code"]) == (409, "unit_in_two_places")
    assert api.get(f"{PATH}/{job['id']}").json["itinerary_id"] is None


def test_a_job_is_cancelled(api: ApiClient, engine: Engine, world: dict[str, int]) -> None:
    """At once if it waits; a running one is asked to end; one that is over is not cancelled."""
    waiting = ask(api)
    cancelled = api.post(f"{PATH}/{waiting['id']}/cancel")
    assert (cancelled.status_code, cancelled.json["state"]) == (200, "cancelled")
    again = api.post(f"{PATH}/{waiting['id']}/cancel")
    assert (again.status_code, again.json["code"]) == (409, "planning_job_over")
    running = ask(api)
    with db.transaction(engine) as session:
        planning_queue.claim(session, NOW.replace(year=2100), LEASE)
    asked = api.post(f"{PATH}/{running['id']}/cancel").json
    assert (asked["state"], asked["cancel_requested"]) == ("running", True)


def test_a_failure_is_told_in_words(api: ApiClient, engine: Engine, world: dict[str, int]) -> None:
    """With its code, in both languages, and the way out."""
    job = ask(api)
    with db.transaction(engine) as session:
        failed = {"code": "out_of_use", "facts": {"what": "Mammobus 1"}}
        values = {"state": JobState.FAILED, "failure": failed}
        session.execute(update(PlanningJob).where(PlanningJob.id == job["id"]).values(values))
    failure = api.get(f"{PATH}/{job['id']}").json["failure"]
    assert (failure["code"], "Mammobus 1" in failure["title_pl"]) == ("out_of_use", True)
    assert len({failure[name] for name in ("title", "title_pl", "way_out", "way_out_pl")}) == 4


def test_jobs_are_filtered(api: ApiClient, world: dict[str, int]) -> None:
    """By kind and state, page by page."""
    ask(api)
    ask(api, kind="what_if", what_if={"weights": {"km_per_woman": 2.0}})
    for query, total in (("kind=plan", 1), ("state=queued", 2), ("state=done", 0), ("kind=plan&state=queued", 1)):
        assert api.get(f"{PATH}?{query}").json["total"] == total, query
    assert [job["kind"] for job in api.get(f"{PATH}?page_size=1").json["items"]] == ["what_if"]
    for query in ("state=lost", "colour=red"):
        assert api.get(f"{PATH}?{query}").json["code"] == "invalid_input", query


def test_another_provider_sees_and_changes_nothing(api: ApiClient, world: dict[str, int]) -> None:
    """Everything is as if it did not exist, units and itineraries included."""
    job = ask(api)
    stranger, path = api_client(api.app, api.engine), f"{PATH}/{job['id']}"
    answers = [stranger.get(path), stranger.post(f"{path}/cancel"), stranger.post(f"{path}/accept")]
    assert [(answer.status_code, answer.json["code"]) for answer in answers] == 3 * [(404, "not_found")]
    assert stranger.get(PATH).json["total"] == 0
    assert stranger.post(PATH, SPRING | {"unit_ids": [world["unit"]]}).json["code"] == "not_found"
    assert api.get(path).json["state"] == "queued"


def test_only_coordinators_plan(api: ApiClient, world: dict[str, int]) -> None:
    """Nobody else sees the jobs, either."""
    job = ask(api)
    path = f"{PATH}/{job['id']}"
    for role in Role:
        user = api.with_roles(role)
        answers = [
            user.get(PATH),
            user.post(PATH, SPRING),
            user.get(path),
            user.post(f"{path}/cancel"),
            user.post(f"{path}/accept"),
        ]
        expected = [200, 202, 200, 200, 409] if role is Role.COORDINATOR else 5 * [403]
        assert [answer.status_code for answer in answers] == expected
