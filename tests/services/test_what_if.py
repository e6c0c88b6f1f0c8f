"""What if: how a problem is changed, what is told beside the current plan, and what can be accepted."""

import json
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from mobile_units.models.itineraries import ItineraryStatus
from mobile_units.planning.problem import Capacity, Limit, Period, Plan, PlannedStop, Problem, Weights
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule
from mobile_units.services import itineraries, what_if
from mobile_units.services.actors import Actor
from mobile_units.services.planning import PlanRequest
from mobile_units.services.what_if import Answer, OtherUnit, WhatIf
from tests import factories_planning
from tests.factories_planning import FIRST, LAST, THURSDAY, WEDNESDAY, site, unit
from tests.planning import meridian
from tests.planning.problems import FIRST_DAY, plan_of
from tests.statements import refused

REQUEST = PlanRequest(name="Wiosna", first_day=FIRST, last_day=LAST)
WEEK = Period(FIRST_DAY, FIRST_DAY)
LIMIT = Limit("X", Programme.BREAST, frozenset({1}), WEEK, 100)
WORLD = meridian.problem(
    [meridian.unit(1), meridian.unit(2)],
    [meridian.site(1, 51.5, breast=50)],
    first=FIRST_DAY,
    fixed=(PlannedStop(2, 1, (FIRST_DAY,), 5),),
    limits=(LIMIT,),
)


def test_a_unit_that_is_added_is_like_another() -> None:
    """With its permits and contracts, but a base and a name of its own; it is not out when the other one is."""
    world = replace(WORLD, units=(replace(WORLD.units[0], unavailable=(WEEK,)), WORLD.units[1]))
    changed = what_if.apply(world, WhatIf(units=[OtherUnit(unit_id=1, added_as="Nowy", latitude=52.0, longitude=20.0)]))
    added = changed.units[2]
    assert changed.units[:2] == world.units
    assert (added.id, added.name, added.latitude, added.longitude) == ("new-1", "Nowy", 52.0, 20.0)
    assert (added.women_per_day, added.unavailable) == (WORLD.units[0].women_per_day, ())
    assert changed.limits == (replace(LIMIT, unit_ids=frozenset({1, "new-1"})),)


def test_a_unit_may_be_other_than_it_is() -> None:
    """Its base, its home rule, its weekdays, its longest drive and the women whom it can examine."""
    other = OtherUnit(
        unit_id=1,
        latitude=52.0,
        home_rule=HomeRule.HOME_DAILY,
        weekdays=frozenset({1, 6}),
        max_relocation_km=80.0,
        women_per_day={Programme.BREAST: 30, Programme.CERVICAL: 12},
    )
    world = replace(WORLD, units=(replace(WORLD.units[0], capacities=(Capacity({Programme.BREAST: 1}),)),))
    [made] = what_if.apply(replace(world, fixed=()), WhatIf(units=[other])).units
    assert (made.id, made.latitude, made.longitude) == (1, 52.0, 19.0)
    assert (made.home_rule, made.weekdays, made.max_relocation_km) == (HomeRule.HOME_DAILY, frozenset({1, 6}), 80.0)
    assert made.women_per_day == {Programme.BREAST: 30, Programme.CERVICAL: 12}
    assert made.women_on_first_day == {Programme.BREAST: 25, Programme.CERVICAL: 12}
    assert made.capacities == ()


def test_a_unit_that_is_left_out_leaves_its_fixed_stops() -> None:
    """Nothing else changes."""
    changed = what_if.apply(WORLD, WhatIf(left_out=[2]))
    assert changed == replace(WORLD, units=WORLD.units[:1], fixed=())


def test_other_weights_are_taken_instead() -> None:
    """Only if they are given; the problem itself is not changed."""
    weights = Weights(km_per_woman=1.0)
    assert what_if.apply(WORLD, WhatIf(weights=weights)) == replace(WORLD, weights=weights)
    assert what_if.apply(WORLD, WhatIf()) == WORLD


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (WhatIf(left_out=[3]), "not_found"),
        (WhatIf(units=[OtherUnit(unit_id=3)]), "not_found"),
        (WhatIf(units=[OtherUnit(unit_id=1)], left_out=[1]), "not_found"),
        (WhatIf(left_out=[1, 2]), "nothing_to_plan"),
    ],
)
def test_a_change_of_what_is_not_planned_is_refused(change: WhatIf, code: str) -> None:
    """A unit that is not there, or that is left out at the same time; and somebody has to be left."""
    with refused(code):
        what_if.apply(WORLD, change)


