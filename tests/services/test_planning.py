"""Planning: what the planner is asked, how its plan is kept, how itineraries are judged."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.contracts import ContractRange
from mobile_units.models.itineraries import ItineraryStatus, Stop
from mobile_units.models.planning import PlanningSettings
from mobile_units.models.schedules import Schedule
from mobile_units.models.sites import Site, SiteBlackout
from mobile_units.models.slots import Slot
from mobile_units.models.units import MobileUnit, UnitCapacity, UnitSite, UnitUnavailability
from mobile_units.planning.problem import (
    Capacity,
    Limit,
    Matrix,
    Objective,
    Period,
    Plan,
    PlannedStop,
    Problem,
    Roads,
    Unserved,
    Weights,
)
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import itineraries, planning, versions
from mobile_units.services.actors import Actor
from mobile_units.services.itineraries import DayHours, StopChange
from mobile_units.services.planning import PlanRequest
from tests import factories, factories_planning, factories_transmission
from tests.factories_planning import (
    CYTOLOGY,
    FIRST,
    HPV,
    LAST,
    MAMMOGRAPHY,
    THURSDAY,
    WEDNESDAY,
    does,
    draft,
    site,
    stop_of,
    unit,
)
from tests.statements import counted, refused

FRIDAY, MONDAY = date(2027, 3, 12), date(2027, 3, 15)
REQUEST = PlanRequest(name="Wiosna", first_day=FIRST, last_day=LAST)


@pytest.fixture
def stranger(session: Session) -> Actor:
    """The system acting for another provider."""
    return Actor(factories.provider(session).id)


def plan_of(*stops: PlannedStop) -> Plan:
    """A plan as the solver would give it."""
    objective = Objective(
        women=sum(stop.women for stop in stops),
        women_weighted=20.5,
        women_due=90,
        km=25.04,
        km_crews=10.0,
        unit_days=60,
        unit_days_used=2,
        uneven_days=1.0,
        weights=Weights(),
    )
    unserved = (Unserved(7, "too_far", "Too far.", "Za daleko.", Programme.CERVICAL),)
    return Plan(stops=stops, unserved=unserved, objective=objective, seconds=1.2345, solver="search", seed=5)


# what is to be planned


def test_all_active_units_with_a_programme_and_all_active_sites_are_planned(
    session: Session, actor: Actor, stranger: Actor
) -> None:
    """Not the retired ones, not a unit that examines nobody, nothing of another provider."""
    here, there = unit(session, actor.provider_id), site(session, actor.provider_id)
    unit(session, actor.provider_id, programmes=[])
    unit(session, actor.provider_id, active=False)
    site(session, actor.provider_id, active=False)
    unit(session, stranger.provider_id)
    site(session, stranger.provider_id)
    problem = planning.problem_for(session, actor, REQUEST)
    assert [each.id for each in problem.units] == [here.id]
    assert [each.id for each in problem.sites] == [there.id]
    assert (problem.first_day, problem.last_day) == (FIRST, LAST)
    assert problem.sites[0].women_due == {Programme.BREAST: 50}


@pytest.mark.parametrize(
    ("setup_minutes", "what", "women"),
    [
        (0, {}, (12, 12)),
        (60, {}, (12, 6)),
        (65, {}, (12, 5)),
        (60, {"limit": 8}, (8, 6)),
        (60, {"limit": 5}, (5, 5)),
        (60, {"limit": 20, "rooms": 2}, (20, 12)),
    ],
)
def test_a_unit_reaches_as_many_women_as_its_hours_rooms_and_limit_allow(
    session: Session, actor: Actor, setup_minutes: int, what: dict[str, Any], women: tuple[int, int]
) -> None:
    """From 8:00 to 10:00, ten minutes each; on the first day of a stop the first woman waits for the set-up."""
    made = unit(session, actor.provider_id, [does(session, actor.provider_id, **what)], setup_minutes=setup_minutes)
    planned = planning.planning_unit(made)
    assert (planned.women_per_day, planned.women_on_first_day) == tuple({Programme.BREAST: each} for each in women)


def test_a_combined_unit_examines_in_both_programmes_at_once(session: Session, actor: Actor) -> None:
    """12 mammographies of ten minutes and 6 cytologies of twenty; 6 and 3 in the hour after the set-up."""
    both = [
        does(session, actor.provider_id),
        does(session, actor.provider_id, Programme.CERVICAL, minutes=20),
    ]
    planned = planning.planning_unit(unit(session, actor.provider_id, both))
    assert planned.women_per_day == {Programme.BREAST: 12, Programme.CERVICAL: 6}
    assert planned.women_on_first_day == {Programme.BREAST: 6, Programme.CERVICAL: 3}
    assert planned.programmes == frozenset(Programme)


def test_only_named_units_are_planned_each_once(session: Session, actor: Actor) -> None:
    """However often a unit is named."""
    one, other, _ = (unit(session, actor.provider_id) for _ in range(3))
    site(session, actor.provider_id)
    request = replace(REQUEST, unit_ids=[other.id, one.id, other.id])
    assert [each.id for each in planning.problem_for(session, actor, request).units] == [one.id, other.id]


def test_a_named_unit_has_to_be_ready(session: Session, actor: Actor, stranger: Actor) -> None:
    """It is not left out in silence; one of another provider does not exist."""
    site(session, actor.provider_id)
    ready = unit(session, actor.provider_id)
    for wrong, code in (
        (unit(session, stranger.provider_id), "not_found"),
        (unit(session, actor.provider_id, active=False), "out_of_use"),
        (unit(session, actor.provider_id, programmes=[]), "unit_without_programme"),
    ):
        with refused(code):
            planning.problem_for(session, actor, replace(REQUEST, unit_ids=[ready.id, wrong.id]))


def test_without_units_or_women_there_is_nothing_to_plan(session: Session, actor: Actor) -> None:
    """The refusal says what is missing: a unit, or women due for what the units offer."""
    site(session, actor.provider_id, {Programme.CERVICAL: 40})
    for missing in ("no unit has a programme", "no women are due"):
        with pytest.raises(DomainError) as refusal:
            planning.problem_for(session, actor, REQUEST)
        assert (refusal.value.code, refusal.value.facts["missing_en"]) == ("nothing_to_plan", missing)
        unit(session, actor.provider_id)


@pytest.mark.parametrize(
    ("last_day", "code"), [(FIRST - timedelta(days=1), "ends_before_start"), (date(2072, 3, 1), "period_too_long")]
)
def test_a_mistaken_period_is_refused_before_anything_is_computed(
    session: Session, actor: Actor, last_day: date, code: str
) -> None:
    """As it is for a draft made by hand."""
    unit(session, actor.provider_id)
    site(session, actor.provider_id)
    with refused(code):
        planning.problem_for(session, actor, replace(REQUEST, last_day=last_day))


def test_the_problem_is_read_in_a_fixed_number_of_statements(session: Session, actor: Actor) -> None:
    """However many units, sites and published stops there are."""
    factories_planning.contract(session, actor.provider_id, {factories_planning.MAMMOGRAPHY: 1000})
    numbers = []
    for _ in range(2):
        for _ in range(3):
            made = factories_planning.draft_with_stop(session, actor, unit(session, actor.provider_id))
            made.status = ItineraryStatus.PUBLISHED
            session.flush()
        session.expire_all()
        with counted(session.connection()) as sent:
            planning.problem_for(session, actor, REQUEST)
        numbers.append(len(sent))
    assert numbers[0] == numbers[1] <= 20


def published(session: Session, actor: Actor, by: MobileUnit, at: Site, *days: date, women: int = 6) -> Stop:
    """A published stop of an itinerary of its own."""
    made = draft(session, actor)
    made.first_day = min([FIRST, *days])
    itineraries.add_stop(session, actor, made.id, stop_of(by, at, *days, women=women))
    made.status = ItineraryStatus.PUBLISHED
    session.flush()
    return made.stops[0]


def test_a_unit_is_planned_by_all_its_rules(session: Session, actor: Actor) -> None:
    """Where it may stand, when it does not work, how many women it examines with another crew."""
    there = site(session, actor.provider_id)
    made = unit(session, actor.provider_id)
    made.home_rule, made.max_relocation_km = HomeRule.HOME_DAILY, 80.0
    made.voivodeships, made.needs = ["10"], ["power"]
    made.permitted_sites.append(UnitSite(site_id=there.id))
    made.unavailabilities.append(UnitUnavailability(first_day=WEDNESDAY, last_day=THURSDAY, reason="przegląd"))
    breast = Programme.BREAST
    made.capacities.append(UnitCapacity(programme=breast, women_per_day=5, first_day=FIRST, last_day=WEDNESDAY))
    made.capacities.append(UnitCapacity(programme=breast, women_per_day=9, site_id=there.id))
    session.flush()
    [planned] = planning.problem_for(session, actor, REQUEST).units
    assert (planned.home_rule, planned.max_relocation_km) == (HomeRule.HOME_DAILY, 80.0)
    assert (planned.regions, planned.needs, planned.site_ids) == (
        frozenset({"10"}),
        frozenset({"power"}),
        frozenset({there.id}),
    )
    assert planned.unavailable == (Period(WEDNESDAY, THURSDAY),)
    assert planned.capacities == (
        Capacity({breast: 5}, None, Period(FIRST, WEDNESDAY)),
        Capacity({breast: 9}, there.id, None),
    )


def test_a_site_is_planned_by_all_its_rules(session: Session, actor: Actor) -> None:
    """When, for how long and how often a unit may come, in which voivodeship it lies, what it lacks."""
    unit(session, actor.provider_id)
    made = site(session, actor.provider_id)
    made.days_min, made.days_max, made.visits_max, made.gap_days = 2, 4, 3, 7
    made.earliest, made.latest, made.weekdays = WEDNESDAY, MONDAY, [1, 3]
    made.alternative_group, made.teryt, made.lacks = "Wieluń", "1017094", ["water"]
    made.last_visit = date(2026, 9, 1)
    made.blackouts.append(SiteBlackout(first_day=FRIDAY, last_day=FRIDAY, reason="jarmark"))
    session.flush()
    [planned] = planning.problem_for(session, actor, REQUEST).sites
    assert (planned.days_min, planned.days_max, planned.visits_max, planned.gap_days) == (2, 4, 3, 7)
    assert (planned.earliest, planned.latest, planned.weekdays) == (WEDNESDAY, MONDAY, frozenset({1, 3}))
    assert (planned.group, planned.region, planned.lacks) == ("Wieluń", "10", frozenset({"water"}))
    assert (planned.last_visit, planned.blackouts) == (date(2026, 9, 1), (Period(FRIDAY, FRIDAY),))


def test_the_settings_of_the_provider_are_taken_unless_others_are_given(session: Session, actor: Actor) -> None:
    """Without any, the usual ones."""
    unit(session, actor.provider_id)
    site(session, actor.provider_id)
    assert planning.problem_for(session, actor, REQUEST).weights == Weights()
    session.add(PlanningSettings(provider_id=actor.provider_id, km_per_woman=5.0, speed_kmh=40.0))
    session.flush()
    problem = planning.problem_for(session, actor, REQUEST)
    assert (problem.weights, problem.roads) == (Weights(km_per_woman=5.0), Roads(speed_kmh=40.0))
    other = Weights(km_per_woman=2.0)
    assert planning.problem_for(session, actor, replace(REQUEST, weights=other)).weights == other


def test_a_woman_counts_more_the_longer_no_unit_came_and_the_fewer_are_screened(session: Session, actor: Actor) -> None:
    """Half as much for two years too long, half as much where nobody is screened, times the priority."""
    unit(session, actor.provider_id)
    made = site(session, actor.provider_id)
    for last_visit, uptake, priority, weight in (
        (None, None, 1.0, 1.0),
        (FIRST - timedelta(days=1), None, 1.0, 1.5 ** (1 / 730 - 1)),
        (FIRST - timedelta(days=1460), None, 2.0, 3.0),
        (FIRST - timedelta(days=730), 0.0, 1.0, 1.5),
    ):
        made.last_visit, made.uptake, made.priority = last_visit, uptake, priority
        session.flush()
        assert planning.problem_for(session, actor, REQUEST).sites[0].weight == pytest.approx(weight)
    session.add(PlanningSettings(provider_id=actor.provider_id, overdue_weight=0.0, underscreened_weight=1.0))
    session.flush()
    assert planning.problem_for(session, actor, REQUEST).sites[0].weight == pytest.approx(2.0)


def test_a_plan_is_made_in_a_process_of_its_own(
    session: Session, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the seconds and with the seed of the request, within the limit of memory."""
    unit(session, actor.provider_id)
    site(session, actor.provider_id)
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(planning, "solve_apart", lambda problem, **limits: asked.append({"of": problem} | limits))
    problem = planning.problem_for(session, actor, REQUEST)
    assert planning.with_distances(problem) is problem
    planning.propose(problem, replace(REQUEST, seconds=7.0, seed=5), memory_bytes=99)
    assert asked == [{"of": problem, "seconds": 7.0, "seed": 5, "progress": None, "memory_bytes": 99}]


