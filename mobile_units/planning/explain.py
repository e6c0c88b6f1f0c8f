"""Why sites are left out of a plan, told from the plan alone, however it was made."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from mobile_units.planning.problem import PlannedStop, PlanningSite, PlanningUnit, Problem, Unserved
from mobile_units.rules.programmes import Programme

EXAMINATIONS_EN = {Programme.BREAST: "mammography", Programme.CERVICAL: "cytology or HPV tests"}
EXAMINATIONS_PL = {Programme.BREAST: "mammografią", Programme.CERVICAL: "cytologią lub testem HPV"}


def explain_unserved(problem: Problem, stops: Iterable[PlannedStop]) -> tuple[Unserved, ...]:
    """One entry per site and programme that no stop serves though women are due, and one per site without women due."""
    made = list(stops)
    used = Counter(stop.unit_id for stop in made for _ in stop.days)
    units = {unit.id: unit for unit in problem.units}
    served = {(stop.site_id, programme) for stop in made for programme in units[stop.unit_id].programmes}
    free = [unit for unit in problem.units if len(problem.working_days(unit)) > used[unit.id]]
    return tuple(entry for site in problem.sites for entry in _site_entries(site, served, problem.units, free))


def _site_entries(
    site: PlanningSite,
    served: set[tuple[int, Programme]],
    units: Sequence[PlanningUnit],
    free: Sequence[PlanningUnit],
) -> Iterator[Unserved]:
    if not any(site.women_due.values()):
        yield Unserved(site.id, "no_women_due", "no women due", "brak kobiet do zbadania")
    for programme, women in sorted(site.women_due.items()):
        if women > 0 and (site.id, programme) not in served:
            yield _programme_entry(site, programme, units, free)


def _programme_entry(
    site: PlanningSite, programme: Programme, units: Sequence[PlanningUnit], free: Sequence[PlanningUnit]
) -> Unserved:
    if not _offering(units, programme):
        en = f"no unit with {EXAMINATIONS_EN[programme]}"
        pl = f"brak jednostki z {EXAMINATIONS_PL[programme]}"
        return Unserved(site.id, "no_unit_for_programme", en, pl, programme)
    if not _offering(free, programme):
        en = "no unit-days left: other places reach more women per day"
        pl = "brak wolnych dni jednostek: w innych miejscach dziennie można zbadać więcej kobiet"
        return Unserved(site.id, "no_unit_days_left", en, pl, programme)
    en = "too few women due for the kilometres it takes to reach them"
    pl = "za mało kobiet do zbadania w stosunku do kilometrów dojazdu"
    return Unserved(site.id, "not_worth_the_way", en, pl, programme)


def _offering(units: Iterable[PlanningUnit], programme: Programme) -> list[PlanningUnit]:
    return [unit for unit in units if programme in unit.programmes]
