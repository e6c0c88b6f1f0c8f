"""Undoing a bulk move: every woman gets her former place back, until the first of the new visits changes.

A moved visit is over, so a new one is booked in the slot of the old. The place is hers again whatever became of the
slot: one that was withdrawn when she left is orphaned again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.bulk_moves import BulkMove
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.rules.bulk_moves import BulkMoveStatus
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import bulk_moves, slot_places
from mobile_units.services import visit_steps as steps
from mobile_units.services.actors import Actor, audit
from mobile_units.services.bulk_move_steps import (
    Exchange,
    Refused,
    carry_out,
    listed,
    lock_slots,
    lock_women,
    now_or_later,
    too_many,
)

VISIT_CHANGED, PLACE_GIVEN, BEGUN = "visit_changed", "place_given", "begun"


def undo(  # noqa: PLR0913, PLR0917 -- the version that was read, the reason, and the instant
    session: Session, actor: Actor, move_id: int, version: int, reason: str, now: datetime
) -> BulkMove:
    """Puts every woman back into her former slot, all or none; the visits are booked there, not confirmed.

    Raises:
        DomainError: `not_found`, `stale_version`, `bulk_move_settled`; `bulk_move_changed`, with the list of visits
            that were changed since, whose former place was given to another, or would have begun by now.
    """
    move = bulk_moves.locked(session, actor, move_id, version, BulkMoveStatus.APPLIED)
    new_ids = {row.visit_id: row.new_visit_id for row in move.rows if row.new_visit_id is not None}
    visits = lock_women(session, [*new_ids, *new_ids.values()])
    places = lock_slots(session, (visit.slot_id for visit in visits.values()))
    _require_untouched(session, new_ids, visits, places, now)
    exchanges = {key: _exchange(actor, visits[new_id], visits[key]) for key, new_id in new_ids.items()}
    _carry_out(session, actor, exchanges, places, reason)
    for row in move.rows:
        if row.visit_id in exchanges:
            row.restored_visit_id = exchanges[row.visit_id].new.id
    move.status, move.undone_at = BulkMoveStatus.UNDONE, now
    session.flush()
    audit(session, actor, "undo", "bulk_move", move.id)
    return move


def _require_untouched(
    session: Session,
    new_ids: Mapping[int, int],
    visits: Mapping[int, Visit],
    places: Mapping[int, Slot],
    now: datetime,
) -> None:
    touched = _touched(session, new_ids, visits)
    changed = dict.fromkeys(touched, VISIT_CHANGED)
    back = {key: visits[key].slot_id for key in new_ids if key not in touched}
    changed |= {key: BEGUN for key in back if not now_or_later(visits[key], now)}
    left = [visits[new_ids[key]].slot_id for key in back]
    room = _room(places, [visits[key] for key in back])
    changed |= dict.fromkeys(too_many(back, room, left), PLACE_GIVEN)
    if changed:
        raise DomainError("bulk_move_changed", count=len(changed), visits=listed(changed))


def _touched(session: Session, new_ids: Mapping[int, int], visits: Mapping[int, Visit]) -> set[int]:
    """The visits whose successors have a history of more than their booking."""
    counted = select(VisitChange.visit_id, func.count()).where(VisitChange.visit_id.in_(sorted(new_ids.values())))
    changes = dict(session.execute(counted.group_by(VisitChange.visit_id)).all())
    as_booked = {
        key
        for key, new_id in new_ids.items()
        if key in visits and new_id in visits and visits[new_id].status is VisitStatus.BOOKED and changes[new_id] == 1
    }
    return set(new_ids) - as_booked


def _room(places: Mapping[int, Slot], coming: Sequence[Visit]) -> dict[int, int]:
    """The free places; who had an extra place gets it again, as far as there are some."""
    extra = {visit.slot.id for visit in coming if visit.overbooked}
    return {key: slot.capacity + (slot.extra if key in extra else 0) - slot.taken for key, slot in places.items()}


def _exchange(actor: Actor, moved: Visit, former: Visit) -> Exchange:
    back = steps.new_visit(actor, former.woman, former.slot)
    for name in _AS_BEFORE:
        setattr(back, name, getattr(former, name))
    back.moved_from = moved.uuid
    return Exchange(moved, back)


_AS_BEFORE = ("path", "contract_range", "urgent", "channel", "overbooked", "eligibility_rule_id", "override_reason")


def _carry_out(
    session: Session, actor: Actor, exchanges: Mapping[int, Exchange], places: Mapping[int, Slot], reason: str
) -> None:
    def enter(visit: Visit) -> slot_places.Change:
        return slot_places.take_back_one(session, visit)

    room = _room(places, [each.new for each in exchanges.values()])
    try:
        carry_out(session, actor, [*exchanges.values()], room, enter, reason)
    except Refused as refused:
        given = {key: PLACE_GIVEN for key, each in exchanges.items() if each.old.id == refused.visit_id}
        raise DomainError("bulk_move_changed", count=1, visits=listed(given)) from refused