def test_published_stops_of_the_period_are_fixed(session: Session, actor: Actor, stranger: Actor) -> None:
    """Those of this provider that were not withdrawn; their women are still among those due in the plan."""
    by, at = unit(session, actor.provider_id), site(session, actor.provider_id)
    stop = published(session, actor, by, at, WEDNESDAY, THURSDAY, women=18)
    withdrawn = published(session, actor, by, site(session, actor.provider_id), MONDAY)
    withdrawn.days.clear()
    published(session, stranger, unit(session, stranger.provider_id), site(session, stranger.provider_id), MONDAY)
    problem = planning.problem_for(session, actor, REQUEST)
    assert problem.fixed == (PlannedStop(stop.unit_id, stop.site_id, (WEDNESDAY, THURSDAY), 18),)
    assert problem.sites[0].women_due == {Programme.BREAST: 50}


def test_a_unit_that_is_not_planned_is_busy_or_unavailable(session: Session, actor: Actor) -> None:
    """It is there for its published stops alone; so is a site that is not used any more."""
    asked, beside = unit(session, actor.provider_id), unit(session, actor.provider_id)
    site(session, actor.provider_id)
    retired = published(session, actor, beside, site(session, actor.provider_id), WEDNESDAY, THURSDAY, women=18).site
    retired.active = False
    session.flush()
    problem = planning.problem_for(session, actor, replace(REQUEST, unit_ids=[asked.id]))
    assert [each.id for each in problem.units] == [asked.id, beside.id]
    assert problem.working_days(problem.units[1]) == [WEDNESDAY, THURSDAY]
    assert (problem.sites[1].id, problem.sites[1].women_due, problem.sites[1].visits_max) == (
        retired.id,
        {Programme.BREAST: 18},
        1,
    )


