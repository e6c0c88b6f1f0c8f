"""Reasons for sites left out: each is given where it holds, and none that the judge would contradict."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings

from mobile_units.planning.check import check, terms
from mobile_units.planning.drives import Ways
from mobile_units.planning.explain import explain_unserved
from mobile_units.planning.openings import Lines
from mobile_units.planning.problem import (
    Capacity,
    Limit,
    Matrix,
    Need,
    Period,
    PlannedStop,
    PlanningSite,
    Problem,
    Roads,
    Unserved,
    Weights,
)
from mobile_units.planning.reasons import REASONS
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule
from tests.planning.brute import stays
from tests.planning.meridian import FROM_51_TO_52, problem, site, unit
from tests.planning.problems import plan_of, problems

BREAST, CERVICAL = Programme.BREAST, Programme.CERVICAL
WORKING = tuple(date(2026, 11, day) for day in (9, 10, 12, 13, 16))
ALWAYS = Period(date(2026, 1, 1), date(2026, 12, 31))
LIMIT = Limit("10.7940.159.02", BREAST, frozenset({1}), ALWAYS, 100)
HERE = site(10, 52.0, breast=50)


def reasons(asked: Problem, *stops: PlannedStop) -> list[tuple[object, str, Need]]:
    """Site, code and programme of each entry."""
    return [(entry.site_id, entry.code, entry.programme) for entry in explain_unserved(asked, stops)]


def only(asked: Problem, *stops: PlannedStop) -> Unserved:
    """The one entry that there is."""
    (entry,) = explain_unserved(asked, stops)
    return entry


def test_a_served_site_needs_no_reason() -> None:
    """The mammobus comes, and nobody is due for anything else."""
    assert reasons(problem([unit(1)], [HERE]), PlannedStop(1, 10, WORKING[:1], 50)) == []


def test_nobody_is_due() -> None:
    """Said once for the site, not for every programme."""
    entry = only(problem([unit(1)], [site(10, 52.0)]))
    assert (entry.site_id, entry.code, entry.programme) == (10, "no_women_due", None)
    assert entry.reason_en == "no women due"
    assert entry.reason_pl == "brak kobiet do zbadania"


def test_no_unit_offers_the_programme() -> None:
    """Even at a place where the mammobus stands, the women due for cytology are told of."""
    asked = problem([unit(1)], [site(10, 52.0, breast=50, cervical=30)])
    entry = only(asked, PlannedStop(1, 10, WORKING[:1], 50))
    assert (entry.code, entry.programme) == ("no_unit_for_programme", CERVICAL)
    assert entry.reason_en == "no unit with cytology or HPV tests"
    assert entry.reason_pl == "brak jednostki z cytologią lub testem HPV"


COMBINED = unit(2, programmes=Programme)
TWO_NEEDS = site(10, 52.0, breast=50, cervical=50)
FULL = PlannedStop(1, 20, WORKING, 290)
BUSY = site(20, 52.0, breast=290)
"""A place that takes all days of the mammobus."""

CASES: dict[str, tuple[str, Problem, tuple[PlannedStop, ...], str]] = {
    "another of the group": (
        "other_place_chosen",
        problem([unit(1)], [replace(HERE, group="Wieluń"), site(20, 52.0, breast=50, group="Wieluń")]),
        (PlannedStop(1, 20, WORKING[:1], 50),),
        "another of the alternative places (Wieluń) was chosen: Site 20",
    ),
    "unknown region": (
        "region_unknown",
        problem([unit(1, regions=frozenset({"10"}))], [HERE]),
        (),
        (
            "no unit with mammography may go to any voivodeship, and nobody knows in which one this site lies: "
            "it has no TERYT code"
        ),
    ),
    "region": (
        "no_permitted_unit",
        problem([unit(1, regions=frozenset({"10"}))], [replace(HERE, region="14")]),
        (),
        "no unit with mammography is permitted here",
    ),
    "other sites": (
        "no_permitted_unit",
        problem([unit(1, site_ids=frozenset({20}))], [HERE]),
        (),
        "no unit with mammography is permitted here",
    ),
    "logistics": (
        "logistics_missing",
        problem(
            [unit(1, needs=frozenset({"power", "water"})), unit(2, site_ids=frozenset({20}))],
            [replace(HERE, lacks=frozenset({"power", "toilet"}))],
        ),
        (),
        "no unit with mammography that can come here can do without what is missing here: power",
    ),
    "too far": (
        "too_far",
        problem([unit(1, max_relocation_km=144), unit(2, max_relocation_km=120)], [HERE]),
        (),
        "no unit with mammography within 144 km of its base or a stop, the longest drive allowed",
    ),
    "too far for a day": (
        "day_trip_too_long",
        problem([unit(1, home_rule=HomeRule.HOME_DAILY)], [HERE], roads=Roads(drive_hours=5.7)),
        (),
        "no unit with mammography gets here from its base and back within 5.7 hours of driving a day",
    ),
    "window too narrow": (
        "no_stay_fits",
        problem([unit(1)], [replace(HERE, days_min=2, earliest=date(2026, 11, 10), latest=date(2026, 11, 11))]),
        (),
        (
            "no stay of a unit with mammography fits on its working days from 2026-11-10 to 2026-11-11 "
            "(days in a row needed: 2)"
        ),
    ),
    "window elsewhere": (
        "no_stay_fits",
        problem([unit(1)], [replace(HERE, earliest=date(2026, 12, 1))]),
        (),
        "no stay of a unit with mammography fits on its working days from 2026-12-01 (days in a row needed: 1)",
    ),
    "weekdays and blackouts": (
        "no_stay_fits",
        problem(
            [unit(1)],
            [
                replace(
                    HERE,
                    weekdays=frozenset({1, 3}),
                    blackouts=tuple(Period(day, day) for day in (WORKING[0], WORKING[4])),
                )
            ],
        ),
        (),
        (
            "no stay of a unit with mammography fits on its working days from 2026-11-09 to 2026-11-16 "
            "(days in a row needed: 1), weekdays 1, 3, not 2026-11-09 – 2026-11-09, not 2026-11-16 – 2026-11-16"
        ),
    ),
    "visited a short time ago": (
        "no_stay_fits",
        problem([unit(1)], [replace(HERE, last_visit=date(2026, 11, 1), gap_days=14, latest=date(2026, 11, 15))]),
        (),
        (
            "no stay of a unit with mammography fits on its working days from 2026-11-09 to 2026-11-15 "
            "(days in a row needed: 1), after the last visit on 2026-11-16 at the earliest"
        ),
    ),
    "out for the whole period": (
        "no_stay_fits",
        problem([unit(1, unavailable=(ALWAYS,))], [HERE]),
        (),
        (
            "no stay of a unit with mammography fits on its working days from 2026-11-09 to 2026-11-16 "
            "(days in a row needed: 1)"
        ),
    ),
    "no capacity": (
        "no_capacity",
        problem([unit(1, capacities=(Capacity({BREAST: 0}, site_id=10),))], [HERE]),
        (),
        "no unit with mammography can examine anybody here",
    ),
    "visited often enough": (
        "visits_used_up",
        problem([unit(1), COMBINED], [TWO_NEEDS]),
        (PlannedStop(1, 10, WORKING[:1], 50),),
        (
            "no unit with cytology or HPV tests may come: it would also serve a programme that has enough stops here "
            "already (at most 1, 0 days apart)"
        ),
    ),
    "visited too near in time": (
        "visits_used_up",
        problem([unit(1), COMBINED], [replace(TWO_NEEDS, visits_max=2, gap_days=6)]),
        (PlannedStop(1, 10, WORKING[1:2], 50),),
        (
            "no unit with cytology or HPV tests may come: it would also serve a programme that has enough stops here "
            "already (at most 2, 6 days apart)"
        ),
    ),
    "contract": (
        "contract_used_up",
        problem([unit(1)], [HERE, BUSY], limits=(LIMIT,)),
        (PlannedStop(1, 20, WORKING[:2], 80),),
        "the contract (10.7940.159.02) pays for only 20 more women, and 50 are due here",
    ),
    "contract of the other programme": (
        "contract_used_up",
        problem([COMBINED], [TWO_NEEDS], limits=(replace(LIMIT, unit_ids=frozenset({2}), women=10),)),
        (),
        "the contract (10.7940.159.02) pays for only 10 more women, and 50 are due here",
    ),
    "all days used": (
        "no_unit_days_left",
        problem([unit(1)], [replace(HERE, earliest=WORKING[1]), BUSY]),
        (FULL,),
        (
            "no days of a unit with mammography are left from 2026-11-10 to 2026-11-16 (days in a row needed: 1): "
            "other places take them"
        ),
    ),
    "no days in a row": (
        "no_unit_days_left",
        problem([unit(1)], [replace(HERE, days_min=3), BUSY]),
        (replace(FULL, days=WORKING[2:3]),),
        (
            "no days of a unit with mammography are left from 2026-11-09 to 2026-11-16 (days in a row needed: 3): "
            "other places take them"
        ),
    ),
    "no time to get there": (
        "no_drive_fits",
        problem([unit(1)], [replace(HERE, latest=WORKING[1]), site(20, 51.0, breast=50)], roads=Roads(drive_hours=2)),
        (PlannedStop(1, 20, WORKING[:1], 50),),
        "no unit with mammography gets here from the place before and to the next one in time, on the days it has left",
    ),
    "not worth it": (
        "not_worth_the_way",
        problem([unit(1)], [replace(HERE, women_due={BREAST: 14})], weights=Weights(km_per_woman=20)),
        (),
        "too few women due for the way: 14 women, 289 km more at least",
    ),
    "not worth it because of the crew": (
        "not_worth_the_way",
        problem([unit(1)], [replace(HERE, women_due={BREAST: 30})], roads=Roads(crew_commute_km=1000)),
        (),
        "too few women due for the way: 30 women, 289 km more at least",
    ),
    "worth it where women count twice": (
        "still_possible",
        problem([unit(1)], [replace(HERE, women_due={BREAST: 14}, weight=2.1)], weights=Weights(10, 0)),
        (),
        "a stop is possible: Unit 1 from 2026-11-09, 14 women, 289 km more",
    ),
    "possible on the way home for the weekend": (
        "still_possible",
        problem(
            [unit(1, home_rule=HomeRule.HOME_ON_WEEKENDS)],
            [
                site(10, 51.5, breast=1, earliest=WORKING[3], latest=WORKING[3]),
                site(20, 52.0, breast=50),
                site(30, 51.0, breast=50),
            ],
            roads=Roads(crew_commute_km=0),
        ),
        (PlannedStop(1, 20, WORKING[2:3], 50), PlannedStop(1, 30, WORKING[4:], 50)),
        "a stop is possible: Unit 1 from 2026-11-13, 1 women, 0 km more",
    ),
    "possible for as long as may be": (
        "still_possible",
        problem([unit(1)], [replace(HERE, women_due={BREAST: 900}, days_min=2, days_max=3)]),
        (),
        "a stop is possible: Unit 1 from 2026-11-09, 170 women, 289 km more",
    ),
    "possible after the contract began anew": (
        "still_possible",
        problem([unit(1)], [HERE], limits=(replace(LIMIT, period=Period(WORKING[0], WORKING[2]), women=0),)),
        (),
        "a stop is possible: Unit 1 from 2026-11-13, 50 women, 289 km more",
    ),
    "every evening at home, however near the stop": (
        "too_far",
        problem([unit(1, home_rule=HomeRule.HOME_DAILY, max_relocation_km=100)], [HERE, site(20, 51.5, breast=50)]),
        (PlannedStop(1, 20, WORKING[:1], 50),),
        "no unit with mammography within 100 km of its base or a stop, the longest drive allowed",
    ),
    "chosen of its group, the other programme waits": (
        "no_unit_days_left",
        problem([unit(1), unit(2, programmes=[CERVICAL])], [replace(TWO_NEEDS, group="Wieluń"), site(20, 52.0)]),
        (PlannedStop(1, 10, WORKING[:1], 50), PlannedStop(2, 20, WORKING, 0)),
        (
            "no days of a unit with cytology or HPV tests are left from 2026-11-09 to 2026-11-16 "
            "(days in a row needed: 1): other places take them"
        ),
    ),
    "possible": (
        "still_possible",
        problem([unit(1)], [replace(HERE, earliest=WORKING[1])]),
        (),
        "a stop is possible: Unit 1 from 2026-11-10, 50 women, 289 km more",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_reason_is_given_where_it_holds(name: str) -> None:
    """With names and numbers."""
    code, asked, stops, sentence = CASES[name]
    told = {entry.site_id: entry for entry in explain_unserved(asked, stops)}
    assert (told[10].code, told[10].reason_en) == (code, sentence)


def test_units_that_stay_away_for_want_of_a_region_are_named() -> None:
    """Beside the reason why the others do not come; not where another place was chosen anyway."""
    limited, free = unit(1, regions=frozenset({"10"})), unit(2, max_relocation_km=1.0)
    (told,) = explain_unserved(problem([limited, free], [HERE]), ())
    assert told.code == "too_far"
    assert told.reason_en.endswith("units that are limited to voivodeships stay away: Unit 1")
    assert told.reason_pl.endswith("jednostki ograniczone do województw: Unit 1")
    (known,) = explain_unserved(problem([limited, free], [replace(HERE, region="14")]), ())
    assert "voivodeship" not in known.reason_en
    group = [replace(HERE, group="Wieluń"), replace(BUSY, group="Wieluń")]
    (other,) = explain_unserved(problem([limited, unit(2)], group), (replace(FULL, unit_id=2),))
    assert (other.code, "voivodeship" in other.reason_en) == ("other_place_chosen", False)


def test_every_reason_has_its_case() -> None:
    """No code without a case, no case of a code that does not exist."""
    assert {code for code, *_ in CASES.values()} | {"no_women_due", "no_unit_for_programme"} == REASONS.keys()


def test_the_reasons_are_told_in_polish() -> None:
    """As the coordinator reads them."""
    assert only(*CASES["too far"][1:2]).reason_pl == (
        "brak jednostki z mammografią w promieniu 144 km od bazy lub postoju (najdłuższy dozwolony przejazd)"
    )
    assert only(*CASES["window too narrow"][1:2]).reason_pl == (
        "żaden postój jednostki z mammografią nie mieści się w dniach pracy od 2026-11-10 do 2026-11-11 "
        "(potrzeba kolejnych dni: 2)"
    )


def test_a_stop_within_reach_brings_a_unit_nearer() -> None:
    """The place is too far from the base and near to a stop of the unit."""
    asked = problem([unit(1, max_relocation_km=150)], [HERE, site(20, 52.5, breast=50)])
    assert (20, "too_far", BREAST) in reasons(asked)
    assert (20, "too_far", BREAST) not in reasons(asked, PlannedStop(1, 10, WORKING[:1], 50))


def test_women_due_for_any_programme_wait_for_any_unit() -> None:
    """Without naming what it is equipped for."""
    asked = problem([unit(1, max_relocation_km=100)], [site(10, 52.0, anything=50)])
    assert only(asked).reason_en == "no unit within 100 km of its base or a stop, the longest drive allowed"


def test_the_matrix_is_asked_where_there_is_one() -> None:
    """Thirty kilometres there and five hundred back are not worth it for fifty women."""
    asked = problem([unit(1)], [HERE], matrix=Matrix(np.array([[0.0, 30], [500, 0]])))
    assert only(asked).reason_en == "too few women due for the way: 50 women, 530 km more at least"


def test_close_approximations_of_distances_are_close() -> None:
    """Ten metres in six hundred kilometres."""
    asked = problem([unit(1, latitude=49.0)], [replace(site(10, 54.8), longitude=24.0), HERE])
    lines, ways = Lines(asked), Ways(asked)
    assert lines.km(0, 2) == pytest.approx(1.3 * 3 * FROM_51_TO_52, abs=0.2)
    for start, end in ((0, 1), (0, 2), (1, 2), (2, 2)):
        assert lines.km(start, end) == pytest.approx(ways.km(start, end), abs=0.02)


# the judge


def serving(asked: Problem, place: PlanningSite, need: Need) -> Iterator[PlannedStop]:
    """Every stay at the place in which somebody due for what is needed can be examined, however short."""
    for crew in asked.units:
        for stay in stays(asked, crew, place, any_length=True) if crew.offers(need) else ():
            if crew.women_within(place, stay.days)[need]:
                yield stay


@given(problems(most_units=2, most_sites=5, most_days=12))
@settings(max_examples=60, deadline=None)
def test_the_judge_agrees_with_every_reason(asked: Problem) -> None:
    """Where it would let another stop pass, the reason is the way; where that is worth it, the reason says so."""
    asked, made = replace(asked, fixed=()), list(asked.fixed)
    units, sites = {crew.id: crew for crew in asked.units}, {place.id: place for place in asked.sites}
    served = {(stop.site_id, need) for stop in made for need in sites[stop.site_id].needs_of(units[stop.unit_id])}
    due = {(place.id, need) for place in asked.sites for need, women in place.women_due.items() if women}
    explained = [entry for entry in explain_unserved(asked, made) if entry.code != "no_women_due"]
    assert {(entry.site_id, entry.programme) for entry in explained} == due - served
    for entry in explained:
        value = terms(asked, made).value
        added = [[*made, stay] for stay in serving(asked, sites[entry.site_id], entry.programme)]
        passed = [terms(asked, stops) for stops in added if not check(asked, plan_of(asked, stops))]
        assert (entry.code in {"not_worth_the_way", "still_possible"}) >= bool(passed), entry
        weights = asked.weights
        gains = [found.value + weights.women_per_uneven_day * found.uneven_days for found in passed]
        even = value + weights.women_per_uneven_day * terms(asked, made).uneven_days
        assert (entry.code == "still_possible") == any(gain > even + 1e-9 for gain in gains), entry