def test_the_answer_stands_beside_the_current_itinerary(session: Session, actor: Actor) -> None:
    """Its terms are counted with the weights of the change, so that the two can be compared."""
    stood = unit(session, actor.provider_id)
    made = factories_planning.draft_with_stop(session, actor, stood, WEDNESDAY, THURSDAY, women=18)
    weights = Weights(km_per_woman=100.0)
    question = what_if.ask(session, actor, replace(REQUEST, itinerary_id=made.id), WhatIf(weights=weights))
    found = what_if.answer(question, lambda asked: plan_of(asked, []))
    assert (found.plan.women, found.current.women) == (0, 18)
    assert found.plan.objective.weights == found.current.weights == weights
    assert found.current.km > 100


def test_without_an_itinerary_the_answer_stands_beside_a_plan(session: Session, actor: Actor) -> None:
    """Of the problem as it is."""
    stood, place = unit(session, actor.provider_id), site(session, actor.provider_id)
    change = WhatIf(units=[OtherUnit(unit_id=stood.id, added_as="Nowy")])

    def solve(asked: Problem) -> Plan:
        return plan_of(asked, [PlannedStop(asked.units[-1].id, place.id, (WEDNESDAY,), len(asked.units))])

    found = what_if.answer(what_if.ask(session, actor, REQUEST, change), solve)
    assert (found.plan.women, found.current.women) == (2, 1)


def test_a_plan_of_units_that_exist_is_accepted(session: Session, actor: Actor) -> None:
    """It becomes a draft like any other; before that nothing is stored."""
    stood, place = unit(session, actor.provider_id), site(session, actor.provider_id)
    change = WhatIf(units=[OtherUnit(unit_id=stood.id, latitude=52.0)])
    question = what_if.ask(session, actor, REQUEST, change)
    stop = PlannedStop(stood.id, place.id, (WEDNESDAY,), 6)
    found = what_if.answer(question, lambda asked: plan_of(asked, [stop]))
    assert itineraries.find(session, actor, itineraries.ItineraryFilter()).total == 0
    made = what_if.accept(session, actor, REQUEST, found)
    assert made.status is ItineraryStatus.DRAFT
    assert [(each.unit_id, each.site_id, each.first_day) for each in made.stops] == [(stood.id, place.id, WEDNESDAY)]


def test_a_plan_of_a_unit_that_does_not_exist_is_not_accepted(session: Session, actor: Actor) -> None:
    """It has to be bought first."""
    stood, place = unit(session, actor.provider_id), site(session, actor.provider_id)
    change = WhatIf(units=[OtherUnit(unit_id=stood.id, added_as="Nowy")])
    question = what_if.ask(session, actor, REQUEST, change)
    found = what_if.answer(question, lambda asked: plan_of(asked, [PlannedStop("new-1", place.id, (WEDNESDAY,), 6)]))
    with refused("unit_does_not_exist"):
        what_if.accept(session, actor, REQUEST, found)


def test_changes_and_answers_survive_json() -> None:
    """A job keeps them so."""
    whole = OtherUnit(
        unit_id=1,
        added_as="Nowy",
        latitude=52.0,
        longitude=20.0,
        home_rule=HomeRule.HOME_DAILY,
        weekdays=frozenset({1, 6}),
        max_relocation_km=80.0,
        women_per_day={Programme.BREAST: 30},
    )
    for change in (WhatIf(), WhatIf(units=(whole, OtherUnit(unit_id=2)), left_out=(3,), weights=Weights(5.0))):
        assert WhatIf.from_json(json.loads(json.dumps(change.to_json()))) == change
    plan = plan_of(WORLD, list(WORLD.fixed))
    found = Answer(plan=plan, current=plan.objective)
    assert Answer.from_json(json.loads(json.dumps(found.to_json()))) == found