def test_new_stops_are_made_at_the_named_sites_alone(session: Session, actor: Actor) -> None:
    """Others are there for their fixed stops."""
    by = unit(session, actor.provider_id)
    wanted, fixed, _ = (site(session, actor.provider_id) for _ in range(3))
    published(session, actor, by, fixed, WEDNESDAY)
    problem = planning.problem_for(session, actor, replace(REQUEST, site_ids=[wanted.id]))
    assert [(each.id, each.women_due) for each in problem.sites] == [
        (wanted.id, {Programme.BREAST: 50}),
        (fixed.id, {Programme.BREAST: 6}),
    ]
    fixed.active = False
    session.flush()
    with refused("out_of_use"):
        planning.problem_for(session, actor, replace(REQUEST, site_ids=[fixed.id]))
    with refused("not_found"):
        planning.problem_for(session, actor, replace(REQUEST, site_ids=[2**60]))


def test_women_whom_a_stop_outside_the_period_reaches_are_due_no_more(session: Session, actor: Actor) -> None:
    """Unless they were counted after it; the last day of a stop before the period is the last visit."""
    by, at = unit(session, actor.provider_id), site(session, actor.provider_id)
    at.demands[0].as_of = WEDNESDAY
    site(session, actor.provider_id)  # its women were counted earlier
    before = published(session, actor, by, at, date(2027, 3, 8), women=5)
    published(session, actor, by, at, THURSDAY, women=12)
    planned = planning.problem_for(session, actor, replace(REQUEST, first_day=MONDAY)).sites[0]
    assert planned.women_due == {Programme.BREAST: 38}
    assert planned.last_visit == THURSDAY
    before.site.last_visit = FRIDAY
    session.flush()
    assert planning.problem_for(session, actor, replace(REQUEST, first_day=MONDAY)).sites[0].last_visit == FRIDAY


