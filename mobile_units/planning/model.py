"""The arrays of the search, made from a planning problem.

Days are numbers from the first day of the period, or of a fixed stop that began before it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mobile_units.planning import kernel
from mobile_units.planning.clients import NEEDS, Client, clients_of, divided, sorted_needs
from mobile_units.planning.distances import matrix_for
from mobile_units.planning.kernel import Floats, Ints, Model, Shorts
from mobile_units.planning.problem import EVERY_DAY, Key, Limit, Need, Period, PlanningUnit, Problem
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule

HOME_RULES = {
    HomeRule.STAYS_OUT: kernel.STAYS_OUT,
    HomeRule.HOME_ON_WEEKENDS: kernel.HOME_ON_WEEKENDS,
    HomeRule.HOME_DAILY: kernel.HOME_DAILY,
}
PROGRAMMES = tuple(Programme)
NEAR = 100
NEAR_UNITS = 6
SATURDAY = 6
NEVER = 1 << 20


@dataclass(frozen=True, slots=True)
class Built:
    """The arrays and what their numbers mean; `order` is that in which the greedy tours take the clients.

    Day zero is `first_day`.
    """

    model: Model
    first_day: date
    clients: tuple[Client, ...]
    order: Ints
    tokens: int
    groups: int
    longest: int


def build(problem: Problem) -> Built:
    """The arrays of a problem.

    Raises:
        DomainError: as `distances.matrix_for`.
    """
    return _Builder(problem).built()


class _Builder:
    """Works out one array after the other."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        worked = [day for stop in problem.fixed for day in stop.days]
        self.first_day = min([problem.first_day, *worked])
        self.count = (max([problem.last_day, *worked]) - self.first_day).days + 1
        self.days = [self.first_day + timedelta(days=number) for number in range(self.count)]
        self.clients = clients_of(problem)
        self.bases = len(problem.units)
        self.units = {unit.id: number for number, unit in enumerate(problem.units)}
        self.place = np.array([self.bases + client.site for client in self.clients], np.int64)
        self.free = np.array([client.fixed is None for client in self.clients], np.bool_)

    def built(self) -> Built:
        """Everything together."""
        problem = self.problem
        matrix = matrix_for(problem)
        hours = matrix.kilometres / problem.roads.speed_kmh if matrix.hours is None else matrix.hours
        windows, walls, window = self._windows()
        tokens, token_count = self._tokens()
        groups = sorted({site.group for site in problem.sites if site.group is not None})
        run = self._run(windows, walls)
        stay, stay_on, crews = self._stays()
        stay[self._too_far(matrix.kilometres, hours)] = 0
        model = Model(
            km=np.ascontiguousarray(matrix.kilometres, np.float64),
            km_from=np.ascontiguousarray(matrix.kilometres.T, np.float64),
            hours=np.ascontiguousarray(hours, np.float32),
            unit=self._unit(crews),
            bound=self._bound(),
            calendar=self._calendar,
            client=self._client(window, groups, tokens),
            weight=np.array([problem.sites[client.site].weight for client in self.clients], np.float64),
            run=run,
            opens=np.where(run.any(axis=2), (run > 0).argmax(axis=2), self.count).astype(np.int64),
            stay=np.ascontiguousarray(stay.transpose(1, 0, 2)),
            stay_on=stay_on,
            near=self._near(matrix.kilometres),
            near_units=self._near_units(matrix.kilometres, stay),
            limit=self._limit(),
            setting=self._setting(),
        )
        longest = int(model.bound[:, kernel.AVAILABLE].max(initial=0)) + int((~self.free).sum()) + 1
        return Built(model, self.first_day, tuple(self.clients), self._order(model), token_count, len(groups), longest)

    # calendars

    @cached_property
    def _kinds(self) -> dict[tuple[int, ...], int]:
        """The different sets of days on which units work, numbered."""
        kinds: dict[tuple[int, ...], int] = {}
        for days in self._working:
            kinds.setdefault(days, len(kinds))
        return kinds

    @cached_property
    def _working(self) -> list[tuple[int, ...]]:
        return [tuple(map(self._number, self.problem.working_days(unit))) for unit in self.problem.units]

    def _number(self, day: date) -> int:
        return (day - self.first_day).days

    @cached_property
    def _weekends(self) -> Ints:
        """Saturdays and Sundays before each day."""
        return np.cumsum([0, *(day.isoweekday() >= SATURDAY for day in self.days)]).astype(np.int64)

    @cached_property
    def _calendar(self) -> Ints:
        calendar = np.zeros((len(self._kinds), 4, self.count + 1), np.int64)
        for numbers, kind in self._kinds.items():
            present = np.bincount(np.array(numbers, np.int64), minlength=self.count)
            calendar[kind, kernel.WORKED, 1:] = np.cumsum(present)
            calendar[kind, kernel.WORKDAY, : len(numbers)] = numbers
            gaps = self._gaps(numbers)
            calendar[kind, kernel.GAPS, 1 : len(gaps) + 1] = np.cumsum(gaps)
            calendar[kind, kernel.WEEKENDS] = self._weekends
        return calendar

    def _gaps(self, numbers: Sequence[int]) -> NDArray[np.bool_]:
        """Whether a Saturday or Sunday lies between each day and the next."""
        days = np.array(numbers, np.int64)
        return np.asarray(self._weekends[days[1:]] > self._weekends[days[:-1] + 1])

    def _run(self, windows: NDArray[np.bool_], walls: NDArray[np.bool_]) -> Shorts:
        """Working days from each day on that are open without a break, by calendar and class of windows."""
        run = np.zeros((len(self._kinds), len(windows), self.count), np.int16)
        walls_before = np.pad(np.cumsum(walls, axis=1), ((0, 0), (1, 0)))
        for numbers, kind in self._kinds.items():
            following, then = np.zeros(len(windows), np.int16), self.count
            for number in reversed(numbers):
                unbroken = walls_before[:, then] == walls_before[:, number + 1]
                following = np.where(windows[:, number], following * unbroken + 1, 0).astype(np.int16)
                run[kind, :, number], then = following, number
        return run

    def _windows(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Ints]:
        """The classes of clients that are open on the same days, the walls that no stay goes across, and their clients.

        A stay goes on across days on which the site is closed and the unit at home, but not across another stop there.
        """
        ordinals = np.array([day.toordinal() for day in self.days])
        known: dict[bytes, int] = {}
        rows = [self._open(client, ordinals) for client in self.clients]
        window = np.array([known.setdefault(row.tobytes(), len(known)) for row in rows], np.int64)
        classes = np.frombuffer(b"".join(known), np.bool_).reshape(len(known), 2, self.count)
        return classes[:, 0], classes[:, 1], window

    def _open(self, client: Client, ordinals: NDArray[np.int64]) -> NDArray[np.bool_]:
        """On which days the site is open to the client, and on which others are there."""
        site = self.problem.sites[client.site]
        first = max(client.window.first_day, site.earliest or client.window.first_day).toordinal()
        last = min(client.window.last_day, site.latest or client.window.last_day).toordinal()
        is_open = (ordinals >= first) & (ordinals <= last) & ~_within(site.blackouts, ordinals)
        if site.last_visit is not None:
            is_open &= ordinals > site.last_visit.toordinal() + site.gap_days
        if site.weekdays != EVERY_DAY:
            is_open &= self._on_weekdays[site.weekdays]
        walls = _within(client.closed, ordinals)
        return np.stack([is_open & ~walls, walls])

    @cached_property
    def _on_weekdays(self) -> dict[frozenset[int], NDArray[np.bool_]]:
        """The days that are such weekdays."""
        kinds = {site.weekdays for site in self.problem.sites}
        return {kind: np.array([day.isoweekday() in kind for day in self.days], np.bool_) for kind in kinds}

    # units and clients

    def _unit(self, crews: Ints) -> Ints:
        rows = [
            (self._kinds[days], HOME_RULES[unit.home_rule], crew)
            for unit, days, crew in zip(self.problem.units, self._working, crews, strict=True)
        ]
        return np.array(rows, np.int64).reshape(len(rows), 3)

    def _bound(self) -> Floats:
        rows = [
            (kernel.ANY_DRIVE if unit.max_relocation_km is None else unit.max_relocation_km, len(days))
            for unit, days in zip(self.problem.units, self._working, strict=True)
        ]
        return np.array(rows, np.float64).reshape(len(rows), 2)

    def _client(self, window: Ints, groups: list[str], tokens: Ints) -> Ints:
        numbers = {group: number for number, group in enumerate(groups)}
        client = np.full((len(self.clients), kernel.TOKENS + tokens.shape[1]), -1, np.int64)
        client[:, kernel.PLACE], client[:, kernel.WINDOW], client[:, kernel.TOKENS :] = self.place, window, tokens
        for row, each in zip(client, self.clients, strict=True):
            group = self.problem.sites[each.site].group
            row[kernel.GROUP] = -1 if group is None else numbers[group]
            if each.fixed is not None:
                days = [self._number(day) for day in each.fixed.days]
                row[kernel.FIXED_UNIT] = self.units[each.fixed.unit_id]
                row[kernel.FIXED_START], row[kernel.FIXED_END] = days[0], days[-1] + 1
                row[kernel.FIXED_GAPS] = self._gaps(days).sum()
        return client

    def _tokens(self) -> tuple[Ints, int]:
        """One for each site, need and part: whoever holds it serves these women."""
        known: dict[tuple[int, Need, int], int] = {}
        tokens = np.full((len(self.clients), len(NEEDS)), -1, np.int64)
        for row, client in zip(tokens, self.clients, strict=True):
            for position, need in enumerate(client.due):
                row[position] = known.setdefault((client.site, need, client.part), len(known))
        return tokens, len(known)

    # stays

    def _stays(self) -> tuple[Ints, Shorts, Ints]:
        """Days, women, and women by programme of a stay of each unit at each client.

        For units whose crews change also by the day on which the stay begins, and the number of each such unit.
        """
        changing = [unit for unit in self.problem.units if any(each.period for each in unit.capacities)]
        stay = np.zeros((self.bases, len(self.clients), kernel.PARTS + len(PROGRAMMES)), np.int64)
        stay_on = np.zeros((len(changing), len(self.clients), self.count, stay.shape[2]), np.int16)
        crews = np.full(self.bases, -1, np.int64)
        known: dict[object, Ints] = {}
        for number, (unit, working) in enumerate(zip(self.problem.units, self._working, strict=True)):
            if unit in changing:
                crews[number] = changing.index(unit)
                dated = self._stays_of(unit, [self.days[day] for day in working], len(working))
                stay_on[crews[number]][:, list(working)] = dated
                stay[number] = _best_of(dated)
            elif working:
                kind = (_kind_of(unit), len(working))
                if kind not in known:
                    known[kind] = self._stays_of(unit, self.days[:1] * len(working), 1)[:, 0]
                stay[number] = known[kind]
        self._set_fixed(stay)
        return stay, stay_on, crews

    def _set_fixed(self, stay: Ints) -> None:
        for number, client in enumerate(self.clients):
            if client.fixed is not None:
                parts = [client.due.get(programme, 0) for programme in PROGRAMMES]
                stay[self.units[client.fixed.unit_id], number] = [len(client.fixed.days), client.fixed.women, *parts]

    def _stays_of(self, unit: PlanningUnit, days: Sequence[date], begins: int) -> Ints:
        """Stays of a unit at all clients, by the number of the working day, one of the first, on which they begin."""
        stays = np.zeros((len(self.clients), begins, kernel.PARTS + len(PROGRAMMES)), np.int64)
        own = {capacity.site_id for capacity in unit.capacities if capacity.site_id is not None}
        places: dict[Key | None, list[int]] = {}
        for number in self._meant_for[unit.programmes]:
            site = self.problem.sites[self.clients[number].site]
            if unit.may_serve(site):
                places.setdefault(site.id if site.id in own else None, []).append(number)
        for key, numbers in places.items():
            stays[numbers] = self._stays_at(_Crew(unit, key, days, begins), numbers)
        return stays

    @cached_property
    def _meant_for(self) -> dict[frozenset[Programme], list[int]]:
        """The free clients of units with some equipment, which serve all that they share with the site."""
        meant = {}
        for unit in {unit.programmes: unit for unit in self.problem.units}.values():
            needs = [site.needs_of(unit).keys() for site in self.problem.sites]
            meant[unit.programmes] = [
                number
                for number, client in enumerate(self.clients)
                if client.fixed is None and client.needs == needs[client.site]
            ]
        return meant

    def _stays_at(self, crew: "_Crew", numbers: list[int]) -> Ints:
        """Stays at clients where the crew examines equally many women."""
        clients = [self.clients[number] for number in numbers]
        sites = [self.problem.sites[client.site] for client in clients]
        least, most = (np.array([[getattr(site, name)] for site in sites]) for name in ("days_min", "days_max"))
        due = {
            need: np.array([[client.due.get(need, 0)] for client in clients])
            for need in sorted_needs(frozenset().union(*(client.needs for client in clients)))
        }
        wanted = np.max([crew.days_for(need, women) for need, women in due.items()], axis=0)
        days = np.maximum(np.minimum(wanted, np.minimum(most, len(crew.days))), least)
        days[days > crew.days_left] = 0
        capacities = {need: crew.reach(need, days) for need in due}
        women = np.sum([np.minimum(due[need], capacities[need]) for need in due], axis=0)
        days[women == 0] = 0
        stays = np.zeros((*days.shape, kernel.PARTS + len(PROGRAMMES)), np.int64)
        stays[..., kernel.DAYS], stays[..., kernel.WOMEN] = days, women
        for index in zip(*np.nonzero(days), strict=True) if self.problem.limits else ():
            able = {need: int(capacities[need][index]) for need in clients[index[0]].needs}
            parts = divided(int(women[index]), sites[index[0]], able)
            stays[index][kernel.PARTS :] = [parts.get(programme, 0) for programme in PROGRAMMES]
        return stays

    def _too_far(self, km: Floats, hours: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Units that come home so often that they cannot go to a client, by unit and client."""
        too_far = np.zeros((self.bases, len(self.clients)), np.bool_)
        for number, unit in enumerate(self.problem.units):
            there, back = hours[number, self.place], hours[self.place, number]
            if unit.home_rule is HomeRule.HOME_DAILY:
                too_far[number] = there + back > self.problem.roads.drive_hours
            if unit.home_rule is HomeRule.HOME_DAILY and unit.max_relocation_km is not None:
                drive = np.maximum(km[number, self.place], km[self.place, number])
                too_far[number] |= drive > unit.max_relocation_km
        return too_far & self.free

    # neighbours and order

    def _near(self, km: Floats) -> Ints:
        """The clients nearest to each client, the nearest first, those of its own site before all others."""
        near = np.full((len(self.clients), min(NEAR, max(len(self.clients) - 1, 1))), -1, np.int64)
        at: list[list[int]] = [[] for _ in self.problem.sites]
        for number, client in enumerate(self.clients):
            at[client.site].append(number)
        occupied = np.array([site for site, clients in enumerate(at) if clients], np.int64)
        for site in occupied:
            distances = km[self.bases + site, self.bases + occupied]
            around = occupied[np.argpartition(distances, NEAR)[: NEAR + 1] if len(occupied) > NEAR else slice(None)]
            around = around[np.lexsort((around, km[self.bases + site, self.bases + around], around != site))]
            nearest = [client for each in around for client in at[each]]
            for client in at[site]:
                row = [each for each in nearest if each != client][: near.shape[1]]
                near[client, : len(row)] = row
        return near

    def _near_units(self, km: Floats, stay: Ints) -> Ints:
        """The units that could come to each client, those with the nearest base first."""
        near_units = np.full((len(self.clients), NEAR_UNITS), -1, np.int64)
        distances = np.where(stay[:, :, kernel.DAYS] > 0, km[: self.bases][:, self.place], np.inf)
        order = np.argsort(distances, axis=0, kind="stable")[:NEAR_UNITS]
        able = np.isfinite(np.take_along_axis(distances, order, axis=0))
        near_units[:, : len(order)] = np.where(able, order, -1).T
        return near_units

    def _order(self, model: Model) -> Ints:
        """Clients that some unit could serve, the most weighted women per day first."""
        nearest = model.near_units[:, 0]
        candidates = np.flatnonzero(self.free & (nearest >= 0))
        stays = model.stay[candidates, nearest[candidates]]
        women = model.weight[candidates] * stays[:, kernel.WOMEN] / np.maximum(1, stays[:, kernel.DAYS])
        return candidates[np.argsort(-women, kind="stable")].astype(np.int64)

    # limits and settings

    def _limit(self) -> Ints:
        limit = np.zeros((len(self.problem.limits), kernel.OF_UNITS + self.bases), np.int64)
        for row, each in zip(limit, self.problem.limits, strict=True):
            row[kernel.PROGRAMME] = PROGRAMMES.index(each.programme)
            row[kernel.FROM] = self._number(each.period.first_day)
            row[kernel.TO] = self._number(each.period.last_day) + 1
            row[kernel.MOST_WOMEN] = max(each.women, self._fixed_women(each))
            row[kernel.OF_UNITS :] = [unit.id in each.unit_ids for unit in self.problem.units]
        return limit

    def _fixed_women(self, limit: Limit) -> int:
        """Women of fixed stops that the limit is about."""
        return sum(
            client.due.get(limit.programme, 0)
            for client in self.clients
            if client.fixed is not None
            and client.fixed.unit_id in limit.unit_ids
            and client.fixed.days[0] in limit.period
        )

    def _setting(self) -> Floats:
        roads, weights = self.problem.roads, self.problem.weights
        setting = np.zeros(6)
        setting[kernel.DRIVE_HOURS], setting[kernel.COMMUTE_KM] = roads.drive_hours, roads.crew_commute_km
        setting[kernel.KM_PER_WOMAN], setting[kernel.CREW_KM_SHARE] = weights.km_per_woman, weights.crew_km_share
        setting[kernel.UNEVEN_DAY] = weights.women_per_uneven_day
        setting[kernel.ALL_AVAILABLE] = sum(map(len, self._working))
        return setting


class _Crew:
    """How many women a unit examines at a site, or where it has no capacity of its own, day by day.

    Arrays are clients by the number of the working day on which a stay begins.
    """

    def __init__(self, unit: PlanningUnit, site: Key | None, days: Sequence[date], begins: int) -> None:
        self.unit, self.site, self.days = unit, site, days
        self.begins = np.arange(begins)
        self.days_left = len(days) - self.begins
        self.capacities: dict[Need, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def days_for(self, need: Need, women: NDArray[np.int64]) -> NDArray[np.int64]:
        """Days until all `women` are examined, `NEVER` if the days do not suffice."""
        on_first, before = self._capacity(need)
        found = np.searchsorted(before, before[self.begins + 1] + women - on_first)
        days = np.where(found < len(before), np.maximum(1, found - self.begins), NEVER)
        return np.where(women > 0, days, 1)

    def reach(self, need: Need, days: NDArray[np.int64]) -> NDArray[np.int64]:
        """Women who could be examined in so many days; none in zero days."""
        on_first, before = self._capacity(need)
        reached = on_first + before[self.begins + np.maximum(days, 1)] - before[self.begins + 1]
        return np.where(days > 0, reached, 0)

    def _capacity(self, need: Need) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Women on the first day of a stay that begins on each day; and those of all days before a day together."""
        if need not in self.capacities:
            women = {
                first: np.array([self.unit.women_on(need, self.site, day, first=first) for day in self.days], np.int64)
                for first in (True, False)
            }
            before = np.concatenate([[0], np.cumsum(women[False])])
            self.capacities[need] = women[True][self.begins], before
        return self.capacities[need]


def _within(periods: Iterable[Period], ordinals: NDArray[np.int64]) -> NDArray[np.bool_]:
    within = np.zeros(len(ordinals), np.bool_)
    for period in periods:
        within |= (ordinals >= period.first_day.toordinal()) & (ordinals <= period.last_day.toordinal())
    return within


def _best_of(dated: Ints) -> Ints:
    """The stay of each client that reaches the most women, whenever it begins."""
    if not dated.shape[1]:
        return np.zeros((dated.shape[0], dated.shape[2]), np.int64)
    best = dated[:, :, kernel.WOMEN].argmax(axis=1)
    return np.asarray(dated[np.arange(len(dated)), best])


def _kind_of(unit: PlanningUnit) -> object:
    """Units of one kind have the same stays."""
    women = tuple(sorted(unit.women_per_day.items())), tuple(sorted(unit.women_on_first_day.items()))
    return *women, repr(unit.capacities), unit.regions, unit.site_ids, unit.needs
