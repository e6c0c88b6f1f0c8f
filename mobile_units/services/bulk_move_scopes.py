"""Who has to leave in a bulk move, and on which days each woman may be examined elsewhere.

All is read in a few statements, however many women there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, load_only

from mobile_units.errors import DomainError
from mobile_units.models.itineraries import Itinerary, Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.units import MobileUnit
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.eligibility import (
    Assessment,
    Candidate,
    EligibilityRule,
    Exclusion,
    assess,
)
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import ACTIVE, VisitStatus
from mobile_units.services import eligibility as eligibility_data
from mobile_units.services import slots, women
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import get_owned

MOVABLE = frozenset({VisitStatus.BOOKED, VisitStatus.CONFIRMED})
"""The statuses of visits that a bulk move moves; a held one is confirmed or expires by itself."""
MOST_VISITS = 2_000
"""More visits than a unit has in a month are a mistake in the scope."""
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which visits leave, and which stops may take them.

    Leaving are those of a stop, of a unit in days (both included), of the orphaned slots (all, or of the stop), or the
    named ones. Without `to_stop_ids` all stops take part that offer the same paths within `within_km` kilometres as the
    crow flies, and no woman goes more than `within_days` days later. Nobody goes sooner than `notice_days` days on.
    """

    stop_id: int | None = None
    unit_id: int | None = None
    first_day: date | None = None
    last_day: date | None = None
    orphaned: bool = False
    visit_ids: Sequence[int] = ()
    to_stop_ids: Sequence[int] = ()
    within_days: int = 28
    within_km: float = 50.0
    notice_days: int = 1

    def require_clear(self) -> None:
        """Raises `bulk_move_scope` unless one way, and a whole one, says which visits leave."""
        of_unit = [self.unit_id is not None, self.first_day is not None, self.last_day is not None]
        ways = (self.stop_id is not None or self.orphaned, any(of_unit), bool(self.visit_ids))
        if sum(ways) != 1 or any(of_unit) != all(of_unit):
            raise DomainError("bulk_move_scope")

    def stored(self) -> dict[str, Any]:
        """The scope as a column keeps it."""
        days = {name: getattr(self, name) and getattr(self, name).isoformat() for name in _DAYS}
        return asdict(self) | {"visit_ids": list(self.visit_ids), "to_stop_ids": list(self.to_stop_ids)} | days

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> "Scope":
        """The scope that `stored` kept."""
        days = {name: kept[name] and date.fromisoformat(kept[name]) for name in _DAYS}
        return cls(**{name: kept[name] for name in _NAMES} | days)