def test_women_examined_before_they_were_counted_were_due_besides(session: Session, actor: Actor) -> None:
    """The register of Thursday knows nothing of the women of Wednesday's stop, which is part of the plan."""
    by, at = unit(session, actor.provider_id), site(session, actor.provider_id)
    at.demands[0].as_of = THURSDAY
    published(session, actor, by, at, WEDNESDAY, women=6)
    assert planning.problem_for(session, actor, REQUEST).sites[0].women_due == {Programme.BREAST: 56}


def test_a_stop_that_reaches_into_the_period_keeps_unit_and_site(session: Session, actor: Actor) -> None:
    """The unit is not free on its days, and nobody comes to the site before the gap is over."""
    by, at = unit(session, actor.provider_id), site(session, actor.provider_id)
    at.gap_days = 3
    published(session, actor, by, at, WEDNESDAY, THURSDAY, women=18)
    problem = planning.problem_for(session, actor, replace(REQUEST, first_day=THURSDAY))
    assert problem.fixed == ()
    assert problem.units[0].unavailable == (Period(WEDNESDAY, THURSDAY),)
    assert problem.sites[0].blackouts == (Period(date(2027, 3, 7), date(2027, 3, 14)),)
    assert problem.sites[0].women_due == {Programme.BREAST: 32}


