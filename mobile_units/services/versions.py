"""Versions of itineraries: approval, revision of a published one, comparison, and what an edit by hand breaks."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, ItineraryStatus, Stop
from mobile_units.planning.check import Violation, terms
from mobile_units.planning.problem import Objective
from mobile_units.rules.slots import Interval
from mobile_units.rules.versions import Difference, VersionStop, differences, pairs
from mobile_units.services import itineraries, planning, revisions
from mobile_units.services.actors import Actor, audit
from mobile_units.services.itineraries import NewItinerary, NewStop, StopChange
from mobile_units.services.planning import Judge
from mobile_units.services.queries import apply_change, require_version

# the life of a version


def approve(  # noqa: PLR0913 -- what is approved, and what is accepted with it
    session: Session,
    actor: Actor,
    itinerary_id: int,
    version: int,
    now: datetime,
    *,
    accepted_reason: str | None = None,
    base_version: int | None = None,
) -> Itinerary:
    """Approves a draft, which cannot be changed any more and may be published.

    Violations are accepted for a reason alone; both are kept in `planning["accepted"]`. `base_version` is that of the
    published itinerary with which a version was compared, where it is not that for which the version was made.

    Raises:
        DomainError: `not_found`, `itinerary_not_draft`, `stale_version`, `itinerary_empty`;
            `itinerary_has_violations`, with their list; `base_superseded`, `base_changed`.
    """
    itinerary = itineraries.get_draft(session, actor, itinerary_id)
    require_version(itinerary, version)
    if not itinerary.stops:
        raise DomainError("itinerary_empty")
    values: dict[str, Any] = {"status": ItineraryStatus.APPROVED, "approved_at": now}
    base = revisions.lock_base(session, actor, itinerary)
    if base:
        revisions.require_unchanged(base, itinerary.revises_version if base_version is None else base_version)
        values["revises_version"] = base.version
    found = planning.violations(session, actor, itinerary_id)
    if found and not accepted_reason:
        raise DomainError("itinerary_has_violations", count=len(found), violations=_told(found))
    if found:
        accepted = {"reason": accepted_reason, "violations": _told(found)}
        values["planning"] = itinerary.planning | {"accepted": accepted}
    apply_change(itinerary, version, values)
    session.flush()
    audit(session, actor, "approve", "itinerary", itinerary.id)
    return itinerary


def _told(found: Sequence[Violation]) -> list[dict[str, Any]]:
    return [asdict(each) | {"day": each.day.isoformat() if each.day else None} for each in found]


def reopen(session: Session, actor: Actor, itinerary_id: int, version: int) -> Itinerary:
    """Makes an approved itinerary a draft again; what was accepted has to be accepted anew.

    Raises:
        DomainError: `not_found`, `itinerary_not_approved`, `stale_version`.
    """
    itinerary = itineraries.get_locked(session, actor, itinerary_id)
    revisions.require_approved(itinerary)
    known = {name: value for name, value in itinerary.planning.items() if name != "accepted"}
    values = {"status": ItineraryStatus.DRAFT, "approved_at": None, "planning": known}
    apply_change(itinerary, version, values)
    session.flush()
    audit(session, actor, "reopen", "itinerary", itinerary.id)
    return itinerary


def revise(session: Session, actor: Actor, itinerary_id: int) -> Itinerary:
    """A draft of a new version of a published itinerary, with a copy of each stop that was not withdrawn.

    There may be several at once; when one of them is published, the others cannot be any more.

    Raises:
        DomainError: `not_found`, `itinerary_not_published`.
    """
    base = itineraries.get_locked(session, actor, itinerary_id)
    if base.status is not ItineraryStatus.PUBLISHED:
        raise DomainError("itinerary_not_published", status=base.status)
    name = _next_name(session, actor, base.name)
    command = NewItinerary(name=name, first_day=base.first_day, last_day=base.last_day)
    itinerary = itineraries.begin(session, actor, command, {})
    itinerary.revises_id, itinerary.revises_version = base.id, base.version
    for stop in base.stops:
        if stop.days:
            planning.copy_stop(itinerary, stop, continues=True)
    session.flush()
    return itinerary


_SUFFIX = re.compile(r" \(wersja (\d+)\)$")


def _next_name(session: Session, actor: Actor, name: str) -> str:
    stem = _SUFFIX.sub("", name)
    query = select(Itinerary.name).where(Itinerary.provider_id == actor.provider_id)
    known = session.scalars(query.where(Itinerary.name.startswith(f"{stem} (wersja ", autoescape=True)))
    suffixes = (_SUFFIX.fullmatch(each.removeprefix(stem)) for each in known)
    return f"{stem} (wersja {max([1, *(int(suffix[1]) for suffix in suffixes if suffix)]) + 1})"


# comparison


@dataclass(frozen=True, slots=True)
class ComparedStop:
    """A stop in both versions, or in one of them alone, and what is different about it."""

    one: Stop | None
    other: Stop | None
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two itineraries stop by stop, and the terms by which each is judged, as things stand now."""

    one: Itinerary
    other: Itinerary
    stops: Sequence[ComparedStop]
    one_terms: Objective
    other_terms: Objective


