"""Bulk moves: a proposal of who would go where, what a person changes of it, and its life until it is settled.

A proposal is stored and binds nobody: no place is kept. It is carried out by `services.bulk_move_application` and taken
back by `services.bulk_move_undo`, each as a whole or not at all. Nothing here names a woman.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.bulk_moves import BulkMove, BulkMoveRow
from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.rules.bulk_moves import BulkMoveStatus
from mobile_units.rules.calendar import local_day
from mobile_units.rules.programmes import Path
from mobile_units.rules.visits import VisitStatus
from mobile_units.services.actors import Actor, audit
from mobile_units.services.bulk_move_places import Place, is_open, is_open_to, place_of
from mobile_units.services.bulk_move_scopes import Days, Leaving, Scope, days_open, visit_as_leaving
from mobile_units.services.queries import Page, Paging, get_owned, page_of, require_version


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBulkMove:
    """Which visits leave and where they may go, why, and what a change is worth to a woman.

    `weights` are named as in `planning.assignment.MoveWeights`; those not given are as there.
    """

    reason: str
    scope: Scope
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Where a visit goes as a person wants it; without a slot it stays where it is."""

    version: int
    visit_id: int
    slot_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkMoveFilter:
    """Which bulk moves are wanted."""

    paging: Paging = Paging()
    status: BulkMoveStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotOfMove:
    """When and where a visit is, or would be; stop and locality are empty in a stationary place."""

    slot_id: int
    starts_at: datetime
    service_place_id: int
    service_place: str
    address: str
    stop_id: int | None
    unit_id: int | None
    site: str | None
    locality: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOfMove:
    """One visit of a bulk move: where it was to be, where it goes, and what changes for the woman.

    Days from `not_before` to `latest` count for her, None being open. `reason` tells why she has no other place.
    """

    visit_id: int
    visit_version: int
    path: Path
    urgent: bool
    status: VisitStatus
    was: SlotOfMove
    to: SlotOfMove | None
    by_hand: bool
    reason: str | None
    reason_pl: str | None
    reason_en: str | None
    not_before: date | None
    latest: date | None
    km_farther: float | None
    days_later: int | None
    other_weekday: bool | None
    other_time: bool | None
    other_unit: bool | None
    cost: float | None
    position: int | None
    new_visit_id: int | None
    restored_visit_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsOfMove:
    """What a bulk move amounts to; kilometres and days are sums, below zero if most come nearer or earlier."""

    visits: int
    placed: int
    without_place: int
    by_hand: int
    km_farther: float
    days_later: int
    same_day: int
    same_unit: int
    cost: float


@dataclass(frozen=True, slots=True)
class WholeMove:
    """A bulk move with its rows, and the visits of its scope that are not moved, each with `why`."""

    move: BulkMove
    totals: TotalsOfMove
    rows: Sequence[RowOfMove]
    left_out: Sequence[Mapping[str, Any]]


def propose(session: Session, actor: Actor, command: NewBulkMove, now: datetime) -> BulkMove:
    """Works out who would go where and stores it; no place is kept for anybody.

    Raises:
        DomainError: `bulk_move_scope`; `not_found`, a stop, the unit or a visit; `bulk_move_too_large`;
            `bulk_move_empty`, nothing of the scope can be moved.
    """
    move = BulkMove(
        provider_id=actor.provider_id,
        reason=command.reason,
        scope=command.scope.stored(),
        weights=dict(command.weights),
        author_id=actor.user_id,
        rows=[],
    )
    _work_out(session, actor, move, now)
    if not move.rows:
        raise DomainError("bulk_move_empty")
    session.add(move)
    session.flush()
    audit(session, actor, "propose", "bulk_move", move.id)
    return move


def recompute(session: Session, actor: Actor, move_id: int, version: int, now: datetime) -> BulkMove:
    """Works the proposal out anew, from the visits and places as they are now; what was chosen by hand stays.

    Raises:
        DomainError: `not_found`, `stale_version`, `bulk_move_settled`, and what `propose` refuses.
    """
    move = locked(session, actor, move_id, version, BulkMoveStatus.PROPOSED)
    _work_out(session, actor, move, now)
    move.version = version + 1
    session.flush()
    audit(session, actor, "recompute", "bulk_move", move.id)
    return move