def test_what_is_planned_anew_keeps_its_pinned_stops(session: Session, actor: Actor) -> None:
    """The others are made again; those of a unit that is not asked for stay."""
    one, other = unit(session, actor.provider_id), unit(session, actor.provider_id)
    made = draft(session, actor)
    for by, day in ((one, WEDNESDAY), (one, FRIDAY), (other, WEDNESDAY)):
        place = site(session, actor.provider_id)
        itineraries.add_stop(session, actor, made.id, stop_of(by, place, day, women=6))
    pinned = made.stops[0]
    pinned.pinned = True
    session.flush()
    request = replace(REQUEST, itinerary_id=made.id)
    assert [stop.site_id for stop in planning.problem_for(session, actor, request).fixed] == [pinned.site_id]
    of_one = planning.problem_for(session, actor, replace(request, unit_ids=[one.id]))
    assert {stop.unit_id for stop in of_one.fixed} == {one.id, other.id}


# contracts


def limits_of(session: Session, actor: Actor, **asked: Any) -> list[tuple[str, int, frozenset[Any]]]:
    """Codes, women and units of each limit."""
    problem = planning.problem_for(session, actor, replace(REQUEST, **asked))
    return [(limit.codes, limit.women, limit.unit_ids) for limit in problem.limits]


def test_a_contract_limits_the_women_of_its_units(session: Session, actor: Actor) -> None:
    """Where classic and HPV cytology are contracted they are divided, so the limit is their sum."""
    factories_planning.contract(session, actor.provider_id, {MAMMOGRAPHY: 500, CYTOLOGY: 30, HPV: 40})
    both = [does(session, actor.provider_id), does(session, actor.provider_id, Programme.CERVICAL, minutes=20)]
    combined, mammobus = unit(session, actor.provider_id, both), unit(session, actor.provider_id)
    site(session, actor.provider_id)
    [breast, cervical] = planning.problem_for(session, actor, REQUEST).limits
    whole = Period(date(2026, 1, 1), date(2035, 12, 31))
    assert breast == Limit(MAMMOGRAPHY, Programme.BREAST, frozenset({combined.id, mammobus.id}), whole, 500)
    assert cervical == Limit(f"{CYTOLOGY}, {HPV}", Programme.CERVICAL, frozenset({combined.id}), whole, 70)


def test_a_range_of_one_place_limits_its_units_alone(session: Session, actor: Actor) -> None:
    """The place prefers its own range; the limit of all is what both ranges pay for."""
    own, common = does(session, actor.provider_id), does(session, actor.provider_id)
    made = factories_planning.contract(session, actor.provider_id, {MAMMOGRAPHY: 500})
    made.ranges.append(
        ContractRange(product_code=MAMMOGRAPHY, quantity_limit=20, service_place_id=own.service_place.id)
    )
    session.flush()
    one, other = unit(session, actor.provider_id, [own]), unit(session, actor.provider_id, [common])
    site(session, actor.provider_id)
    assert sorted(limits_of(session, actor), key=str) == sorted(
        [
            (MAMMOGRAPHY, 500, frozenset({other.id})),
            (MAMMOGRAPHY, 20, frozenset({one.id})),
            (MAMMOGRAPHY, 520, frozenset({one.id, other.id})),
        ],
        key=str,
    )


def test_contracts_limit_the_days_on_which_they_are_valid(session: Session, actor: Actor) -> None:
    """One follows the other; a third is over."""
    made = unit(session, actor.provider_id)
    site(session, actor.provider_id)
    for limit, first, last in ((10, FIRST, THURSDAY), (20, FRIDAY, LAST), (30, date(2026, 1, 1), date(2026, 12, 31))):
        factories_planning.contract(session, actor.provider_id, {MAMMOGRAPHY: limit}, valid_from=first, valid_to=last)
    problem = planning.problem_for(session, actor, REQUEST)
    assert [(limit.women, limit.period, limit.unit_ids) for limit in problem.limits] == [
        (10, Period(FIRST, THURSDAY), frozenset({made.id})),
        (20, Period(FRIDAY, LAST), frozenset({made.id})),
    ]


def test_what_is_used_already_is_no_longer_left(session: Session, actor: Actor) -> None:
    """Women planned at published stops outside the plan, and visits before it; not those of fixed stops."""
    factories_planning.contract(session, actor.provider_id, {MAMMOGRAPHY: 500})
    by = unit(session, actor.provider_id)
    made = draft(session, actor)
    for day in (WEDNESDAY, MONDAY):
        itineraries.add_stop(session, actor, made.id, stop_of(by, site(session, actor.provider_id), day, women=6))
    factories_planning.publish(session, actor, made, datetime(2027, 3, 1, 8, tzinfo=UTC))
    session.flush()
    own = select(Slot).join(Slot.schedule).where(Schedule.provider_id == actor.provider_id)
    slot = session.scalars(own.order_by(Slot.starts_at)).first()
    assert slot is not None
    factories_transmission.visit(session, actor.provider_id, slot, VisitStatus.PERFORMED)
    unit_ids = frozenset({by.id})
    assert limits_of(session, actor) == [(MAMMOGRAPHY, 500, unit_ids)]
    assert limits_of(session, actor, first_day=THURSDAY) == [(MAMMOGRAPHY, 499, unit_ids)]
    assert limits_of(session, actor, last_day=THURSDAY) == [(MAMMOGRAPHY, 494, unit_ids)]


