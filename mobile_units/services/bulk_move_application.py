"""Carrying out a bulk move: everybody goes where the proposal says, in one transaction, or nobody does."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.bulk_moves import BulkMove, BulkMoveRow
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.visits import Visit
from mobile_units.rules.bulk_moves import BulkMoveStatus
from mobile_units.services import bulk_moves, slot_places
from mobile_units.services import visit_steps as steps
from mobile_units.services.actors import Actor, audit
from mobile_units.services.bulk_move_places import is_open_to
from mobile_units.services.bulk_move_scopes import MOVABLE
from mobile_units.services.bulk_move_steps import (
    Exchange,
    Refused,
    admission,
    carry_out,
    listed,
    lock_slots,
    lock_women,
    now_or_later,
    too_many,
)

VISIT_CHANGED, PLACE_GONE, NOT_ON_THIS_DAY = "visit_changed", "place_gone", "not_on_this_day"


def apply(  # noqa: PLR0913 -- the version that was read, and what to do with those who have no place
    session: Session, actor: Actor, move_id: int, version: int, now: datetime, *, leave_unassigned: bool = False
) -> BulkMove:
    """Moves all visits of a proposal, tells the central system in an order that it can follow, and the women.

    A rule of eligibility that was set aside for a visit stays set aside. Those without a place stay where they are.

    Raises:
        DomainError: `not_found`, `stale_version`, `bulk_move_settled`; `bulk_move_unassigned`, with the list of visits,
            unless they may be left; `bulk_move_empty`, nobody has a place; `bulk_move_outdated`, with the list of
            visits that changed, whose place is gone, or which cannot be on the day.
    """
    move = bulk_moves.locked(session, actor, move_id, version, BulkMoveStatus.PROPOSED)
    rows = [row for row in move.rows if row.to_slot_id is not None]
    _require_placed(move, rows, leave_unassigned=leave_unassigned)
    visits = lock_women(session, (row.visit_id for row in rows))
    places = lock_slots(session, [*(visit.slot_id for visit in visits.values()), *_to(rows).values()])
    _require_current(rows, visits, places, now)
    exchanges = _exchanges(session, actor, rows, visits, places)
    _carry_out(session, actor, move, exchanges, now)
    move.status, move.applied_at = BulkMoveStatus.APPLIED, now
    session.flush()
    audit(session, actor, "apply", "bulk_move", move.id)
    return move


def _require_placed(move: BulkMove, rows: Sequence[BulkMoveRow], *, leave_unassigned: bool) -> None:
    staying = [row.visit_id for row in move.rows if row.to_slot_id is None]
    if staying and not leave_unassigned:
        visits = [{"visit_id": visit_id} for visit_id in sorted(staying)]
        raise DomainError("bulk_move_unassigned", count=len(staying), visits=visits)
    if not rows:
        raise DomainError("bulk_move_empty")


def _to(rows: Sequence[BulkMoveRow]) -> dict[int, int]:
    return {row.visit_id: row.to_slot_id for row in rows if row.to_slot_id is not None}


def _require_current(
    rows: Sequence[BulkMoveRow], visits: Mapping[int, Visit], places: Mapping[int, Slot], now: datetime
) -> None:
    outdated = {row.visit_id: VISIT_CHANGED for row in rows if not _is_as_proposed(row, visits, now)}
    going = {visit_id: slot_id for visit_id, slot_id in _to(rows).items() if visit_id not in outdated}
    closed = {key for key, slot_id in going.items() if not _admits(places[slot_id], visits[key], now)}
    left = [visits[key].slot_id for key in going]
    outdated |= dict.fromkeys(closed | too_many(going, _room(places), left), PLACE_GONE)
    if outdated:
        raise DomainError("bulk_move_outdated", count=len(outdated), visits=listed(outdated))


def _is_as_proposed(row: BulkMoveRow, visits: Mapping[int, Visit], now: datetime) -> bool:
    visit = visits.get(row.visit_id)
    return (
        visit is not None
        and visit.version == row.visit_version
        and visit.status in MOVABLE
        and now_or_later(visit, now)
    )


def _admits(slot: Slot, visit: Visit, now: datetime) -> bool:
    ahead = slot.status is SlotStatus.OPEN and not slot.kept_for_waiting and slot.starts_at > now
    return ahead and is_open_to(slot.reserved_for, visit.channel, urgent=visit.urgent) and slot.id != visit.slot_id


def _room(places: Mapping[int, Slot]) -> dict[int, int]:
    return {key: slot.capacity - slot.taken for key, slot in places.items()}


def _exchanges(
    session: Session,
    actor: Actor,
    rows: Sequence[BulkMoveRow],
    visits: Mapping[int, Visit],
    places: Mapping[int, Slot],
) -> list[Exchange]:
    exchanges = [_exchange(actor, visits[key], places[slot_id]) for key, slot_id in sorted(_to(rows).items())]
    facts = steps.PathFacts(session, actor.provider_id, (each.old.woman_id for each in exchanges))
    refused = {each.old.id: why for each in exchanges if (why := _unfit(session, each, facts))}
    if refused:
        raise DomainError("bulk_move_outdated", count=len(refused), visits=listed(refused))
    return exchanges


def _exchange(actor: Actor, old: Visit, place: Slot) -> Exchange:
    new = steps.new_visit(actor, old.woman, place)
    new.urgent, new.channel, new.moved_from = old.urgent, old.channel, old.uuid
    return Exchange(old, new)


def _unfit(session: Session, each: Exchange, facts: steps.PathFacts) -> str | None:
    """Why the new visit cannot be on its path; gives it the path, the range and the rule that was set aside."""
    try:
        assessment = steps.follow_path(session, each.new, each.old.path, facts=facts)
    except DomainError:
        return PLACE_GONE
    if not assessment.eligible:
        each.new.override_reason = each.old.override_reason
    return None if assessment.eligible or each.old.overridden else NOT_ON_THIS_DAY


def _carry_out(session: Session, actor: Actor, move: BulkMove, exchanges: Sequence[Exchange], now: datetime) -> None:
    left = {each.old.slot_id for each in exchanges}
    room = _room({each.new.slot.id: each.new.slot for each in exchanges})

    def enter(visit: Visit) -> slot_places.Change:
        return slot_places.take_one(session, visit.slot, now, admission(visit, left))

    try:
        order = carry_out(session, actor, exchanges, room, enter, move.reason)
    except Refused as refused:
        gone = {refused.visit_id: PLACE_GONE}
        raise DomainError("bulk_move_outdated", count=1, visits=listed(gone)) from refused
    by_visit = {row.visit_id: row for row in move.rows}
    new_ids = {each.old.id: each.new.id for each in exchanges}
    for position, visit_id in enumerate(order, start=1):
        by_visit[visit_id].position, by_visit[visit_id].new_visit_id = position, new_ids[visit_id]
