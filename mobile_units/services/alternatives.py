"""What a woman is offered instead of a place that she could not have."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.visits import Visit
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path
from mobile_units.services import slot_search
from mobile_units.services.actors import Actor
from mobile_units.services.slot_search import SlotAtPlace

NO_PLACE = frozenset(
    {
        "hold_expired",
        "overbooking_exhausted",
        "path_not_in_session",
        "session_full",
        "slot_full",
        "slot_in_the_past",
        "slot_kept_for_waiting",
        "slot_not_open",
        "slot_orphaned",
        "slot_reserved",
        "slot_withdrawn",
    }
)
"""The refusals after which another slot is the way out."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The place that a woman could not have, and on which terms she asked for it."""

    slot_id: int
    path: Path
    channel: BookingChannel
    urgent: bool


def wish_of_move(session: Session, actor: Actor, visit_id: int, slot_id: int) -> Wish:
    """The wish to move a visit to a slot."""
    return replace(wish_of(session, actor, visit_id), slot_id=slot_id)


def wish_of(session: Session, actor: Actor, visit_id: int, path: Path | None = None) -> Wish:
    """The wish to stay in the slot of a visit, or of one that was held there, on another path if it is given."""
    query = select(Visit.slot_id, Visit.path, Visit.channel, Visit.urgent)
    wish = Wish(*session.execute(query.where(Visit.id == visit_id, Visit.provider_id == actor.provider_id)).one())
    return wish if path is None else replace(wish, path=path)


def nearest(session: Session, actor: Actor, wish: Wish, now: datetime) -> list[dict[str, Any]]:
    """The nearest places that she could have instead, as a refusal tells them."""
    found = slot_search.alternatives(
        session, actor, wish.slot_id, path=wish.path, channel=wish.channel, urgent=wish.urgent, now=now
    )
    return _told(found)


def _told(found: Sequence[SlotAtPlace]) -> list[dict[str, Any]]:
    return [
        {
            "slot_id": slot.id,
            "starts_at": slot.starts_at.isoformat(),
            "place": slot.site or slot.service_place,
            "address": slot.address if slot.site is None else ", ".join(filter(None, (slot.locality, slot.street))),
            "distance_km": None if slot.distance_km is None else round(slot.distance_km, 1),
        }
        for slot in found
    ]