# keeping a plan


def test_a_plan_is_kept_as_a_draft_with_its_terms(session: Session, actor: Actor) -> None:
    """Solver, seed, seconds, objective and the reasons for the sites left out."""
    stood, visited = unit(session, actor.provider_id), site(session, actor.provider_id)
    plan = plan_of(PlannedStop(stood.id, visited.id, (WEDNESDAY, THURSDAY), 18))
    made = planning.keep_plan(session, actor, REQUEST, plan)
    assert (made.status, made.name, made.first_day, made.last_day) == (ItineraryStatus.DRAFT, "Wiosna", FIRST, LAST)
    assert made.planning == {
        "solver": "search",
        "seed": 5,
        "iterations": 0,
        "seconds": 1.23,
        "objective": {
            "women": 18,
            "women_weighted": 20.5,
            "women_due": 90,
            "km": 25.04,
            "km_crews": 10.0,
            "unit_days": 60,
            "unit_days_used": 2,
            "uneven_days": 1.0,
            "weights": {"km_per_woman": 10.0, "crew_km_share": 0.3, "women_per_uneven_day": 0.2},
            "value": 17.5,
        },
        "unserved": [
            {
                "site_id": 7,
                "code": "too_far",
                "reason_en": "Too far.",
                "reason_pl": "Za daleko.",
                "programme": "cervical",
            }
        ],
    }
    [stop] = made.stops
    assert (stop.unit_id, stop.site_id, stop.women_planned) == (stood.id, visited.id, 18)
    assert (stop.first_day, stop.last_day) == (WEDNESDAY, THURSDAY)


def test_the_first_day_of_a_stop_starts_after_the_set_up(session: Session, actor: Actor) -> None:
    """At 9:00, the next day at 8:00; in winter Poland is one hour ahead of UTC."""
    stood, visited = unit(session, actor.provider_id), site(session, actor.provider_id)
    plan = plan_of(PlannedStop(stood.id, visited.id, (WEDNESDAY, THURSDAY), 18))
    made = planning.keep_plan(session, actor, REQUEST, plan)
    assert [(day.day, day.opens_at, day.closes_at) for day in made.stops[0].days] == [
        (WEDNESDAY, datetime(2027, 3, 10, 8, tzinfo=UTC), datetime(2027, 3, 10, 9, tzinfo=UTC)),
        (THURSDAY, datetime(2027, 3, 11, 7, tzinfo=UTC), datetime(2027, 3, 11, 9, tzinfo=UTC)),
    ]


def test_hours_are_polish_on_both_sides_of_a_clock_change(session: Session, actor: Actor) -> None:
    """From Friday to Tuesday the clocks go forward: 8:00 was 7:00 in UTC and becomes 6:00."""
    stood, visited = unit(session, actor.provider_id, setup_minutes=0), site(session, actor.provider_id)
    plan = plan_of(PlannedStop(stood.id, visited.id, (date(2027, 3, 26), date(2027, 3, 30)), 24))
    before, after = planning.keep_plan(session, actor, REQUEST, plan).stops[0].days
    assert before.opens_at == datetime(2027, 3, 26, 7, tzinfo=UTC)
    assert after.opens_at == datetime(2027, 3, 30, 6, tzinfo=UTC)
    assert before.closes_at - before.opens_at == after.closes_at - after.opens_at == timedelta(hours=2)


def test_what_was_retired_while_the_planner_worked_is_kept_and_judged(session: Session, actor: Actor) -> None:
    """The plan took seconds to compute; it is not lost, and the check names what stands in its way."""
    stood, visited = unit(session, actor.provider_id), site(session, actor.provider_id)
    stood.active = visited.active = False
    session.flush()
    plan = plan_of(PlannedStop(stood.id, visited.id, (WEDNESDAY,), 6))
    made = planning.keep_plan(session, actor, REQUEST, plan)
    codes = {violation.code for violation in planning.violations(session, actor, made.id)}
    assert {"unknown_unit", "unknown_site"} <= codes


