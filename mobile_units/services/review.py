"""An itinerary as it is laid before a person: what it is worth, what is wrong with it, where every unit drives."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.models.units import MobileUnit
from mobile_units.planning.check import Violation
from mobile_units.planning.drives import Ways, journeys, worked_days
from mobile_units.planning.problem import Objective, PlannedStop, PlanningUnit, Problem, Unserved
from mobile_units.services import itineraries, planning
from mobile_units.services.actors import Actor
from mobile_units.services.planning import Judge

LIVING = frozenset({ItineraryStatus.DRAFT, ItineraryStatus.APPROVED, ItineraryStatus.PUBLISHED})
"""The states in which it matters what is wrong with an itinerary and whom it leaves out."""

Place = tuple[int, int, tuple[tuple[datetime, datetime], ...]]
"""Unit, site and hours of every day of a stop."""


@dataclass(frozen=True, slots=True)
class PlacedViolation:
    """What is wrong, and the stop to which it belongs; None if it belongs to no single one."""

    violation: Violation
    stop: Stop | None

    @property
    def code(self) -> str:
        """The kind of violation."""
        return self.violation.code


@dataclass(frozen=True, slots=True)
class ReviewedStop:
    """A stop, the kilometres that the unit drives until it is over, and what is wrong with it.

    In a version that revises another it is `as_published`, with the same unit, site, days and hours, or it is not.
    """

    stop: Stop
    km: float
    violations: Sequence[Violation]
    as_published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTour:
    """The stops of a unit in order of time, and the kilometres from the last of them to its base."""

    unit: MobileUnit
    stops: Sequence[ReviewedStop]
    km_home: float

    @property
    def km(self) -> float:
        """Kilometres of the unit."""
        return sum(each.km for each in self.stops) + self.km_home

    @property
    def women(self) -> int:
        """Women planned."""
        return sum(each.stop.women_planned for each in self.stops)

    @property
    def days(self) -> int:
        """Days of work."""
        return sum(len(each.stop.days) for each in self.stops)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """All that is known of an itinerary; `revises` is the one whose place it takes, `versions` would take its own.

    The stops `beside` are published in other itineraries.
    """

    itinerary: Itinerary
    revises: Itinerary | None
    versions: Sequence[Itinerary]
    problem: Problem
    beside: Sequence[PlannedStop]
    terms: Objective
    tours: Sequence[UnitTour]
    violations: Sequence[PlacedViolation]
    unserved: Sequence[Unserved]


def read(session: Session, actor: Actor, itinerary_id: int) -> Review:
    """Reviews an itinerary as things stand now.

    Raises:
        DomainError: `not_found`.
    """
    itinerary = itineraries.get(session, actor, itinerary_id)
    judge = planning.judge(session, actor, itinerary)
    living = itinerary.status in LIVING
    violations = _placed(itinerary, judge.violations(itinerary)) if living else []
    return Review(
        itinerary=itinerary,
        revises=itinerary.revises,
        versions=_versions(session, itinerary),
        problem=judge.problem,
        beside=judge.beside,
        terms=judge.terms(itinerary),
        tours=_tours(judge.problem, itinerary, violations, _published(session, itinerary)),
        violations=violations,
        unserved=_unserved(judge, itinerary) if living else (),
    )


def _unserved(judge: Judge, itinerary: Itinerary) -> Sequence[Unserved]:
    from mobile_units.planning.explain import explain_unserved  # noqa: PLC0415 -- loads numpy, and few requests need it

    return explain_unserved(judge.problem, judge.beside + planning.own_stops(itinerary))


def _versions(session: Session, itinerary: Itinerary) -> Sequence[Itinerary]:
    query = select(Itinerary).where(Itinerary.revises_id == itinerary.id, Itinerary.status != ItineraryStatus.DISCARDED)
    return session.scalars(query.order_by(Itinerary.id)).all()


def _placed(itinerary: Itinerary, violations: Iterable[Violation]) -> list[PlacedViolation]:
    """Each violation with the stop whose unit or site it names, on its day if it names any."""
    stops = [(stop, {row.day for row in stop.days}) for stop in itinerary.stops]
    return [
        PlacedViolation(violation, next((stop for stop, days in stops if _is_about(violation, stop, days)), None))
        for violation in violations
    ]


def _is_about(violation: Violation, stop: Stop, days: Collection[date]) -> bool:
    return (
        violation.unit_id in {None, stop.unit_id}
        and violation.site_id in {None, stop.site_id}
        and (violation.day in days if violation.day else violation.site_id is not None)
    )


def _published(session: Session, itinerary: Itinerary) -> Mapping[int, Place]:
    """Where and when the stops stand that the itinerary continues, by their keys."""
    origins = [stop.origin_id for stop in itinerary.stops if stop.origin_id is not None]
    query = select(Stop).where(Stop.id.in_(origins)).options(selectinload(Stop.days))
    return {stop.id: _place(stop) for stop in session.scalars(query)}


def _place(stop: Stop) -> Place:
    return stop.unit_id, stop.site_id, tuple((row.opens_at, row.closes_at) for row in stop.days)


def _tours(
    problem: Problem,
    itinerary: Itinerary,
    violations: Iterable[PlacedViolation],
    published: Mapping[int, Place],
) -> Sequence[UnitTour]:
    wrong: defaultdict[int, list[Violation]] = defaultdict(list)
    for each in violations:
        if each.stop is not None:
            wrong[each.stop.id].append(each.violation)
    by_unit: defaultdict[int, list[Stop]] = defaultdict(list)
    for stop in itinerary.stops:
        if stop.days:
            by_unit[stop.unit_id].append(stop)
    ways, units = Ways(problem), {unit.id: unit for unit in problem.units}
    tours = []
    for unit_id, stops in by_unit.items():
        km, home = _kilometres(ways, units.get(unit_id), stops)
        reviewed = [
            ReviewedStop(
                stop,
                km.get(stop.id, 0.0),
                wrong[stop.id],
                as_published=stop.origin_id is not None and published.get(stop.origin_id) == _place(stop),
            )
            for stop in stops
        ]
        tours.append(UnitTour(unit=stops[0].unit, stops=reviewed, km_home=home))
    return sorted(tours, key=lambda tour: tour.unit.id)


def _kilometres(ways: Ways, unit: PlanningUnit | None, stops: Iterable[Stop]) -> tuple[Mapping[int, float], float]:
    """Kilometres until each stop is over, by its key, and those from the last one home."""
    km: defaultdict[int, float] = defaultdict(float)
    home = 0.0
    known = [stop for stop in stops if stop.site_id in ways.sites]
    if unit is None:
        return km, home
    stop_on = {row.day: stop.id for stop in known for row in stop.days}
    worked = worked_days(ways, [planning.planned_stop(stop) for stop in known])
    for journey in journeys(ways, unit, worked):
        driven = sum(ways.km(*drive) for drive in journey.drives)
        if journey.arrived is None:
            home += driven
        else:
            km[stop_on[journey.arrived]] += driven
    return km, home
