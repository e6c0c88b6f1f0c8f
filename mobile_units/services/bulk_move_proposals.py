"""Working out a bulk move: which places there are, and who would go where.

Everything is read in a few statements, however many women there are. A woman's home is not kept, so she is taken to
come from the stop where she was to go. What a place asks of women (that it is near enough, and not reserved for others)
is told to `planning.assignment` as a need of those women who may have it.

This loads numpy and the solver, so `services.bulk_moves` imports it only where it is needed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from mobile_units.planning.assignment import (
    Assignment,
    FreePlaces,
    MoveWeights,
    MovingVisit,
    Unassigned,
    assign,
    straight_km,
)
from mobile_units.rules.admission import BookingChannel, Reservation
from mobile_units.rules.calendar import local_day, local_instant
from mobile_units.services.actors import Actor
from mobile_units.services.bulk_move_places import Place, is_open, is_open_to, offered, places_of
from mobile_units.services.bulk_move_scopes import Days, Leaving, Scope, days_open, leaving

NO_COORDINATES, NONE_NEAR, RESERVED, BY_HAND = "no_coordinates", "none_near", "reserved", "by_hand"
REASONS: Mapping[str, tuple[str, str]] = {
    NO_COORDINATES: (
        "wizyta jest w miejscu stacjonarnym, którego współrzędnych nie znamy: wybierz termin ręcznie",
        "the visit is in a stationary place of which no coordinates are known: choose a slot by hand",
    ),
    NONE_NEAR: (
        "w promieniu {km:g} km nie ma w ciągu {days} dni wolnych terminów na to badanie",
        "there are no free times for this examination within {km:g} km and {days} days",
    ),
    RESERVED: (
        "wolne terminy na to badanie są przeznaczone dla innych",
        "the free times for this examination are reserved for others",
    ),
    BY_HAND: ("zdecydowano, że zostaje bez innego terminu", "it was decided that she stays without another time"),
}
"""Why a woman has no place, beside the reasons of `planning.assignment`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A row of a proposal, named as `BulkMoveRow` is; `facts` tell the reason, her days, and what changes."""

    visit_id: int
    visit_version: int
    to_slot_id: int | None = None
    by_hand: bool = False
    reason: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    km_farther: float | None = None
    days_later: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Proposed:
    """Who would go where, and the visits of the scope that are not moved, each with `why`."""

    rows: list[Planned]
    left_out: list[dict[str, Any]]


def work_out(  # noqa: PLR0913, PLR0917 -- what leaves, what a change is worth, and what was decided by hand
    session: Session,
    actor: Actor,
    scope: Scope,
    weights: Mapping[str, float],
    now: datetime,
    by_hand: Mapping[int, int | None],
) -> Proposed:
    """The best assignment of all women at once; `by_hand` are the slots chosen for visits, None for nowhere.

    Where a slot that was chosen has no place any more, its woman is assigned like the others.

    Raises:
        DomainError: `bulk_move_scope`; `not_found`, a stop, the unit or a visit; `bulk_move_too_large`.
    """
    visits, left_out = leaving(session, actor, scope, now)
    rows = _by_hand(session, actor, visits, by_hand, now, weights)
    rows |= {
        each.id: _without(each, NO_COORDINATES, scope, Days())
        for each in visits
        if each.at is None and each.id not in rows
    }
    rest = [each for each in visits if each.id not in rows]
    if rest:
        given = Counter(row.to_slot_id for row in rows.values())
        found = offered(session, actor, scope, visits, rest, now)
        places = [replace(each, free=each.free - given[each.id]) for each in found]
        rows |= _assigned(session, actor, scope, rest, [each for each in places if each.free > 0], now, weights)
    return Proposed([rows[each.id] for each in visits], left_out)


# what was chosen by hand


def chosen(visit: Leaving, place: Place, weights: Mapping[str, float], days: Days) -> Planned:
    """The row of a visit that goes where a person wants it, whatever it costs."""
    row = Planned(visit_id=visit.id, visit_version=visit.version, to_slot_id=place.id, by_hand=True)
    later = (local_day(place.starts_at) - local_day(visit.starts_at)).days
    if visit.at is None or place.at is None:
        return replace(row, days_later=later, facts=_facts(days))
    anywhere = replace(_moving(visit, Days()), needs=frozenset())
    there = _free_places(replace(place, path=visit.path, free=1), frozenset())
    [only] = assign([anywhere], [there], place.starts_at, MoveWeights(**weights)).assigned
    return replace(row, **_changes(only, days))


def _by_hand(  # noqa: PLR0913, PLR0917 -- as `work_out`
    session: Session,
    actor: Actor,
    visits: Sequence[Leaving],
    by_hand: Mapping[int, int | None],
    now: datetime,
    weights: Mapping[str, float],
) -> dict[int, Planned]:
    wanted = {each.id: by_hand[each.id] for each in visits if each.id in by_hand}
    if not wanted:
        return {}
    places = {each.id: each for each in places_of(session, actor, {key for key in wanted.values() if key})}
    leave = Counter(each.slot_id for each in visits)
    come = Counter(wanted.values())
    rows = {}
    for each in visits:
        slot_id = wanted.get(each.id, 0)
        place = places.get(slot_id) if slot_id else None
        if slot_id is None:
            rows[each.id] = nowhere(each)
        elif place and is_open(place, now) and place.free + leave[slot_id] >= come[slot_id]:
            rows[each.id] = chosen(each, place, weights, Days())
    return rows


def nowhere(visit: Leaving) -> Planned:
    """The row of a visit that stays where it is because a person decided so."""
    return replace(_without(visit, BY_HAND, Scope(), Days()), by_hand=True)


# who goes where


def _assigned(  # noqa: PLR0913, PLR0917 -- women, places, and what is asked of both
    session: Session,
    actor: Actor,
    scope: Scope,
    rest: Sequence[Leaving],
    places: Sequence[Place],
    now: datetime,
    weights: Mapping[str, float],
) -> dict[int, Planned]:
    first = local_day(now) + timedelta(days=scope.notice_days)
    days = _days_that_count(session, actor, scope, rest, places, first)
    near = _near(scope, rest, places)
    openings = _openings(places, rest, near)
    options = [_free_places(each, openings[each.stop_id, each.reserved_for]) for each in places]
    proposal = assign(
        [_moving(each, days[each.id]) for each in rest], options, local_instant(first, time()), MoveWeights(**weights)
    )
    by_id = {each.id: each for each in rest}
    rows = {}
    for found in proposal.assigned:
        visit = by_id[int(found.visit.key)]
        row = Planned(visit_id=visit.id, visit_version=visit.version, to_slot_id=int(found.place.key))
        rows[visit.id] = replace(row, **_changes(found, days[visit.id]))
    for left in proposal.unassigned:
        visit = by_id[int(left.visit.key)]
        rows[visit.id] = _unassigned(visit, left, options, scope, days[visit.id])
    return rows


def _days_that_count(  # noqa: PLR0913, PLR0917 -- as `_assigned`
    session: Session, actor: Actor, scope: Scope, rest: Sequence[Leaving], places: Sequence[Place], first: date
) -> dict[int, Days]:
    """When each woman may be examined, and no later than the scope lets her be."""
    last = max([first, *(local_day(each.starts_at) for each in places)])
    days = days_open(session, actor, rest, first, last)
    if scope.to_stop_ids:
        return days
    for each in rest:
        latest = local_day(each.starts_at) + timedelta(days=scope.within_days)
        allowed, until = days[each.id]
        days[each.id] = Days(allowed, latest if until is None else min(until, latest))
    return days


def _near(scope: Scope, rest: Sequence[Leaving], places: Sequence[Place]) -> dict[int | None, set[int | None]]:
    """By stop with places, the stops of women who may be sent there."""
    leaving_from = {each.stop_id: each.at for each in rest if each.at is not None}
    stops = {each.stop_id: each.at for each in places if each.at is not None}
    if scope.to_stop_ids:
        return {stop_id: set(leaving_from) for stop_id in stops}
    if not stops:
        return {}
    ones, others = np.array([*stops.values()]), np.array([*leaving_from.values()])
    within = straight_km(ones[:, None], others[None]) <= scope.within_km
    return {
        stop_id: {old for old, near in zip(leaving_from, row, strict=True) if near}
        for stop_id, row in zip(stops, within, strict=True)
    }


def _from(stop_id: int | None) -> str:
    return f"from {stop_id}"


def _like(channel: BookingChannel, *, urgent: bool) -> str:
    return f"{channel} {'urgent' if urgent else ''}"


def _moving(visit: Leaving, days: Days) -> MovingVisit:
    at = visit.at or (0.0, 0.0)
    return MovingVisit(
        key=visit.id,
        path=visit.path,
        starts_at=visit.starts_at,
        stop=visit.stop_id or 0,
        unit=visit.unit_id or 0,
        stop_at=at,
        comes_from=at,
        urgent=visit.urgent,
        not_before=days.first,
        latest=days.last,
        needs=frozenset({_from(visit.stop_id), _like(visit.channel, urgent=visit.urgent)}),
    )


def _openings(
    places: Sequence[Place], rest: Sequence[Leaving], near: Mapping[int | None, set[int | None]]
) -> dict[tuple[int | None, Reservation | None], frozenset[str]]:
    """By stop and reservation, women from where, and like whom, may have the places."""
    classes = {(each.channel, each.urgent) for each in rest}
    return {
        (stop_id, reserved_for): frozenset(
            {_from(old) for old in near[stop_id]}
            | {
                _like(channel, urgent=urgent)
                for channel, urgent in classes
                if is_open_to(reserved_for, channel, urgent=urgent)
            }
        )
        for stop_id, reserved_for in {(each.stop_id, each.reserved_for) for each in places}
    }


def _free_places(place: Place, offers: frozenset[str]) -> FreePlaces:
    return FreePlaces(
        key=place.id,
        path=place.path,
        starts_at=place.starts_at,
        stop=place.stop_id or 0,
        unit=place.unit_id or 0,
        stop_at=place.at or (0.0, 0.0),
        free=place.free,
        offers=offers,
    )


def _changes(found: Assignment, days: Days) -> dict[str, Any]:
    change = found.change
    told = {name: getattr(change, name) for name in ("other_weekday", "other_time", "other_unit", "other_stop")}
    return {
        "km_farther": change.km_farther,
        "days_later": change.days_later,
        "cost": found.cost,
        "facts": _facts(days) | told,
    }


def _facts(days: Days) -> dict[str, Any]:
    return {"not_before": days.first and days.first.isoformat(), "latest": days.last and days.last.isoformat()}


def _without(visit: Leaving, reason: str, scope: Scope, days: Days) -> Planned:
    facts = {"km": scope.within_km, "days": scope.within_days}
    pl, en = (sentence.format(**facts) for sentence in REASONS[reason])
    told = _facts(days) | {"reason_pl": pl, "reason_en": en}
    return Planned(visit_id=visit.id, visit_version=visit.version, reason=reason, facts=told)


def _unassigned(visit: Leaving, left: Unassigned, options: Sequence[FreePlaces], scope: Scope, days: Days) -> Planned:
    if left.code == "needs_not_met":
        near = any(each.path is visit.path and _from(visit.stop_id) in each.offers for each in options)
        return _without(visit, RESERVED if near else NONE_NEAR, scope, days)
    if left.code == "no_place_of_path" and not scope.to_stop_ids:
        return _without(visit, NONE_NEAR, scope, days)
    told = {"reason_pl": left.reason_pl, "reason_en": left.reason_en}
    return Planned(visit_id=visit.id, visit_version=visit.version, reason=left.code, facts=_facts(days) | told)
