"""The arrays of the search, made from a planning problem: calendars, possible stops, distances and limits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from mobile_units.planning.distances import matrix_for
from mobile_units.planning.kernel import Floats, Ints, Model
from mobile_units.planning.problem import Key, Need, Period, PlannedStop, PlanningSite, PlanningUnit, Problem
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule

HOME_RULES = {HomeRule.STAYS_OUT: 0, HomeRule.HOME_ON_WEEKENDS: 1, HomeRule.HOME_DAILY: 2}
PROGRAMMES = tuple(Programme)
NEAR = 40
NEAR_UNITS = 6
SATURDAY = 6


@dataclass(frozen=True, slots=True)
class Client:
    """A possible stop: what is due at a site for one kind of unit, within a window; or a fixed stop.

    `due` are the women of this stay. `part` numbers the stays among which the women of a site are divided.
    """

    site: int
    due: tuple[tuple[Need, int], ...]
    first: int
    last: int
    part: int = 0
    fixed: PlannedStop | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """The arrays and what their numbers mean."""

    model: Model
    clients: tuple[Client, ...]
    tokens: int
    groups: int
    longest: int


def build(problem: Problem) -> Built:
    """The arrays of a problem."""
    return _Builder(problem).built()


class _Builder:
    """Works out one array after the other; days are numbers from the first day of the period."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.days = [
            problem.first_day + timedelta(days=n) for n in range((problem.last_day - problem.first_day).days + 1)
        ]
        self.units = {unit.id: number for number, unit in enumerate(problem.units)}
        self.sites = {site.id: number for number, site in enumerate(problem.sites)}
        self.fixed = [stop for stop in problem.fixed if self._is_here(stop)]
        self.fixed_at: defaultdict[Key, list[PlannedStop]] = defaultdict(list)
        for stop in self.fixed:
            self.fixed_at[stop.site_id].append(stop)
        self.calendars = self._calendars()
        self.clients = [*self._fixed_clients(), *self._possible_clients()]

    def _is_here(self, stop: PlannedStop) -> bool:
        known = stop.unit_id in self.units and stop.site_id in self.sites
        return known and any(0 <= self._day(day) < len(self.days) for day in stop.days)

    def _day(self, day: date) -> int:
        return (day - self.problem.first_day).days

    # clients

    def _fixed_clients(self) -> Iterator[Client]:
        for stop in self.fixed:
            inside = [self._day(day) for day in stop.days if 0 <= self._day(day) < len(self.days)]
            yield Client(self.sites[stop.site_id], (), inside[0], inside[-1] + 1, fixed=stop)

    def _possible_clients(self) -> Iterator[Client]:
        for number, site in enumerate(self.problem.sites):
            kinds: dict[frozenset[Need], list[PlanningUnit]] = defaultdict(list)
            for unit in self.problem.units:
                needs = frozenset(site.needs_of(unit))
                if needs and unit.may_serve(site):
                    kinds[needs].append(unit)
            for needs, units in kinds.items():
                yield from self._stays(number, site, needs, units)

    def _stays(self, number: int, site: PlanningSite, needs: frozenset[Need], units: list[PlanningUnit]) -> Iterator[Client]:
        """The stays among which the women of a site are divided, each in its own part of the period."""
        served = [stop for stop in self.fixed_at[site.id] if self._shares(stop, site, needs)]
        left = site.visits_max - len(served)
        due = self._left_due(site, needs, served)
        if left <= 0 or not due or self._group_is_taken(site):
            return
        strongest = {
            need: max(unit.women_on(need, site.id, self.days[0], first=False) for unit in units) * site.days_max
            for need in needs
        }
        parts = []
        while due and len(parts) < left:
            part = {need: min(women, strongest[need]) for need, women in due.items() if strongest[need]}
            due = {need: women - part.get(need, 0) for need, women in due.items() if women > part.get(need, 0)}
            if not part:
                break
            parts.append(part)
        room = len(self.days) - site.gap_days * (len(parts) - 1)
        for index, part in enumerate(parts):
            first = index * (room // len(parts) + site.gap_days)
            last = len(self.days) if index == len(parts) - 1 else first + room // len(parts)
            ordered = sorted(part.items(), key=lambda each: str(each[0]))
            yield Client(number, tuple(ordered), first, last, index)

    def _shares(self, stop: PlannedStop, site: PlanningSite, needs: frozenset[Need]) -> bool:
        return bool(needs & site.needs_of(self.problem.units[self.units[stop.unit_id]]).keys())

    def _left_due(self, site: PlanningSite, needs: frozenset[Need], served: Sequence[PlannedStop]) -> dict[Need, int]:
        due = {need: site.women_due[need] for need in needs}
        for stop in served:
            for need, women in self._divided(stop).items():
                if need in due:
                    due[need] -= women
        return {need: women for need, women in due.items() if women > 0}

    def _divided(self, stop: PlannedStop) -> dict[Need, int]:
        """The women of a fixed stop by need, in proportion to what could be examined."""
        unit = self.problem.units[self.units[stop.unit_id]]
        site = self.problem.sites[self.sites[stop.site_id]]
        could = {
            need: min(women, sum(unit.women_on(need, site.id, day, first=day == stop.days[0]) for day in stop.days))
            for need, women in site.needs_of(unit).items()
        }
        total = sum(could.values())
        if not total:
            return {}
        shares = {need: stop.women * women // total for need, women in could.items()}
        rest = sorted(could, key=lambda need: (-(stop.women * could[need] % total), str(need)))
        for need in rest[: stop.women - sum(shares.values())]:
            shares[need] += 1
        return shares

    def _group_is_taken(self, site: PlanningSite) -> bool:
        """Whether a fixed stop chose another place of the group."""
        if site.group is None:
            return False
        return any(
            self.problem.sites[self.sites[stop.site_id]].group == site.group and stop.site_id != site.id
            for stop in self.fixed
        )

    # calendars

    def _calendars(self) -> list[frozenset[date]]:
        return [frozenset(self.problem.working_days(unit)) for unit in self.problem.units]

    def _blocked(self, site: PlanningSite) -> list[Period]:
        """Days on which a site is closed: blackouts, and around stops that are there already."""
        gap = timedelta(days=site.gap_days)
        around = [Period(stop.days[0] - gap, stop.days[-1] + gap) for stop in self.fixed_at[site.id]]
        since = [] if site.last_visit is None else [Period(site.last_visit, site.last_visit + gap)]
        return [*site.blackouts, *around, *since]

    def _open(self, client: Client) -> tuple[bool, ...]:
        site = self.problem.sites[client.site]
        blocked = self._blocked(site)
        return tuple(
            client.first <= number < client.last
            and (site.earliest is None or site.earliest <= day)
            and (site.latest is None or day <= site.latest)
            and day.isoweekday() in site.weekdays
            and not any(day in period for period in blocked)
            for number, day in enumerate(self.days)
        )

    # arrays

    def built(self) -> Built:
        """Everything together."""
        problem, clients, count = self.problem, self.clients, len(self.days)
        kinds: dict[frozenset[date], int] = {}
        calendar = np.array([kinds.setdefault(days, len(kinds)) for days in self.calendars], np.int32)
        workdays = [[number for number, day in enumerate(self.days) if day in days] for days in kinds]
        weekend = np.concatenate([[0], np.cumsum([day.isoweekday() >= SATURDAY for day in self.days])])
        worked = np.zeros((len(kinds), count + 1), np.int32)
        workday = np.zeros((len(kinds), count + 1), np.int32)
        gaps = np.zeros((len(kinds), count + 1), np.int32)
        for kind, numbers in enumerate(workdays):
            present = np.zeros(count, np.int32)
            present[numbers] = 1
            worked[kind, 1:] = np.cumsum(present)
            workday[kind, : len(numbers)] = numbers
            free = [weekend[after] > weekend[before + 1] for before, after in zip(numbers, numbers[1:], strict=False)]
            gaps[kind, 1 : len(free) + 1] = np.cumsum(free) if free else 0
        windows: dict[tuple[bool, ...], int] = {}
        window = np.array([windows.setdefault(self._open(client), len(windows)) for client in clients], np.int32)
        run = self._runs(workdays, list(windows))
        opens = np.where(run.any(axis=2), (run > 0).argmax(axis=2), count).astype(np.int32)
        matrix = matrix_for(problem)
        hours = matrix.kilometres / problem.roads.speed_kmh if matrix.hours is None else matrix.hours
        days, women, parts = self._capacities(calendar, workdays)
        dated = self._dated(days, women, parts, calendar, workdays)
        self._leave_out_too_far(days, matrix.kilometres, hours)
        if len(dated[0]):
            for unit, number in enumerate(dated[0]):
                if number >= 0:
                    dated[1][number][days[unit] == 0] = 0
        near, near_units = self._near(matrix.kilometres, days)
        tokens, token_count = self._tokens()
        names = sorted({site.group for site in problem.sites if site.group is not None})
        group = [problem.sites[client.site].group for client in clients]
        limits = problem.limits
        used = self._used_by_fixed(limits)
        model = Model(
            km=np.ascontiguousarray(matrix.kilometres, np.float64),
            hours=np.ascontiguousarray(hours, np.float32),
            calendar=calendar,
            home=np.array([HOME_RULES[unit.home_rule] for unit in problem.units], np.int32),
            longest_drive=np.array(
                [np.inf if unit.max_relocation_km is None else unit.max_relocation_km for unit in problem.units]
            ),
            available=np.array([float(len(workdays[kind])) for kind in calendar]),
            worked=worked,
            workday=workday,
            gaps=gaps,
            weekend=weekend.astype(np.int32),
            place=np.array([len(problem.units) + client.site for client in clients], np.int32),
            window=window,
            tokens=tokens,
            group=np.array([-1 if name is None else names.index(name) for name in group], np.int32),
            weight=np.array([problem.sites[client.site].weight for client in clients], np.float64),
            fixed_unit=np.array([self.units[c.fixed.unit_id] if c.fixed else -1 for c in clients], np.int32),
            fixed_start=np.array([client.first if client.fixed else -1 for client in clients], np.int32),
            fixed_end=np.array([client.last if client.fixed else -1 for client in clients], np.int32),
            fixed_gaps=np.array([self._gaps_of(client, weekend) for client in clients], np.int32),
            run=run,
            opens=opens,
            days=days,
            women=women,
            parts=parts,
            dated=dated[0],
            dated_days=dated[1],
            dated_women=dated[2],
            dated_parts=dated[3],
            near=near,
            near_units=near_units,
            limit_unit=np.array(
                [[unit.id in limit.unit_ids for unit in problem.units] for limit in limits], np.bool_
            ).reshape(len(limits), len(problem.units)),
            limit_programme=np.array([PROGRAMMES.index(limit.programme) for limit in limits], np.int32),
            limit_from=np.array([self._day(limit.period.first_day) for limit in limits], np.int32),
            limit_to=np.array([self._day(limit.period.last_day) + 1 for limit in limits], np.int32),
            limit_women=np.array(
                [max(limit.women, before) for limit, before in zip(limits, used, strict=True)], np.int32
            ),
            drive_hours=problem.roads.drive_hours,
            commute_km=problem.roads.crew_commute_km,
            km_per_woman=problem.weights.km_per_woman,
            crew_km_share=problem.weights.crew_km_share,
            women_per_uneven_day=problem.weights.women_per_uneven_day,
        )
        return Built(model, tuple(clients), token_count, len(names), max(map(len, workdays), default=0) + len(self.fixed))

    def _runs(self, workdays: Sequence[Sequence[int]], windows: Sequence[tuple[bool, ...]]) -> "np.ndarray[tuple[int, ...], np.dtype[np.int16]]":
        run = np.zeros((len(workdays), len(windows), len(self.days)), np.int16)
        is_open = np.array(windows, np.bool_).reshape(len(windows), len(self.days))
        for kind, numbers in enumerate(workdays):
            following = np.zeros(len(windows), np.int16)
            for number in reversed(numbers):
                following = np.where(is_open[:, number], following + 1, 0).astype(np.int16)
                run[kind, :, number] = following
        return run

    def _gaps_of(self, client: Client, weekend: Ints) -> int:
        if client.fixed is None:
            return 0
        days = [self._day(day) for day in client.fixed.days if 0 <= self._day(day) < len(self.days)]
        return sum(int(weekend[after] > weekend[before + 1]) for before, after in zip(days, days[1:], strict=False))

    def _capacities(self, calendar: Ints, workdays: Sequence[Sequence[int]]) -> tuple["np.ndarray[tuple[int, ...], np.dtype[np.int16]]", Ints, Ints]:
        """Days, women, and women by programme of a stay of each unit at each client, by its usual crew."""
        shape = (len(self.problem.units), len(self.clients))
        days, women = np.zeros(shape, np.int16), np.zeros(shape, np.int32)
        parts = np.zeros((*shape, len(PROGRAMMES)), np.int32)
        for u, unit in enumerate(self.problem.units):
            needs_at = [site.needs_of(unit).keys() if unit.may_serve(site) else None for site in self.problem.sites]
            for c, client in enumerate(self.clients):
                site = self.problem.sites[client.site]
                if client.fixed is not None:
                    if client.fixed.unit_id == unit.id:
                        self._set_fixed(client.fixed, (u, c), days, women, parts)
                    continue
                needs = needs_at[client.site]
                if not needs or not {need for need, _ in client.due} <= needs or not self._is_whole(client, needs):
                    continue
                stay = self._stay(unit, site, client)
                if stay is not None:
                    days[u, c], women[u, c] = stay[0], sum(stay[1].values())
                    for need, number in stay[1].items():
                        if need is not None:
                            parts[u, c, PROGRAMMES.index(need)] = number
        return days, women, parts

    def _is_whole(self, client: Client, needs: "frozenset[Need] | set[Need] | object") -> bool:
        """A unit serves all needs that it shares with a site: a client for fewer is meant for other units."""
        site = self.problem.sites[client.site]
        served = {need for need, _ in client.due}
        left = self._left_due(site, frozenset(needs), [  # type: ignore[arg-type]
            stop for stop in self.fixed_at[site.id] if self._shares(stop, site, frozenset(needs))  # type: ignore[arg-type]
        ])
        return client.part > 0 or served == left.keys()

    def _set_fixed(self, stop: PlannedStop, at: tuple[int, int], days: Ints, women: Ints, parts: Ints) -> None:
        days[at] = sum(0 <= self._day(day) < len(self.days) for day in stop.days)
        women[at] = stop.women
        for need, number in self._divided(stop).items():
            if need is not None:
                parts[(*at, PROGRAMMES.index(need))] = number

    def _stay(self, unit: PlanningUnit, site: PlanningSite, client: Client, start: Sequence[date] = ()) -> tuple[int, dict[Need, int]] | None:
        """How many days the women of a client take, from its first day of work or the given ones, and who is reached."""
        calendar = start or self._usual_days
        reached = dict.fromkeys((need for need, _ in client.due), 0)
        for number, day in enumerate(calendar[: site.days_max], start=1):
            for need, women in client.due:
                reached[need] = min(women, reached[need] + unit.women_on(need, site.id, day, first=number == 1))
            enough = all(reached[need] >= women for need, women in client.due)
            if number >= site.days_min and enough:
                return (number, reached) if any(reached.values()) else None
        number = min(len(calendar), site.days_max)
        return (number, reached) if number >= site.days_min and any(reached.values()) else None

    @property
    def _usual_days(self) -> list[date]:
        return self.days

    def _dated(self, days: Ints, women: Ints, parts: Ints, calendar: Ints, workdays: Sequence[Sequence[int]]) -> tuple[Ints, "np.ndarray[tuple[int, ...], np.dtype[np.int16]]", Ints, Ints]:
        """The same for units whose crews change, by the day on which a stay begins."""
        changing = [u for u, unit in enumerate(self.problem.units) if any(c.period for c in unit.capacities)]
        shape = (len(changing), len(self.clients), len(self.days))
        dated = np.full(len(self.problem.units), -1, np.int32)
        dated_days, dated_women = np.zeros(shape, np.int16), np.zeros(shape, np.int32)
        dated_parts = np.zeros((*shape, len(PROGRAMMES)), np.int32)
        for number, u in enumerate(changing):
            dated[u] = number
            unit, worked = self.problem.units[u], workdays[calendar[u]]
            for c, client in enumerate(self.clients):
                if client.fixed is not None or days[u, c] == 0:
                    continue
                site = self.problem.sites[client.site]
                best = 0
                for index, day in enumerate(worked):
                    stay = self._stay(unit, site, client, [self.days[each] for each in worked[index : index + site.days_max]])
                    if stay is None:
                        continue
                    dated_days[number, c, day] = stay[0]
                    dated_women[number, c, day] = sum(stay[1].values())
                    best = max(best, int(dated_women[number, c, day]))
                    for need, reached in stay[1].items():
                        if need is not None:
                            dated_parts[number, c, day, PROGRAMMES.index(need)] = reached
                women[u, c] = best
        return dated, dated_days, dated_women, dated_parts

    def _leave_out_too_far(self, days: Ints, km: Floats, hours: Floats) -> None:
        for u, unit in enumerate(self.problem.units):
            places = np.array([len(self.problem.units) + client.site for client in self.clients], np.int64)
            free = np.array([client.fixed is None for client in self.clients])
            if unit.home_rule is HomeRule.STAYS_OUT or not len(places):
                continue
            there, back = hours[u, places], hours[places, u]
            too_far = there + back > self.problem.roads.drive_hours
            if unit.home_rule is HomeRule.HOME_DAILY and unit.max_relocation_km is not None:
                too_far |= np.maximum(km[u, places], km[places, u]) > unit.max_relocation_km
            if unit.home_rule is HomeRule.HOME_ON_WEEKENDS:
                too_far = np.maximum(there, back) > self.problem.roads.drive_hours
            days[u, too_far & free] = 0

    def _near(self, km: Floats, days: Ints) -> tuple[Ints, Ints]:
        places = np.array([len(self.problem.units) + client.site for client in self.clients], np.int64)
        count = len(self.clients)
        near = np.full((count, min(NEAR, max(count - 1, 1))), -1, np.int32)
        near_units = np.full((count, NEAR_UNITS), -1, np.int32)
        for c, place in enumerate(places):
            distances = km[place, places].copy()
            distances[c] = np.inf
            order = np.argsort(distances, kind="stable")[: min(near.shape[1], count - 1)]
            near[c, : len(order)] = order
            able = np.flatnonzero(days[:, c])
            nearest = able[np.argsort(km[able, place], kind="stable")][:NEAR_UNITS]
            near_units[c, : len(nearest)] = nearest
        return near, near_units

    def _tokens(self) -> tuple[Ints, int]:
        """One for each site, need and part: whoever holds it serves these women."""
        known: dict[tuple[int, Need, int], int] = {}
        tokens = np.full((len(self.clients), 2), -1, np.int32)
        for c, client in enumerate(self.clients):
            for position, (need, _) in enumerate(client.due[:2]):
                tokens[c, position] = known.setdefault((client.site, need, client.part), len(known))
        return tokens, len(known)

    def _used_by_fixed(self, limits: Sequence[object]) -> list[int]:
        used = []
        for limit in self.problem.limits:
            women = 0
            for stop in self.fixed:
                if stop.unit_id in limit.unit_ids and stop.days[0] in limit.period:
                    women += self._divided(stop).get(limit.programme, 0)
            used.append(women)
        return used