def test_stops_are_kept_in_order_of_time_in_few_statements(session: Session, actor: Actor) -> None:
    """Whatever the order in which the solver names them."""
    stood, sites = unit(session, actor.provider_id), [site(session, actor.provider_id) for _ in range(20)]
    stops = [PlannedStop(stood.id, each.id, (FIRST + timedelta(days=n),), 1) for n, each in enumerate(sites)]
    with counted(session.connection()) as sent:
        made = planning.keep_plan(session, actor, REQUEST, plan_of(*reversed(stops)))
    assert [stop.site_id for stop in made.stops] == [each.id for each in sites]
    assert len(sent) <= 10


def test_a_plan_of_a_published_itinerary_revises_it(session: Session, actor: Actor) -> None:
    """All its stops are copied with their hours; of the others only what is new is kept."""
    by, at, new = unit(session, actor.provider_id), site(session, actor.provider_id), site(session, actor.provider_id)
    stop = published(session, actor, by, at, WEDNESDAY)
    stop.days[0].opens_at += timedelta(minutes=10)
    elsewhere = published(session, actor, by, site(session, actor.provider_id), FRIDAY)
    session.flush()
    plan = plan_of(*map(planning.planned_stop, (stop, elsewhere)), PlannedStop(by.id, new.id, (MONDAY,), 6))
    made = planning.keep_plan(session, actor, replace(REQUEST, itinerary_id=stop.itinerary_id), plan)
    assert made.revises_id == stop.itinerary_id
    assert [(each.site_id, each.origin_id) for each in made.stops] == [(at.id, stop.id), (new.id, None)]
    assert made.stops[0].days[0].opens_at == stop.days[0].opens_at
    assert planning.violations(session, actor, made.id) == []


def test_a_plan_of_a_draft_keeps_its_pinned_stops(session: Session, actor: Actor) -> None:
    """They stay pinned in the new draft; the other one is left as it was."""
    by, new = unit(session, actor.provider_id), site(session, actor.provider_id)
    old = draft(session, actor)
    for day in (WEDNESDAY, FRIDAY):
        itineraries.add_stop(session, actor, old.id, stop_of(by, site(session, actor.provider_id), day, women=6))
    old.stops[0].pinned = True
    session.flush()
    plan = plan_of(planning.planned_stop(old.stops[0]), PlannedStop(by.id, new.id, (MONDAY,), 6))
    made = planning.keep_plan(session, actor, replace(REQUEST, itinerary_id=old.id), plan)
    assert [(each.site_id, each.pinned) for each in made.stops] == [(old.stops[0].site_id, True), (new.id, False)]
    assert made.revises_id is None
    assert len(old.stops) == 2


def test_requests_and_plans_survive_json() -> None:
    """A job keeps them so."""
    asked = replace(
        REQUEST, unit_ids=(1, 2), site_ids=(3,), itinerary_id=4, weights=Weights(5.0, 0.1), seconds=3.5, seed=7
    )
    for request in (REQUEST, asked):
        assert PlanRequest.from_json(json.loads(json.dumps(request.to_json()))) == request
    plan = plan_of(PlannedStop(1, 2, (WEDNESDAY, THURSDAY), 18), PlannedStop("new-1", 2, (FRIDAY,), 6))
    assert planning.plan_from_json(json.loads(json.dumps(planning.plan_to_json(plan)))) == plan


# the judge


def test_a_kept_plan_has_no_violations(session: Session, actor: Actor) -> None:
    """Nor has a stop by hand on working days."""
    stood, visited = unit(session, actor.provider_id), site(session, actor.provider_id)
    plan = plan_of(PlannedStop(stood.id, visited.id, (WEDNESDAY, THURSDAY), 18))
    made = planning.keep_plan(session, actor, REQUEST, plan)
    assert planning.violations(session, actor, made.id) == []
    elsewhere = stop_of(stood, site(session, actor.provider_id), FRIDAY, MONDAY)
    itineraries.add_stop(session, actor, made.id, elsewhere)
    assert planning.violations(session, actor, made.id) == []


def test_an_itinerary_is_judged_by_the_roads_that_it_was_planned_by(session: Session, actor: Actor) -> None:
    """As far as they are known without asking; else they are estimated, and the violation says so."""
    stood = unit(session, actor.provider_id)
    stood.max_relocation_km = 50
    made = factories_planning.draft_with_stop(session, actor, stood, WEDNESDAY, women=6)

    def judged(kilometres: float | None) -> list[str]:
        def kept(problem: Problem) -> Matrix | None:
            places = len(problem.units) + len(problem.sites)
            return None if kilometres is None else Matrix(kilometres * (1 - np.eye(places)))

        session.info[planning.KEPT_DISTANCES] = kept
        return [each.message_en for each in planning.violations(session, actor, made.id)]

    assert judged(40) == []
    assert [" 60.0 km long, " in each for each in judged(60)] == [True, True]
    assert [" km long (estimated), " in each for each in judged(None)] == [True, True]