def compare(session: Session, actor: Actor, one_id: int, other_id: int) -> Comparison:
    """What is different between two itineraries of the provider.

    Raises:
        DomainError: `not_found`.
    """
    one, other = (itineraries.get(session, actor, key) for key in (one_id, other_id))
    left, right = _by_id(one), _by_id(other)
    found = pairs(map(_version_stop, left.values()), map(_version_stop, right.values()))
    return Comparison(
        one=one,
        other=other,
        stops=[ComparedStop(_of(left, a), _of(right, b), differences(a, b) if a and b else ()) for a, b in found],
        one_terms=_terms(session, actor, one),
        other_terms=_terms(session, actor, other),
    )


def _by_id(itinerary: Itinerary) -> dict[int, Stop]:
    return {stop.id: stop for stop in itinerary.stops if stop.days}


def _of(stops: Mapping[int, Stop], compared: VersionStop | None) -> Stop | None:
    return stops[compared.id] if compared else None


def _version_stop(stop: Stop) -> VersionStop:
    return VersionStop(
        id=stop.id,
        origin_id=stop.origin_id,
        unit_id=stop.unit_id,
        site_id=stop.site_id,
        hours=[Interval(day.opens_at, day.closes_at) for day in stop.days],
        days=[day.day for day in stop.days],
        women=stop.women_planned,
    )


def _terms(session: Session, actor: Actor, itinerary: Itinerary) -> Objective:
    problem = planning.problem_around(session, actor, itinerary)
    return terms(problem, planning.own_stops(itinerary))


# edits by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """An edited itinerary, its stop unless it was removed, and what the edit changed.

    `violations` are those that were not there before, `mended` those that are there no longer; `before` and `after` are
    the terms by which the itinerary is judged.
    """

    itinerary: Itinerary
    stop: Stop | None
    violations: Sequence[Violation]
    mended: Sequence[Violation]
    before: Objective
    after: Objective


def add_stop(session: Session, actor: Actor, itinerary_id: int, command: NewStop) -> Edit:
    """As `itineraries.add_stop`; tells what that breaks and costs."""
    itinerary = itineraries.get_draft(session, actor, itinerary_id)
    judge = planning.judge(session, actor, itinerary)
    return judged(judge, itinerary, lambda: itineraries.add_stop(session, actor, itinerary_id, command))


def change_stop(session: Session, actor: Actor, stop_id: int, command: StopChange) -> Edit:
    """As `itineraries.change_stop`; tells what that breaks and costs."""
    itinerary = itineraries.get_draft_of(session, actor, stop_id)
    judge = planning.judge(session, actor, itinerary)
    return judged(judge, itinerary, lambda: itineraries.change_stop(session, actor, stop_id, command))


def remove_stop(session: Session, actor: Actor, stop_id: int) -> Edit:
    """As `itineraries.remove_stop`; tells what that breaks and costs."""
    itinerary = itineraries.get_draft_of(session, actor, stop_id)
    judge = planning.judge(session, actor, itinerary)
    return judged(judge, itinerary, lambda: itineraries.remove_stop(session, actor, stop_id))


def judged(judge: Judge, itinerary: Itinerary, act: Callable[[], Stop | None]) -> Edit:
    """Edits a draft, and tells what that breaks and costs."""
    found, before = judge.violations(itinerary), judge.terms(itinerary)
    stop = act()
    left = judge.violations(itinerary)
    return Edit(
        itinerary=itinerary,
        stop=stop,
        violations=list((Counter(left) - Counter(found)).elements()),
        mended=list((Counter(found) - Counter(left)).elements()),
        before=before,
        after=judge.terms(itinerary),
    )