def choose(session: Session, actor: Actor, move_id: int, command: Choice, now: datetime) -> BulkMove:
    """Sends a visit where a person wants it, or nowhere; a slot may be full whose visits move away as well.

    Raises:
        DomainError: `not_found`, also for a visit that is not of the move; `stale_version`, `bulk_move_settled`,
            `same_slot`, `path_not_of_programme`, `slot_in_the_past`, `slot_not_open`, `slot_reserved`, `slot_full`;
            `not_on_this_day`, she may not be examined then.
    """
    from mobile_units.services import bulk_move_proposals  # noqa: PLC0415 -- loads numpy and the solver

    move = locked(session, actor, move_id, command.version, BulkMoveStatus.PROPOSED)
    row = next((each for each in move.rows if each.visit_id == command.visit_id), None)
    if row is None:
        raise DomainError("not_found", what=f"Visit {command.visit_id}")
    visit = visit_as_leaving(session, actor, row.visit_id)
    if command.slot_id is None:
        planned = bulk_move_proposals.nowhere(visit)
    else:
        place = place_of(session, actor, command.slot_id)
        _require_possible(move, visit, place, now)
        days = _require_day(session, actor, visit, place)
        planned = bulk_move_proposals.chosen(visit, place, move.weights, days)
    _keep(row, asdict(planned) | {"visit_version": row.visit_version})
    move.version = command.version + 1
    session.flush()
    audit(session, actor, "choose", "bulk_move", move.id)
    return move


def discard(session: Session, actor: Actor, move_id: int, version: int) -> BulkMove:
    """Ends a proposal that nobody wants.

    Raises:
        DomainError: `not_found`, `stale_version`, `bulk_move_settled`.
    """
    move = locked(session, actor, move_id, version, BulkMoveStatus.PROPOSED)
    move.status = BulkMoveStatus.DISCARDED
    session.flush()
    audit(session, actor, "discard", "bulk_move", move.id)
    return move


def find(session: Session, actor: Actor, criteria: BulkMoveFilter) -> Page[BulkMove]:
    """Bulk moves, the newest first, without their rows."""
    query = select(BulkMove).where(BulkMove.provider_id == actor.provider_id)
    if criteria.status is not None:
        query = query.where(BulkMove.status == criteria.status)
    return page_of(session, query.order_by(BulkMove.id.desc()), criteria.paging)


def get(session: Session, actor: Actor, move_id: int) -> WholeMove:
    """A bulk move with its rows, by the visits that leave.

    Raises:
        DomainError: `not_found`.
    """
    move = get_owned(session, actor, BulkMove, move_id)
    rows = _rows(session, move)
    return WholeMove(move, _totals(rows), rows, move.scope["left_out"])


def locked(session: Session, actor: Actor, move_id: int, version: int, status: BulkMoveStatus) -> BulkMove:
    """The bulk move, locked before all else of it, if it still has the version that the caller read.

    Raises:
        DomainError: `not_found`, `stale_version`; `bulk_move_settled`, it has another status.
    """
    query = select(BulkMove).where(BulkMove.id == move_id, BulkMove.provider_id == actor.provider_id)
    lock = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    move = session.scalars(lock).one_or_none()
    if move is None:
        raise DomainError("not_found", what=f"BulkMove {move_id}")
    require_version(move, version)
    if move.status is not status:
        raise DomainError("bulk_move_settled", status=move.status)
    return move


def _work_out(session: Session, actor: Actor, move: BulkMove, now: datetime) -> None:
    from mobile_units.services import bulk_move_proposals  # noqa: PLC0415 -- loads numpy and the solver

    by_hand = {row.visit_id: row.to_slot_id for row in move.rows if row.by_hand}
    scope = Scope.restored(move.scope)
    proposed = bulk_move_proposals.work_out(session, actor, scope, move.weights, now, by_hand)
    known = {row.visit_id: row for row in move.rows}
    move.rows[:] = [_keep(known.get(each.visit_id) or BulkMoveRow(), asdict(each)) for each in proposed.rows]
    move.scope = scope.stored() | {"left_out": proposed.left_out}


def _keep(row: BulkMoveRow, values: Mapping[str, Any]) -> BulkMoveRow:
    for name, value in values.items():
        setattr(row, name, value)
    return row


