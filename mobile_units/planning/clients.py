"""Clients of the search: the stops that a plan may have at each site, and those that it must have.

A unit examines everything that it shares with a site, so units with other equipment make other clients of the same
site, and the same women are never served twice: clients share tokens for them. Where a site may be visited more than
once, its women are divided among several stays, each in its own part of the period.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import ceil

from mobile_units.planning.problem import Key, Need, Period, PlannedStop, PlanningSite, PlanningUnit, Problem
from mobile_units.rules.programmes import Programme

NEEDS: tuple[Need, ...] = (*Programme, None)


@dataclass(frozen=True, slots=True)
class Client:
    """A possible stay at a site by units that share `needs` with it, or a `fixed` stop.

    `due` are the women of this stay, `part` is its number among the stays of the site. The whole stay lies in `window`
    and to one side of the `closed` periods, in which others are there.
    """

    site: int
    window: Period
    needs: frozenset[Need] = frozenset()
    due: Mapping[Need, int] = field(default_factory=dict)
    part: int = 0
    closed: tuple[Period, ...] = ()
    fixed: PlannedStop | None = None


def clients_of(problem: Problem) -> list[Client]:
    """The fixed stops, and every stay that could be added to them."""
    sites = {site.id: number for number, site in enumerate(problem.sites)}
    units = {unit.id: unit for unit in problem.units}
    kinds = {(unit.programmes, unit.regions, unit.site_ids, unit.needs): unit for unit in problem.units}
    clients, at = [], defaultdict[Key, list[Client]](list)
    for stop in problem.fixed:
        if stop.unit_id not in units or stop.site_id not in sites:
            continue
        clients.append(_fixed_client(problem, units[stop.unit_id], sites[stop.site_id], stop))
        at[stop.site_id].append(clients[-1])
    chosen = {problem.sites[sites[key]].group: key for key in at}
    for number, site in enumerate(problem.sites):
        if site.group is None or chosen.get(site.group, site.id) == site.id:
            clients.extend(_Stays(problem, number, at[site.id], kinds.values()).clients())
    return clients


def _fixed_client(problem: Problem, unit: PlanningUnit, number: int, stop: PlannedStop) -> Client:
    site = problem.sites[number]
    capacities = unit.women_within(site, stop.days)
    whole = Period(problem.first_day, problem.last_day)
    return Client(number, whole, frozenset(capacities), divided(stop.women, site, capacities), fixed=stop)


def divided(women: int, site: PlanningSite, capacities: Mapping[Need, int]) -> dict[Need, int]:
    """The women of a stop by what they are due for: in proportion to those who could be reached, by largest remainder.

    Worked out apart from `check.shares`, which judges it.
    """
    able = {need: min(site.women_due[need], capacities[need]) for need in NEEDS if need in capacities}
    total = max(1, sum(able.values()))
    parts = {need: divmod(women * each, total) for need, each in able.items()}
    missing = women - sum(whole for whole, _ in parts.values()) if any(able.values()) else 0
    favoured = sorted(parts, key=lambda need: -parts[need][1])[:missing]
    return {need: whole + (need in favoured) for need, (whole, _) in parts.items()}


class _Stays:
    """The stays that may be added at one site to its fixed stops."""

    def __init__(self, problem: Problem, number: int, fixed: Sequence[Client], kinds: Iterable[PlanningUnit]) -> None:
        self.problem, self.number, self.fixed = problem, number, fixed
        self.site = problem.sites[number]
        able = [unit for unit in kinds if unit.may_serve(self.site)]
        self.kinds = {frozenset(self.site.needs_of(unit)) for unit in able} - {frozenset()}

    def clients(self) -> Iterator[Client]:
        """One for each kind of unit and each part of the period."""
        parts = {need: self._parts(need) for need in frozenset().union(*self.kinds)}
        windows = self._windows(max(map(len, parts.values()), default=0))
        for needs in sorted(self.kinds, key=sorted_needs):
            closed = tuple(self._closed(needs))
            for part in range(min(self._visits_left(need) for need in needs)):
                due = {need: parts[need][part] for need in sorted_needs(needs) if part < len(parts[need])}
                if due:
                    yield Client(self.number, windows[part], needs, due, part, closed)

    def _visits_left(self, need: Need) -> int:
        return self.site.visits_max - sum(need in stop.needs for stop in self.fixed)

    def _parts(self, need: Need) -> list[int]:
        """The women still due, divided into as many stays as the longest one requires."""
        due = self.site.women_due[need] - sum(stop.due.get(need, 0) for stop in self.fixed)
        visits = self._visits_left(need)
        if due <= 0 or visits <= 0:
            return []
        if visits == 1:
            return [due]
        most = max(1, min(due, self._most_women(need)))
        stays = min(visits, ceil(due / most))
        return [min(most, due - most * stay) for stay in range(stays)]

    def _most_women(self, need: Need) -> int:
        """How many women the strongest unit examines in the longest stay, whichever crew works."""
        more, place = self.site.days_max - 1, self.site.id
        return max(
            unit.women_on(need, place, day, first=True) + more * unit.women_on(need, place, day, first=False)
            for unit in self.problem.units
            if unit.offers(need) and unit.may_serve(self.site)
            for day in self._changes(unit)
        )

    def _changes(self, unit: PlanningUnit) -> Iterator[date]:
        """The first day of the period, and those on which another crew begins."""
        yield self.problem.first_day
        for capacity in unit.capacities:
            if capacity.period is not None:
                for day in (capacity.period.first_day, capacity.period.last_day + timedelta(days=1)):
                    if self.problem.first_day <= day <= self.problem.last_day:
                        yield day

    def _windows(self, parts: int) -> list[Period]:
        """The part of the period for each stay, `gap_days` lying free between them."""
        first, last = self._span()
        room = (last - first).days + 1 - self.site.gap_days * (parts - 1)
        share = max(1, room // max(1, parts))
        windows = []
        for part in range(parts):
            begins = first + timedelta(days=part * (share + self.site.gap_days))
            ends = last if part == parts - 1 else begins + timedelta(days=share - 1)
            windows.append(Period(begins, max(begins, ends)))
        return windows

    def _span(self) -> tuple[date, date]:
        """The days that can be open at all."""
        site, problem = self.site, self.problem
        first = max(problem.first_day, site.earliest or problem.first_day)
        if site.last_visit is not None:
            first = max(first, site.last_visit + timedelta(days=site.gap_days + 1))
        return first, max(first, min(problem.last_day, site.latest or problem.last_day))

    def _closed(self, needs: frozenset[Need]) -> Iterator[Period]:
        """When units that share `needs` cannot come, because a fixed stop for the same women is near."""
        gap = timedelta(days=self.site.gap_days)
        for client in self.fixed:
            if client.fixed is not None and needs & client.needs:
                yield Period(client.fixed.days[0] - gap, client.fixed.days[-1] + gap)


def sorted_needs(needs: frozenset[Need]) -> list[Need]:
    """Needs in an order that is always the same."""
    return sorted(needs, key=str)
