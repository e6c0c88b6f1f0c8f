"""Why sites are left out of a plan, told from the problem and the plan alone, however the plan was made.

The units that offer what women are due for are sifted, one rule after the other; the rule that leaves none of them is
the reason. If some are left, the plan has room for a stop, and what is left to ask is whether it is worth the way.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta

from mobile_units.planning.check import shares
from mobile_units.planning.drives import Journey
from mobile_units.planning.openings import (
    Days,
    Gap,
    Made,
    Tour,
    least_women,
    numbers,
    rested,
    starts_of,
)
from mobile_units.planning.problem import (
    EVERY_DAY,
    Limit,
    Need,
    PlannedStop,
    PlanningSite,
    Problem,
    Unserved,
)
from mobile_units.planning.reasons import CAN_COME, UNIT_WITH, unserved, without_region
from mobile_units.planning.violations import Words, window_words
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule


def explain_unserved(problem: Problem, stops: Iterable[PlannedStop]) -> tuple[Unserved, ...]:
    """One entry per site and programme that no stop serves though women are due, and one per site without women due."""
    made = Made(problem, list(stops))
    return tuple(entry for site in problem.sites for entry in _entries(made, site))


def _entries(made: "Made", site: PlanningSite) -> Iterator[Unserved]:
    if not any(site.women_due.values()):
        yield unserved("no_women_due", site, None, {})
    for need in (*Programme, None):
        if site.women_due.get(need, 0) > 0 and not made.visits[site.id, need]:
            sieve = _Sieve(made, site, need)
            yield without_region(sieve.reason(), sieve.kept_away())


class _Sieve:
    """Sifts the units for one site and programme."""

    def __init__(self, made: Made, site: PlanningSite, need: Need) -> None:
        self.made = made
        self.problem = made.problem
        self.calendar = made.calendar
        self.site = site
        self.need = need
        self.place = made.ways.sites[site.id]
        self.open = made.calendar.open_at(site)
        self.exceeded: Limit | None = None

    def kept_away(self) -> list[str]:
        """The units that would be asked if it were known in which voivodeship the site lies."""
        return [tour.unit.name for tour in self.made.offering[self.need] if not self.knows_the_region(tour)]

    def reason(self) -> Unserved:
        """The first rule that no unit passes; if some pass all of them, what the way is worth."""
        tours = self.made.offering[self.need]
        if not tours:
            return self._told("no_unit_for_programme", tours)
        chosen = self.made.chosen.get(self.site.group or "")
        if chosen is not None and chosen.id != self.site.id:
            return unserved(
                "other_place_chosen", self.site, self.need, {"group": self.site.group, "chosen": chosen.name}
            )
        for code, passes in RULES:
            left = [tour for tour in tours if passes(self, tour)]
            if not left:
                return self._told(code, tours)
            tours = left
        return self._worth(tours)

    # the rules

    def knows_the_region(self, tour: Tour) -> bool:
        return not tour.unit.regions or self.site.region is not None

    def is_permitted(self, tour: Tour) -> bool:
        unit = tour.unit
        in_region = not unit.regions or self.site.region in unit.regions
        return in_region and (not unit.site_ids or self.site.id in unit.site_ids)

    def has_what_it_needs(self, tour: Tour) -> bool:
        return not tour.unit.needs & self.site.lacks

    def is_within_a_drive(self, tour: Tour) -> bool:
        most = tour.unit.max_relocation_km
        return most is None or bool(tour.nearest()[self.place] <= most)

    def is_within_a_day(self, tour: Tour) -> bool:
        if tour.unit.home_rule is not HomeRule.HOME_DAILY:
            return True
        there, back = self.made.ways.hours(tour.base, self.place), self.made.ways.hours(self.place, tour.base)
        return there + back <= self.problem.roads.drive_hours

    def finds_days(self, tour: Tour) -> bool:
        return bool(starts_of(tour.work, self.open, self.site.days_min))

    def examines_somebody(self, tour: Tour) -> bool:
        if not tour.unit.capacities:
            return True
        days = map(self.calendar.day, numbers(tour.work & self.open))
        return any(tour.unit.women_on(self.need, self.site.id, day, first=False) for day in days)

    def may_visit_again(self, tour: Tour) -> bool:
        """Whether what the unit would serve besides has not been served too often or too near in time."""
        if self.site.id not in self.made.at_site:
            return True
        needs = self.site.needs_of(tour.unit)
        if any(self.made.visits[self.site.id, need] >= self.site.visits_max for need in needs):
            return False
        return bool(starts_of(tour.work, self._open_for(tour), self.site.days_min))

    def is_paid_for(self, tour: Tour) -> bool:
        """Whether some day is left on which the contract still pays for the shortest stay."""
        if tour.unit.id not in self.made.limits_of:
            return True
        return bool(starts_of(tour.work, self._open_for(tour), self.site.days_min) & ~self._unpaid(tour))

    def has_days_left(self, tour: Tour) -> bool:
        return bool(self._free_starts(tour))

    # the days

    def _open_for(self, tour: Tour) -> Days:
        """Days that are not too near to other stops here that serve what the unit would serve too."""
        days = self.open
        for stop, needs in self.made.at_site.get(self.site.id, ()):
            if needs & self.site.needs_of(tour.unit).keys():
                gap = timedelta(days=self.site.gap_days)
                days &= ~self.calendar.span(min(stop.days) - gap, max(stop.days) + gap)
        return days

    def _unpaid(self, tour: Tour) -> Days:
        """Days on which no stop may begin because of the contract."""
        days: Days = 0
        for limit in self._limits_used_up(tour):
            days |= self.calendar.span(limit.period.first_day, limit.period.last_day)
        return days

    def _limits_used_up(self, tour: Tour) -> list[Limit]:
        """Limits that the shortest stay would exceed."""
        due, days = self.site.women_due, self.site.days_min
        return [
            limit
            for limit in self.made.limits_of.get(tour.unit.id, ())
            if self.made.left[limit] < min(due.get(limit.programme, 0), least_women(tour.unit, limit.programme, days))
        ]

    def _exceeded(self, stop: PlannedStop, tour: Tour) -> Limit | None:
        """A limit that the stop would exceed."""
        limits = [limit for limit in self.made.limits_of.get(tour.unit.id, ()) if stop.days[0] in limit.period]
        divided = shares(stop.women, self.site, tour.unit.women_within(self.site, stop.days)) if limits else {}
        return next((limit for limit in limits if divided.get(limit.programme, 0) > self.made.left[limit]), None)

    def _free_starts(self, tour: Tour) -> Days:
        return starts_of(tour.work, self._open_for(tour) & tour.free, self.site.days_min) & ~self._unpaid(tour)

    # what it is worth

    def _worth(self, tours: Sequence[Tour]) -> Unserved:
        """Looks for a stop that could be added, nearest base first."""
        from_here = self.made.ways.row(self.place)
        least_km = float("inf")
        for tour, gap in self._gaps(sorted(tours, key=lambda tour: from_here[tour.base])):
            detour = self._least_detour(tour, gap)
            if self._gain(self.site.women_due_for(tour.unit)) <= detour:
                least_km = min(least_km, detour)
                continue
            for stop, km, km_crew in self._additions(tour, gap):
                if self._gain(stop.women) > km + self.problem.weights.crew_km_share * km_crew:
                    return self._possible(tour, stop, km)
                least_km = min(least_km, km)
        if least_km == float("inf"):
            return self._told("no_drive_fits" if self.exceeded is None else "contract_used_up", tours)
        facts = {"women": self.site.women_due[self.need], "km": round(least_km)}
        return unserved("not_worth_the_way", self.site, self.need, facts)

    def _gaps(self, tours: Iterable[Tour]) -> Iterator[tuple[Tour, Gap]]:
        """Where the plan has room for a stay, whatever the drive."""
        for tour in tours:
            starts = self._free_starts(tour)
            yield from ((tour, gap) for gap in tour.gaps() if starts & gap.days)

    def _additions(self, tour: Tour, gap: Gap) -> Iterator[tuple[PlannedStop, float, float]]:
        """Stops in the gap that break no rule, with the kilometres that each adds for the unit and for its crew."""
        for stop in self._stops(tour, gap):
            if (exceeded := self._exceeded(stop, tour)) is not None:
                self.exceeded = exceeded
                continue
            driven, km, km_crew = tour.with_stop(stop)
            if all(self._fits(tour, journey) for journey in driven):
                yield stop, km, km_crew

    def _gain(self, women: int) -> float:
        return women * self.site.weight * self.problem.weights.km_per_woman

    def _least_detour(self, tour: Tour, gap: Gap) -> float:
        """Kilometres that a stop in the gap adds for the unit at the least, wherever it spends its weekends."""
        km, place = self.made.ways.km, self.place
        if tour.unit.home_rule is HomeRule.HOME_DAILY:
            return self.site.days_min * (km(tour.base, place) + km(place, tour.base))
        befores, afters = {gap.before}, {gap.after}
        if tour.unit.home_rule is HomeRule.HOME_ON_WEEKENDS:
            befores, afters = befores | {tour.base}, afters | {tour.base}
        return min(km(before, place) + km(place, after) - km(before, after) for before in befores for after in afters)

    def _stops(self, tour: Tour, gap: Gap) -> Iterator[PlannedStop]:
        """Every stay in the gap, none longer than it takes to reach everybody, the longest of each day first."""
        good = self._open_for(tour) & gap.days
        for start in numbers(self._free_starts(tour) & gap.days):
            yield from reversed(list(self._stays(tour, tour.work >> start << start, good)))

    def _stays(self, tour: Tour, work: Days, good: Days) -> Iterator[PlannedStop]:
        """The stays that begin on the first of the working days, from the shortest."""
        days: list[date] = []
        for number in numbers(work):
            if len(days) == self.site.days_max or not good >> number & 1:
                return
            days.append(self.calendar.day(number))
            reach = tour.unit.women_within(self.site, days)
            women = sum(min(self.site.women_due[need], most) for need, most in reach.items())
            if len(days) >= self.site.days_min and reach[self.need]:
                yield PlannedStop(tour.unit.id, self.site.id, tuple(days), women)
                if women == self.site.women_due_for(tour.unit):
                    return

    def _fits(self, tour: Tour, journey: Journey) -> bool:
        """Whether the unit may and can drive so far."""
        most, allowed = tour.unit.max_relocation_km, journey.hours_allowed(self.problem.roads.drive_hours)
        if most is not None and any(self.made.ways.km(*drive) > most for drive in journey.drives):
            return False
        return allowed is None or sum(self.made.ways.hours(*drive) for drive in journey.drives) <= allowed

    def _possible(self, tour: Tour, stop: PlannedStop, km: float) -> Unserved:
        facts = {"unit": tour.unit.name, "day": stop.days[0], "women": stop.women, "km": round(km)}
        return unserved("still_possible", self.site, self.need, facts)

    # the words

    def _told(self, code: str, tours: Sequence[Tour]) -> Unserved:
        """A reason with the facts of those units that the rule sorted out last."""
        unit_with, narrowed = UNIT_WITH[self.need], len(tours) < len(self.made.offering[self.need])
        who = Words(unit_with.pl + CAN_COME.pl, unit_with.en + CAN_COME.en) if narrowed else unit_with
        used_up = self.exceeded or next((limit for tour in tours for limit in self._limits_used_up(tour)), None)
        facts = {
            "who": who,
            "missing": ", ".join(sorted({word for tour in tours for word in tour.unit.needs & self.site.lacks})),
            "km": max((tour.unit.max_relocation_km or 0.0 for tour in tours), default=0.0),
            "hours": self.problem.roads.drive_hours,
            "days": self.site.days_min,
            "window": self._window(),
            "restrictions": self._restrictions(),
            "visits": self.site.visits_max,
            "gap": self.site.gap_days,
            "codes": used_up.codes if used_up else "",
            "left": max(0, self.made.left[used_up]) if used_up else 0,
            "due": self.site.women_due.get(self.need, 0),
        }
        return unserved(code, self.site, self.need, facts)

    def _window(self) -> Words:
        """The days of the site's window that lie in the period, or the window itself if it lies outside."""
        first, last = self.site.earliest, self.site.latest
        if not self.calendar.span(first, last):
            return window_words(first, last)
        return window_words(
            max(first or self.problem.first_day, self.problem.first_day),
            min(last or self.problem.last_day, self.problem.last_day),
        )

    def _restrictions(self) -> Words:
        pl, en = "", ""
        if self.site.weekdays != EVERY_DAY:
            weekdays = ", ".join(map(str, sorted(self.site.weekdays)))
            pl, en = pl + f", dni tygodnia {weekdays}", en + f", weekdays {weekdays}"
        for blackout in self.site.blackouts:
            days = f"{blackout.first_day} – {blackout.last_day}"
            pl, en = pl + f", poza dniami {days}", en + f", not {days}"
        if (opens := rested(self.site)) is not None and opens > self.problem.first_day:
            pl = f"{pl}, po ostatnim postoju najwcześniej {opens}"
            en = f"{en}, after the last visit on {opens} at the earliest"
        return Words(pl, en)


RULES: tuple[tuple[str, Callable[[_Sieve, Tour], bool]], ...] = (
    ("region_unknown", _Sieve.knows_the_region),
    ("no_permitted_unit", _Sieve.is_permitted),
    ("logistics_missing", _Sieve.has_what_it_needs),
    ("too_far", _Sieve.is_within_a_drive),
    ("day_trip_too_long", _Sieve.is_within_a_day),
    ("no_stay_fits", _Sieve.finds_days),
    ("no_capacity", _Sieve.examines_somebody),
    ("visits_used_up", _Sieve.may_visit_again),
    ("contract_used_up", _Sieve.is_paid_for),
    ("no_unit_days_left", _Sieve.has_days_left),
)
"""What a unit must pass to come, and the reason if none does."""