def test_a_stop_that_reaches_out_of_the_period_is_no_fixed_one(session: Session, actor: Actor) -> None:
    """A fixed stop lies wholly in the period, whatever stops there are around its ends; the judge's are so too."""
    by, at = unit(session, actor.provider_id), site(session, actor.provider_id)
    for days in ([WEDNESDAY], [THURSDAY, FRIDAY], [MONDAY]):
        published(session, actor, by, at, *days)
    out, inside = date(2027, 3, 9), date(2027, 3, 16)
    for first, last in [(out, out), (out, WEDNESDAY), (THURSDAY, THURSDAY), (FRIDAY, MONDAY), (inside, inside)]:
        problem = planning.problem_for(session, actor, replace(REQUEST, first_day=first, last_day=last))
        assert all(first <= day <= last for stop in problem.fixed for day in stop.days)
        itinerary = draft(session, actor)
        itinerary.first_day, itinerary.last_day = first, last
        around = planning.problem_around(session, actor, itinerary)
        assert around.fixed == problem.fixed


def test_edits_by_hand_are_judged(session: Session, actor: Actor) -> None:
    """A Saturday, a holiday, an interrupted stay, more women than can be examined, and more than are due."""
    made, stood, visited = draft(session, actor), unit(session, actor.provider_id), site(session, actor.provider_id)

    def judged(*days: date, women: int | None = None) -> set[str]:
        stop = itineraries.add_stop(session, actor, made.id, stop_of(stood, visited, *days, women=women))
        codes = {violation.code for violation in planning.violations(session, actor, made.id)}
        itineraries.remove_stop(session, actor, stop.id)
        return codes

    assert judged(date(2027, 3, 13)) == {"not_a_weekday_of_unit"}
    assert judged(date(2027, 3, 29)) == {"public_holiday"}
    assert judged(WEDNESDAY, FRIDAY) == {"stay_interrupted"}
    assert judged(WEDNESDAY, women=7) == {"above_capacity"}
    assert judged(WEDNESDAY, THURSDAY, FRIDAY, MONDAY, date(2027, 3, 16), women=51) == {"above_women_due"}
    assert judged(*(date(2027, 3, day) for day in (8, 9, 10, 11, 12, 15))) == {"stay_too_long"}
    assert judged(WEDNESDAY) == set()


def test_an_itinerary_is_judged_even_if_nothing_could_be_planned_now(session: Session, actor: Actor) -> None:
    """When nobody is due anywhere any more, that is a violation and no refusal."""
    stood = unit(session, actor.provider_id)
    made = factories_planning.draft_with_stop(session, actor, stood, WEDNESDAY, women=1)
    made.stops[0].site.demands.clear()
    session.flush()
    codes = [violation.code for violation in planning.violations(session, actor, made.id)]
    assert "programme_not_offered" in codes


def test_what_is_wrong_without_it_is_not_told_of_an_itinerary(session: Session, actor: Actor) -> None:
    """A published stop on a Saturday is somebody else's business; but two at once are this draft's."""
    by = unit(session, actor.provider_id)
    published(session, actor, by, site(session, actor.provider_id), date(2027, 3, 13))
    published(session, actor, by, site(session, actor.provider_id), WEDNESDAY)
    made = factories_planning.draft_with_stop(session, actor, by, FRIDAY, women=6)
    assert planning.violations(session, actor, made.id) == []
    itineraries.add_stop(session, actor, made.id, stop_of(by, site(session, actor.provider_id), WEDNESDAY, women=6))
    assert {each.code for each in planning.violations(session, actor, made.id)} == {"two_places_at_once"}


def test_a_version_that_moves_a_published_stop_is_told_so(session: Session, actor: Actor) -> None:
    """One that leaves it where it is, is not."""
    by, at = unit(session, actor.provider_id), site(session, actor.provider_id)
    base = published(session, actor, by, at, WEDNESDAY).itinerary
    revision = versions.revise(session, actor, base.id)
    assert planning.violations(session, actor, revision.id) == []
    change = StopChange(version=revision.version, days=[DayHours(THURSDAY)])
    itineraries.change_stop(session, actor, revision.stops[0].id, change)
    [found] = planning.violations(session, actor, revision.id)
    assert (found.code, found.unit_id, found.site_id, found.day) == ("fixed_stop_changed", by.id, at.id, WEDNESDAY)
    assert planning.violations(session, actor, base.id) == []