_DAYS = ("first_day", "last_day")
_NAMES = tuple(Scope.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A visit that has to leave; `at` are the coordinates of its stop, None in a stationary place."""

    id: int
    version: int
    status: VisitStatus
    programme: Programme
    path: Path
    urgent: bool
    channel: BookingChannel
    overridden: bool
    slot_id: int
    starts_at: datetime
    stop_id: int | None
    unit_id: int | None
    at: tuple[float, float] | None
    woman: Woman = field(repr=False)


class Days(NamedTuple):
    """From when to when a woman may be examined, both included, None being open."""

    first: date | None = None
    last: date | None = None


def leaving(session: Session, actor: Actor, scope: Scope, now: datetime) -> tuple[list[Leaving], list[dict[str, Any]]]:
    """The visits that leave, by their keys, and those of the scope that do not, each with `why`.

    Raises:
        DomainError: `bulk_move_scope`; `not_found`, a stop, the unit or a visit; `bulk_move_too_large`.
    """
    scope.require_clear()
    _require_known(session, actor, scope)
    found = _visits(session, Visit.provider_id == actor.provider_id, *_conditions(scope, now))
    if missing := set(scope.visit_ids) - {each.id for each in found}:
        raise DomainError("not_found", what=f"Visit {min(missing)}")
    if len(found) > MOST_VISITS:
        raise DomainError("bulk_move_too_large", most=MOST_VISITS)
    why = {each.id: _why_it_stays(each, now) for each in found}
    left_out = [{"visit_id": visit_id, "why": reason} for visit_id, reason in why.items() if reason]
    return [each for each in found if why[each.id] is None], left_out


def visit_as_leaving(session: Session, actor: Actor, visit_id: int) -> Leaving:
    """One visit, whether it has to leave or not."""
    [found] = _visits(session, Visit.provider_id == actor.provider_id, Visit.id == visit_id)
    return found


def _require_known(session: Session, actor: Actor, scope: Scope) -> None:
    stops = {*scope.to_stop_ids, *([] if scope.stop_id is None else [scope.stop_id])}
    owned = select(Stop.id).join(Stop.itinerary).where(Itinerary.provider_id == actor.provider_id, Stop.id.in_(stops))
    if missing := stops - set(session.scalars(owned)):
        raise DomainError("not_found", what=f"Stop {min(missing)}")
    if scope.unit_id is not None:
        get_owned(session, actor, MobileUnit, scope.unit_id)


def _conditions(scope: Scope, now: datetime) -> list[ColumnElement[bool]]:
    if scope.visit_ids:
        return [Visit.id.in_(scope.visit_ids)]
    wanted = [Visit.status.in_(sorted(ACTIVE)), Slot.starts_at > now]
    if scope.stop_id is not None:
        wanted.append(MobilePoint.stop_id == scope.stop_id)
    if scope.unit_id is not None:
        wanted += [Stop.unit_id == scope.unit_id, *slots.in_days(scope.first_day, scope.last_day)]
    if scope.orphaned:
        wanted.append(Slot.status == SlotStatus.ORPHANED)
    return wanted


_VISITS = (
    select(
        Visit.id,
        Visit.version,
        Visit.status,
        Visit.programme,
        Visit.path,
        Visit.urgent,
        Visit.channel,
        Visit.override_reason.is_not(None).label("overridden"),
        Visit.slot_id,
        Slot.starts_at,
        Stop.id.label("stop_id"),
        Stop.unit_id,
        Site.latitude,
        Site.longitude,
        Woman,
    )
    .join(Visit.slot)
    .join(Visit.woman)
    .join(Slot.schedule)
    .outerjoin(Schedule.mobile_point)
    .outerjoin(MobilePoint.stop)
    .outerjoin(Stop.site)
    .options(load_only(Woman.birth_date, Woman.declaration))
    .order_by(Visit.id)
    .limit(MOST_VISITS + 1)
)


def _visits(session: Session, *conditions: ColumnElement[bool]) -> list[Leaving]:
    found = []
    for *values, latitude, longitude, woman in session.execute(_VISITS.where(*conditions)):
        named = dict(zip(_COLUMNS, values, strict=True))
        found.append(Leaving(**named, at=None if latitude is None else (latitude, longitude), woman=woman))
    return found


_COLUMNS = tuple(name for name in Leaving.__dataclass_fields__ if name not in {"at", "woman"})


def _why_it_stays(visit: Leaving, now: datetime) -> str | None:
    if visit.status is VisitStatus.HELD:
        return "held"
    if visit.status not in MOVABLE:
        return "arrived" if visit.status in ACTIVE else "over"
    return "begun" if visit.starts_at <= now else None


# when they may be examined


def days_open(session: Session, actor: Actor, visits: Sequence[Leaving], first: date, last: date) -> dict[int, Days]:
    """By visit, the first uninterrupted days from `first` to `last` on which the rules let the woman in.

    They follow from what she declared and her visits performed here, which leaves its trace in the audit log. A rule
    that was set aside for a visit is set aside for its move too.
    """
    performed = women.performed(session, (each.woman.id for each in visits))
    rules, exclusions = eligibility_data.rules(session)
    days = {}
    for each in visits:
        audit(session, actor, "assess", "woman", each.woman.id)
        candidate = women.candidate_of(each.woman, performed.get(each.woman.id, ()))
        asked = _Question(
            candidate,
            each.path,
            [rule for rule in rules if rule.path == each.path],
            exclusions if candidate.exclusions else [],
        )
        days[each.id] = Days() if each.overridden else _days(asked, first, last)
    return days


class _Question(NamedTuple):
    """Whether a woman may be examined on a path, asked of the rules and exclusions that may apply to her."""

    candidate: Candidate
    path: Path
    rules: Sequence[EligibilityRule]
    exclusions: Sequence[Exclusion]

    def on(self, day: date) -> Assessment:
        """The answer for a day."""
        return assess(self.candidate, self.path, day, self.rules, self.exclusions)

    def may_change_on(self) -> set[date]:
        """Days on which the answer can become a no, beside New Year's Day."""
        valid = [(each.valid_from, each.valid_to) for each in self.rules]
        valid += [(each.valid_from, each.valid_to) for each in self.exclusions]
        bounds = {day for each in valid for day in _bounds(*each)}
        return bounds | {each.performed_on + ONE_DAY for each in self.candidate.examinations}


def _days(asked: _Question, first: date, last: date) -> Days:
    """Only the days on which an answer may change are asked about."""
    finding = asked.on(first)
    start = first if finding.eligible else finding.next_eligible_on
    if start is None:
        return Days(last=first - ONE_DAY)
    new_years = {date(year, 1, 1) for year in range(first.year, last.year + 1)}
    later = sorted(day for day in new_years | asked.may_change_on() if start < day <= last)
    end = next((day for day in later if not asked.on(day).eligible), None)
    return Days(None if start == first else start, None if end is None else end - ONE_DAY)


def _bounds(valid_from: date, valid_to: date | None) -> list[date]:
    return [valid_from] if valid_to is None or valid_to == date.max else [valid_from, valid_to + ONE_DAY]
