"""The judge of itineraries: names every violation of a plan, however the plan was made, and works out its terms.

It shares no calculation with the solver: distances, days and capacities are worked out again from the problem.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations, pairwise

from mobile_units.planning.drives import (
    Journey,
    Place,
    Ways,
    by_unit,
    crew_km,
    journeys,
    unit_km,
    worked_days,
)
from mobile_units.planning.problem import (
    Key,
    Limit,
    Need,
    Objective,
    Period,
    Plan,
    PlannedStop,
    PlanningSite,
    PlanningUnit,
    Problem,
)
from mobile_units.planning.violations import Violation, Words, programme_words, violation, window_words
from mobile_units.rules.calendar import holiday_name
from mobile_units.rules.programmes import Programme

__all__ = ["Violation", "check", "check_stops", "shares", "terms"]

TOLERANCE = 0.1
"""How far a stated term may lie from the true one: plans are told in tenths."""

HAIR = 1e-6
"""Below it two kilometres or two hours are the same, however they were worked out."""

NEEDS: tuple[Need, ...] = (*Programme, None)


@dataclass(frozen=True, slots=True)
class _Stop:
    """A stop whose unit and site exist."""

    planned: PlannedStop
    unit: PlanningUnit
    site: PlanningSite

    @property
    def days(self) -> tuple[date, ...]:
        return self.planned.days

    @property
    def women(self) -> int:
        return self.planned.women

    def violation(self, code: str, day: date | None = None, **facts: object) -> Violation:
        return violation(code, unit=self.unit, site=self.site, day=day, **facts)


def check(problem: Problem, plan: Plan) -> list[Violation]:
    """Everything that is wrong with `plan`; an empty list means that it can be carried out as it stands.

    The codes and what they mean are those of `violations.SENTENCES`. Stops of unknown units or sites are named and not
    judged further. Fixed stops are judged like any other.
    """
    ways = Ways(problem)
    stated = _misstatements(_terms(problem, ways, plan.stops), plan)
    return [*_of_stops(problem, ways, plan.stops), *stated]


def check_stops(problem: Problem, stops: Iterable[PlannedStop]) -> list[Violation]:
    """What `check` finds in a plan of these stops that states its terms truly; they are not worked out for it."""
    return _of_stops(problem, Ways(problem), list(stops))


def _of_stops(problem: Problem, ways: Ways, planned: Sequence[PlannedStop]) -> list[Violation]:
    stops = _known(problem, planned)
    return [
        *_strangers(problem, planned),
        *(found for stop in stops for found in _of_stop(problem, stop)),
        *_two_places(stops),
        *_of_sites(stops),
        *_two_alternatives(stops),
        *_of_journeys(problem, ways, planned),
        *_above_contract(problem, stops),
        *_fixed_stops_changed(problem, planned),
    ]


def terms(problem: Problem, stops: Iterable[PlannedStop]) -> Objective:
    """The terms of the objective for these stops, however they were made; stops of strangers do not count."""
    return _terms(problem, Ways(problem), list(stops))


def shares(women: int, site: PlanningSite, capacities: Mapping[Need, int]) -> dict[Need, int]:
    """How the women of one stop divide among the needs that it serves, in proportion to whom it could reach in each.

    Largest remainder; of equal ones the programme that comes first gets the woman.
    """
    reached = {need: min(site.women_due[need], capacities[need]) for need in NEEDS if need in capacities}
    total = sum(reached.values())
    if not total:
        return dict.fromkeys(reached, 0)
    whole = {need: women * part // total for need, part in reached.items()}
    by_remainder = sorted(reached, key=lambda need: -(women * reached[need] % total))
    for need in by_remainder[: women - sum(whole.values())]:
        whole[need] += 1
    return whole


# whom the plan is about


def _known(problem: Problem, stops: Iterable[PlannedStop]) -> list[_Stop]:
    units = {unit.id: unit for unit in problem.units}
    sites = {site.id: site for site in problem.sites}
    return [
        _Stop(stop, units[stop.unit_id], sites[stop.site_id])
        for stop in stops
        if stop.unit_id in units and stop.site_id in sites
    ]


def _strangers(problem: Problem, stops: Iterable[PlannedStop]) -> Iterator[Violation]:
    units, sites = {unit.id for unit in problem.units}, {site.id for site in problem.sites}
    for stop in stops:
        if stop.unit_id not in units:
            yield replace(violation("unknown_unit", stranger=stop.unit_id), unit_id=stop.unit_id, site_id=stop.site_id)
        if stop.site_id not in sites:
            yield replace(violation("unknown_site", stranger=stop.site_id), unit_id=stop.unit_id, site_id=stop.site_id)


# one stop


def _of_stop(problem: Problem, stop: _Stop) -> Iterator[Violation]:
    if not stop.days:
        yield stop.violation("no_days")
        return
    for day in stop.days:
        yield from _bad_day_of_unit(problem, stop, day)
        yield from _bad_day_of_site(stop, day)
    yield from _interruptions(stop)
    yield from _equipment_and_permits(stop)
    yield from _length(stop)
    yield from _above_capacity(stop)


def _bad_day_of_unit(problem: Problem, stop: _Stop, day: date) -> Iterator[Violation]:
    if not problem.first_day <= day <= problem.last_day:
        yield stop.violation("outside_period", day, first=problem.first_day, last=problem.last_day)
    if day.isoweekday() not in stop.unit.weekdays:
        yield stop.violation("not_a_weekday_of_unit", day)
    if (holiday := holiday_name(day)) is not None:
        yield stop.violation("public_holiday", day, holiday=holiday)
    if (period := _covering(stop.unit.unavailable, day)) is not None:
        yield stop.violation("unit_unavailable", day, first=period.first_day, last=period.last_day)


def _bad_day_of_site(stop: _Stop, day: date) -> Iterator[Violation]:
    site = stop.site
    if (site.earliest is not None and day < site.earliest) or (site.latest is not None and day > site.latest):
        yield stop.violation("outside_window", day, window=window_words(site.earliest, site.latest))
    if day.isoweekday() not in site.weekdays:
        yield stop.violation("not_a_weekday_of_site", day)
    if (period := _covering(site.blackouts, day)) is not None:
        yield stop.violation("blackout", day, first=period.first_day, last=period.last_day)


def _covering(periods: Iterable[Period], day: date) -> Period | None:
    return next((period for period in periods if day in period), None)


def _interruptions(stop: _Stop) -> Iterator[Violation]:
    """Each day of a stay is followed by the next day on which the unit works."""
    for earlier, later in pairwise(stop.days):
        skipped = (earlier + timedelta(days=n) for n in range(1, (later - earlier).days))
        if later <= earlier or any(_works(stop.unit, day) for day in skipped):
            yield stop.violation("stay_interrupted", later)


def _works(unit: PlanningUnit, day: date) -> bool:
    return day.isoweekday() in unit.weekdays and holiday_name(day) is None and _covering(unit.unavailable, day) is None


def _equipment_and_permits(stop: _Stop) -> Iterator[Violation]:
    unit, site = stop.unit, stop.site
    if not _needs(stop):
        yield stop.violation("programme_not_offered")
    if unit.regions and site.region is None:
        yield stop.violation("region_unknown")
    elif (unit.site_ids and site.id not in unit.site_ids) or (unit.regions and site.region not in unit.regions):
        yield stop.violation("not_permitted")
    if missing := unit.needs & site.lacks:
        yield stop.violation("logistics_missing", missing=", ".join(sorted(missing)))


def _length(stop: _Stop) -> Iterator[Violation]:
    days = len(stop.days)
    if days < stop.site.days_min:
        yield stop.violation("stay_too_short", days=days, least=stop.site.days_min)
    if days > stop.site.days_max:
        yield stop.violation("stay_too_long", days=days, most=stop.site.days_max)


def _above_capacity(stop: _Stop) -> Iterator[Violation]:
    capacity = sum(_capacities(stop).values())
    if stop.women > capacity:
        yield stop.violation("above_capacity", capacity=capacity, women=stop.women)


def _needs(stop: _Stop) -> list[Need]:
    """What the stop serves: women are due for it and the unit offers it."""
    due = stop.site.women_due
    return [need for need in NEEDS if due.get(need, 0) > 0 and (need is None or need in stop.unit.women_per_day)]


def _capacities(stop: _Stop) -> dict[Need, int]:
    """Women who can be examined during the whole stop, by what they are due for."""
    days = sorted(set(stop.days))
    return {
        need: sum(stop.unit.women_on(need, stop.site.id, day, first=day == days[0]) for day in days)
        for need in _needs(stop)
    }


# all stops of a unit


def _two_places(stops: Sequence[_Stop]) -> Iterator[Violation]:
    taken = Counter((stop.unit.id, day) for stop in stops for day in set(stop.days))
    for stop in stops:
        for day in sorted(set(stop.days)):
            if taken[stop.unit.id, day] > 1:
                yield stop.violation("two_places_at_once", day)


def _of_journeys(problem: Problem, ways: Ways, stops: Iterable[PlannedStop]) -> Iterator[Violation]:
    made = by_unit(problem, stops)
    for unit in problem.units:
        driven = list(journeys(ways, unit, worked_days(ways, made[unit.id])))
        yield from _relocations_too_long(problem, ways, unit, driven)
        for journey in driven:
            yield from _travel_does_not_fit(problem, ways, unit, journey)


def _relocations_too_long(
    problem: Problem, ways: Ways, unit: PlanningUnit, driven: Iterable[Journey]
) -> Iterator[Violation]:
    """Each drive is named once, on the first day that it is made."""
    first_made: dict[tuple[Place, Place], Journey] = {}
    for journey in driven:
        for drive in journey.drives:
            first_made.setdefault(drive, journey)
    for (start, end), journey in first_made.items():
        km = ways.km(start, end)
        if unit.max_relocation_km is not None and km > unit.max_relocation_km + HAIR:
            yield violation(
                "relocation_too_long",
                unit=unit,
                site=_site(problem, end) or _site(problem, start),
                day=journey.arrived or journey.left,
                start=_place_words(problem, start),
                end=_place_words(problem, end),
                km=km,
                guess=_guess_words(problem.matrix is None),
                most=unit.max_relocation_km,
            )


def _travel_does_not_fit(problem: Problem, ways: Ways, unit: PlanningUnit, journey: Journey) -> Iterator[Violation]:
    allowed = journey.hours_allowed(problem.roads.drive_hours)
    hours = sum(ways.hours(*drive) for drive in journey.drives)
    if allowed is not None and hours > allowed + HAIR:
        names = [_place_words(problem, place) for place in journey.places]
        yield violation(
            "travel_does_not_fit",
            unit=unit,
            site=_site(problem, journey.places[-1]) or _site(problem, journey.places[1]),
            day=journey.arrived,
            way=Words(" – ".join(name.pl for name in names), " – ".join(name.en for name in names)),
            hours=hours,
            guess=_guess_words(problem.matrix is None or problem.matrix.hours is None),
            allowed=allowed,
        )


def _site(problem: Problem, place: Place) -> PlanningSite | None:
    number = place - len(problem.units)
    return problem.sites[number] if number >= 0 else None


def _guess_words(estimated: bool) -> Words:  # noqa: FBT001 -- it is all that is asked
    return Words(" (szacunek)", " (estimated)") if estimated else Words("", "")


def _place_words(problem: Problem, place: Place) -> Words:
    site = _site(problem, place)
    return Words("baza", "the base") if site is None else Words(site.name, site.name)


# all stops at a site


def _of_sites(stops: Sequence[_Stop]) -> Iterator[Violation]:
    by_site: defaultdict[Key, list[_Stop]] = defaultdict(list)
    for stop in stops:
        if stop.days:
            by_site[stop.site.id].append(stop)
    for visits in by_site.values():
        visits.sort(key=lambda visit: min(visit.days))
        yield from _above_women_due(visits)
        yield from _visited_too_often(visits)
        yield from _gaps_too_short(visits)


def _above_women_due(visits: Sequence[_Stop]) -> Iterator[Violation]:
    """Whether the women of all visits can be divided among the needs, none of them counted twice.

    The most that can be divided is the least cut between the visits and the women due (Ford and Fulkerson): some needs
    give all women due in them, and what the visits could reach in the others adds to it, as far as they state women.
    """
    due = visits[0].site.women_due
    stated = [(min(visit.women, sum(reach.values())), reach) for visit in visits for reach in [_capacities(visit)]]
    most = min(
        sum(due[need] for need in full) + sum(min(women, _sum_without(full, reach)) for women, reach in stated)
        for size in range(len(due) + 1)
        for full in combinations(due, size)
    )
    excess = sum(women for women, _ in stated) - most
    if excess > 0:
        yield violation("above_women_due", site=visits[0].site, excess=excess)


def _sum_without(needs: Sequence[Need], reach: Mapping[Need, int]) -> int:
    return sum(women for need, women in reach.items() if need not in needs)


def _visited_too_often(visits: Sequence[_Stop]) -> Iterator[Violation]:
    site = visits[0].site
    for need, count in Counter(need for visit in visits for need in _needs(visit)).items():
        if count > site.visits_max:
            yield violation(
                "visited_too_often", site=site, visits=count, most=site.visits_max, programme=programme_words(need)
            )


def _gaps_too_short(visits: Sequence[_Stop]) -> Iterator[Violation]:
    """Two stops that share a need may not meet even where no gap is asked for."""
    last_visit = visits[0].site.last_visit
    for number, visit in enumerate(visits):
        earlier = [max(other.days) for other in visits[:number] if set(_needs(other)) & set(_needs(visit))]
        before = max([*earlier, *([last_visit] if last_visit is not None else [])], default=None)
        first, gap = min(visit.days), visit.site.gap_days
        if before is not None and (first - before).days - 1 < gap:
            yield visit.violation("gap_too_short", first, before=before, gap=gap)


def _two_alternatives(stops: Sequence[_Stop]) -> Iterator[Violation]:
    chosen: defaultdict[str, dict[Key, PlanningSite]] = defaultdict(dict)
    for stop in stops:
        if stop.site.group is not None:
            chosen[stop.site.group][stop.site.id] = stop.site
    for group, sites in chosen.items():
        if len(sites) > 1:
            *_, last = sites.values()
            yield violation(
                "two_alternatives", site=last, group=group, sites=", ".join(site.name for site in sites.values())
            )


# contract, fixed stops, terms


def _above_contract(problem: Problem, stops: Sequence[_Stop]) -> Iterator[Violation]:
    divided = [(stop, shares(stop.women, stop.site, _capacities(stop))) for stop in stops if stop.days]
    for limit in problem.limits:
        women = sum(parts.get(limit.programme, 0) for stop, parts in divided if _is_limited(limit, stop))
        if women > limit.women:
            yield violation(
                "above_contract",
                codes=limit.codes,
                most=limit.women,
                women=women,
                first=limit.period.first_day,
                last=limit.period.last_day,
            )


def _is_limited(limit: Limit, stop: _Stop) -> bool:
    return stop.unit.id in limit.unit_ids and min(stop.days) in limit.period


def _fixed_stops_changed(problem: Problem, stops: Iterable[PlannedStop]) -> Iterator[Violation]:
    """What is fixed is who stands where on which days; how many women are reached may be reckoned anew."""
    made = {(stop.unit_id, stop.site_id, stop.days) for stop in stops}
    missing = [stop for stop in problem.fixed if stop.days and (stop.unit_id, stop.site_id, stop.days) not in made]
    for stop in _known(problem, missing):
        yield stop.violation("fixed_stop_changed", stop.days[0], first=stop.days[0], last=stop.days[-1])


def _terms(problem: Problem, ways: Ways, stops: Sequence[PlannedStop]) -> Objective:
    known = _known(problem, stops)
    made = by_unit(problem, stops)
    worked = {unit.id: worked_days(ways, made[unit.id]) for unit in problem.units}
    available = {unit.id: len(problem.working_days(unit)) for unit in problem.units}
    commute = problem.roads.crew_commute_km
    return Objective(
        women=sum(stop.women for stop in known),
        women_weighted=sum(stop.women * stop.site.weight for stop in known),
        women_due=_women_due(problem),
        km=sum(unit_km(ways, unit, worked[unit.id]) for unit in problem.units),
        km_crews=sum(crew_km(ways, unit, worked[unit.id], commute) for unit in problem.units),
        unit_days=sum(available.values()),
        unit_days_used=sum(len(stop.days) for stop in known),
        uneven_days=_uneven_days([(len(worked[unit]), days) for unit, days in available.items() if days]),
        weights=problem.weights,
    )


def _women_due(problem: Problem) -> int:
    """The demand that the equipment of the units could meet."""
    offered: set[Need] = {programme for unit in problem.units for programme in unit.women_per_day}
    if problem.units:
        offered.add(None)
    return sum(women for site in problem.sites for need, women in site.women_due.items() if need in offered)


def _uneven_days(loads: Sequence[tuple[int, int]]) -> float:
    """How far days used, the first of each pair, are from the fair share of the days available."""
    available = sum(days for _, days in loads)
    used = sum(days for days, _ in loads)
    return sum((own - days * used / available) ** 2 / days for own, days in loads)


def _misstatements(found: Objective, plan: Plan) -> Iterator[Violation]:
    stated = plan.objective
    women = sum(stop.women for stop in plan.stops)
    if stated.women != women or any(stop.women < 0 for stop in plan.stops):
        yield violation("women_misstated", stated=stated.women, women=women)
    for whose, claimed, km in (
        (Words("jednostek", "of the units"), stated.km, found.km),
        (Words("załóg", "of the crews"), stated.km_crews, found.km_crews),
    ):
        if not abs(claimed - km) <= TOLERANCE:
            yield violation("kilometres_misstated", stated=claimed, km=km, whose=whose)
    for name, term in _OTHER_TERMS.items():
        if not abs(getattr(stated, name) - getattr(found, name)) <= TOLERANCE:
            claimed, true = round(getattr(stated, name), 2), round(getattr(found, name), 2)
            yield violation("objective_misstated", term=term, stated=claimed, found=true)
    if stated.weights != found.weights:
        yield violation(
            "objective_misstated", term=Words("wagi", "weights"), stated=stated.weights, found=found.weights
        )


_OTHER_TERMS = {
    "women_weighted": Words("kobiety z wagami miejsc", "women by the weight of their sites"),
    "women_due": Words("kobiety do zbadania", "women due"),
    "unit_days": Words("dni pracy jednostek", "working days of the units"),
    "unit_days_used": Words("wykorzystane dni", "days used"),
    "uneven_days": Words("nierówne obciążenie w dniach", "uneven load in days"),
}
