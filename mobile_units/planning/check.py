"""The judge of itineraries: names every violation of a plan, however the plan was made.

It shares no calculation with the solver: distances, days and capacities are worked out again from the problem.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations, pairwise

from mobile_units.planning.problem import Plan, PlannedStop, PlanningSite, PlanningUnit, Problem
from mobile_units.rules.calendar import holiday_name
from mobile_units.rules.programmes import Programme

KILOMETRES_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with a plan; ids and the day are None where they do not apply."""

    code: str
    message_pl: str
    message_en: str
    unit_id: int | None = None
    site_id: int | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class _KnownStop:
    """A stop whose unit and site exist."""

    stop: PlannedStop
    unit: PlanningUnit
    site: PlanningSite

    def violation(self, code: str, pl: str, en: str, day: date | None = None) -> Violation:
        return Violation(code, pl, en, self.unit.id, self.site.id, day)


def check(problem: Problem, plan: Plan) -> list[Violation]:
    """Everything that is wrong with `plan`; an empty list means that it can be carried out as it stands.

    Codes: `unknown_unit`, `unknown_site`, `no_days`, `outside_period`, `not_a_weekday_of_unit`, `public_holiday`,
    `stay_interrupted`, `programme_not_offered`, `above_capacity`, `stay_too_long`, `two_places_at_once`,
    `above_women_due`, `women_misstated`, `kilometres_misstated`. Stops of unknown units or sites are not judged
    further.
    """
    known = _known(problem, plan.stops)
    units, sites = {unit.id for unit in problem.units}, {site.id for site in problem.sites}
    return [
        *_strangers(plan, units, sites),
        *(violation for stop in known for violation in _stop_violations(problem, stop)),
        *_stays_too_long(known),
        *_two_places(known),
        *_above_women_due(known),
        *_misstatements(problem, plan, known),
    ]


def kilometres(problem: Problem, stops: Iterable[PlannedStop]) -> float:
    """Road kilometres that the units drive for these stops, rounded to a tenth; stops of strangers do not count."""
    return round(_kilometres(problem, _known(problem, stops)), 1)


def _known(problem: Problem, stops: Iterable[PlannedStop]) -> list[_KnownStop]:
    units = {unit.id: unit for unit in problem.units}
    sites = {site.id: site for site in problem.sites}
    return [
        _KnownStop(stop, units[stop.unit_id], sites[stop.site_id])
        for stop in stops
        if stop.unit_id in units and stop.site_id in sites
    ]


def _strangers(plan: Plan, units: Set[int], sites: Set[int]) -> Iterator[Violation]:
    for stop in plan.stops:
        if stop.unit_id not in units:
            yield Violation("unknown_unit", "Nieznana jednostka.", "Unknown unit.", stop.unit_id, stop.site_id)
        if stop.site_id not in sites:
            yield Violation("unknown_site", "Nieznane miejsce postoju.", "Unknown site.", stop.unit_id, stop.site_id)


def _stop_violations(problem: Problem, known: _KnownStop) -> Iterator[Violation]:
    yield from _bad_days(problem, known)
    yield from _interruptions(known)
    if not any(known.site.women_due.get(programme, 0) for programme in known.unit.programmes):
        yield known.violation(
            "programme_not_offered",
            f"W miejscu {known.site.name} nikt nie czeka na badanie, które wykonuje {known.unit.name}.",
            f"Nobody is due at {known.site.name} for what {known.unit.name} offers.",
        )
    yield from _above_capacity(known)


def _bad_days(problem: Problem, known: _KnownStop) -> Iterator[Violation]:
    if not known.stop.days:
        yield known.violation("no_days", "Postój nie ma żadnego dnia.", "The stop has no days.")
    for day in known.stop.days:
        if not problem.first_day <= day <= problem.last_day:
            yield known.violation(
                "outside_period", f"Dzień {day} leży poza okresem planu.", f"{day} is outside the period.", day
            )
        if day.isoweekday() not in known.unit.weekdays:
            yield known.violation(
                "not_a_weekday_of_unit",
                f"{known.unit.name} nie pracuje w tym dniu tygodnia: {day}.",
                f"{known.unit.name} does not work on this weekday: {day}.",
                day,
            )
        if (holiday := holiday_name(day)) is not None:
            yield known.violation(
                "public_holiday", f"{day} to święto: {holiday}.", f"{day} is a public holiday: {holiday}.", day
            )


def _interruptions(known: _KnownStop) -> Iterator[Violation]:
    """Each day of a stay is followed by the next day on which the unit works."""
    for earlier, later in pairwise(known.stop.days):
        skipped = (earlier + timedelta(days=n) for n in range(1, (later - earlier).days))
        if later <= earlier or any(_works(known.unit, day) for day in skipped):
            yield known.violation(
                "stay_interrupted",
                f"Postój w miejscu {known.site.name} nie jest ciągły przed dniem {later}.",
                f"The stay at {known.site.name} is not continuous before {later}.",
                later,
            )