def _require_possible(move: BulkMove, visit: Leaving, place: Place, now: datetime) -> None:
    if place.id == visit.slot_id:
        raise DomainError("same_slot")
    if place.programme is not visit.programme:
        raise DomainError("path_not_of_programme", path=visit.path, programme=place.programme)
    if place.starts_at <= now:
        raise DomainError("slot_in_the_past")
    if not is_open(place, now):
        raise DomainError("slot_not_open")
    if not is_open_to(place.reserved_for, visit.channel, urgent=visit.urgent):
        raise DomainError("slot_reserved", reserved_for=place.reserved_for)
    others = [row for row in move.rows if row.visit_id != visit.id and row.to_slot_id is not None]
    leave = sum(row.visit.slot_id == place.id for row in others)
    if place.free + leave < 1 + sum(row.to_slot_id == place.id for row in others):
        raise DomainError("slot_full")


def _require_day(session: Session, actor: Actor, visit: Leaving, place: Place) -> Days:
    day = local_day(place.starts_at)
    days = days_open(session, actor, [visit], day, day)[visit.id]
    if (days.first or day) > day or (days.last or day) < day:
        raise DomainError("not_on_this_day", day=day.isoformat())
    return days


# what is shown


def _rows(session: Session, move: BulkMove) -> list[RowOfMove]:
    query = select(BulkMoveRow, Visit.path, Visit.urgent, Visit.status, Visit.slot_id)
    query = query.join(BulkMoveRow.visit).where(BulkMoveRow.bulk_move_id == move.id).order_by(BulkMoveRow.visit_id)
    found = session.execute(query).all()
    places = _slots(session, {slot_id for row, *_, was in found for slot_id in (row.to_slot_id, was) if slot_id})
    return [_row(row, path, urgent, status, places[was], places) for row, path, urgent, status, was in found]


def _row(  # noqa: PLR0913, PLR0917 -- what is read of one row
    row: BulkMoveRow,
    path: Path,
    urgent: bool,  # noqa: FBT001 -- a column
    status: VisitStatus,
    was: SlotOfMove,
    places: Mapping[int, SlotOfMove],
) -> RowOfMove:
    facts: dict[str, Any] = {name: row.facts.get(name) for name in _OF_FACTS}
    facts |= {name: row.facts.get(name) and date.fromisoformat(row.facts[name]) for name in ("not_before", "latest")}
    kept: dict[str, Any] = {name: getattr(row, name) for name in _OF_ROW}
    to = None if row.to_slot_id is None else places[row.to_slot_id]
    return RowOfMove(path=path, urgent=urgent, status=status, was=was, to=to, **kept, **facts)


_OF_FACTS = ("reason_pl", "reason_en", "other_weekday", "other_time", "other_unit")
_OF_ROW = (
    "visit_id",
    "visit_version",
    "by_hand",
    "reason",
    "km_farther",
    "days_later",
    "cost",
    "position",
    "new_visit_id",
    "restored_visit_id",
)


def _slots(session: Session, slot_ids: set[int]) -> dict[int, SlotOfMove]:
    query = (
        select(
            Slot.id.label("slot_id"),
            Slot.starts_at,
            Slot.service_place_id,
            ServicePlace.name.label("service_place"),
            ServicePlace.address,
            MobilePoint.stop_id,
            Stop.unit_id,
            Site.name.label("site"),
            Site.locality,
        )
        .join(Slot.schedule)
        .join(Schedule.service_place)
        .outerjoin(Schedule.mobile_point)
        .outerjoin(MobilePoint.stop)
        .outerjoin(Stop.site)
    )
    found = session.execute(query.where(Slot.id.in_(sorted(slot_ids)))).mappings()
    return {row["slot_id"]: SlotOfMove(**row) for row in found}


def _totals(rows: Sequence[RowOfMove]) -> TotalsOfMove:
    placed = [row for row in rows if row.to is not None]
    return TotalsOfMove(
        visits=len(rows),
        placed=len(placed),
        without_place=len(rows) - len(placed),
        by_hand=sum(row.by_hand for row in rows),
        km_farther=round(sum(row.km_farther or 0.0 for row in placed), 3),
        days_later=sum(row.days_later or 0 for row in placed),
        same_day=sum(row.days_later == 0 for row in placed),
        same_unit=sum(row.other_unit is False for row in placed),
        cost=round(sum(row.cost or 0.0 for row in placed), 3),
    )