def _works(unit: PlanningUnit, day: date) -> bool:
    return day.isoweekday() in unit.weekdays and holiday_name(day) is None


def _above_capacity(known: _KnownStop) -> Iterator[Violation]:
    unit, days = known.unit, len(set(known.stop.days))
    capacity = unit.women_on_first_day + unit.women_per_day * (days - 1) if days else 0
    if known.stop.women > capacity:
        yield known.violation(
            "above_capacity",
            f"{unit.name} zbada w miejscu {known.site.name} najwyżej {capacity} kobiet, nie {known.stop.women}.",
            f"{unit.name} reaches at most {capacity} women at {known.site.name}, not {known.stop.women}.",
        )


def _stays_too_long(stops: Sequence[_KnownStop]) -> Iterator[Violation]:
    """The longest stay binds all days of one unit at the site together, so that a second stop cannot evade it."""
    days: defaultdict[tuple[int, int], int] = defaultdict(int)
    for known in stops:
        place = (known.unit.id, known.site.id)
        days[place] += len(known.stop.days)
        if days[place] > known.site.days_max >= days[place] - len(known.stop.days):
            yield known.violation(
                "stay_too_long",
                f"{known.site.name}: najwyżej {known.site.days_max} dni postoju.",
                f"{known.site.name}: a stay of at most {known.site.days_max} days.",
            )


def _two_places(stops: Sequence[_KnownStop]) -> Iterator[Violation]:
    taken = Counter((known.unit.id, day) for known in stops for day in known.stop.days)
    for known in stops:
        for day in known.stop.days:
            if taken[known.unit.id, day] > 1:
                yield known.violation(
                    "two_places_at_once",
                    f"{known.unit.name} ma w dniu {day} więcej niż jeden postój.",
                    f"{known.unit.name} has more than one stop on {day}.",
                    day,
                )


def _above_women_due(stops: Sequence[_KnownStop]) -> Iterator[Violation]:
    """At each site no set of programmes serves more women than are due in it.

    A stop does not say how its women divide among the programmes of the unit. A division exists exactly when, for every
    set of programmes, the units that offer nothing else reach no more women than are due in that set.
    """
    by_site: defaultdict[int, list[_KnownStop]] = defaultdict(list)
    for known in stops:
        by_site[known.site.id].append(known)
    for visits in by_site.values():
        site = visits[0].site
        excess = max(_excess(site, visits, programmes) for programmes in _programme_sets())
        if excess > 0:
            yield Violation(
                "above_women_due",
                f"{site.name}: zaplanowano o {excess} kobiet więcej, niż jest do zbadania.",
                f"{site.name}: {excess} women more are planned than are due.",
                site_id=site.id,
            )


def _programme_sets() -> Iterator[frozenset[Programme]]:
    for size in range(1, len(Programme) + 1):
        yield from map(frozenset, combinations(Programme, size))


def _excess(site: PlanningSite, visits: Sequence[_KnownStop], programmes: frozenset[Programme]) -> int:
    planned = sum(visit.stop.women for visit in visits if visit.unit.programmes <= programmes)
    return planned - sum(site.women_due.get(programme, 0) for programme in programmes)


def _misstatements(problem: Problem, plan: Plan, stops: Sequence[_KnownStop]) -> Iterator[Violation]:
    women = sum(stop.women for stop in plan.stops)
    if not women == plan.women == plan.objective.women or any(stop.women < 0 for stop in plan.stops):
        yield Violation(
            "women_misstated",
            f"Plan podaje {plan.women} kobiet, z postojów wynika {women}.",
            f"The plan states {plan.women} women, its stops add up to {women}.",
        )
    km = _kilometres(problem, stops)
    if max(abs(plan.km - km), abs(plan.objective.km - km)) > KILOMETRES_TOLERANCE:
        yield Violation(
            "kilometres_misstated",
            f"Plan podaje {plan.km:.1f} km, z postojów wynika {km:.1f} km.",
            f"The plan states {plan.km:.1f} km, its stops add up to {km:.1f} km.",
        )


def _kilometres(problem: Problem, stops: Sequence[_KnownStop]) -> float:
    """Each unit drives from its base through its stops in the order of their first days, and back to the base."""
    from geopy.distance import geodesic  # noqa: PLC0415 -- the library loads every geocoder, and few requests need it

    total = 0.0
    for unit in problem.units:
        visits = sorted((known for known in stops if known.unit.id == unit.id and known.stop.days), key=_first_day)
        base = (unit.latitude, unit.longitude)
        places = [base, *((known.site.latitude, known.site.longitude) for known in visits), base]
        total += sum(float(geodesic(start, end).km) for start, end in pairwise(places))
    return total * problem.road_factor


def _first_day(known: _KnownStop) -> date:
    return min(known.stop.days)
