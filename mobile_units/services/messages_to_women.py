"""Messages to women about our own changes: what is stored with a change, and what is known of it.

A change that a woman has to hear of stores one row, in the same transaction. What it says and where it goes is made
when it is sent (`services.message_deliveries`); without an open way to her it is on the call list at once
(`services.call_list`).

A notice of which nothing was tried is replaced by the next one about the same visit: she then hears of one change,
from the appointment that she knows, and of nothing where that is what it is again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mobile_units.models.messages import CallResult, HaltedWay, MessageToWoman
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.contacts import spelled
from mobile_units.rules.deliveries import DeliveryState
from mobile_units.rules.messages import Appointment, Channel, Contact, NoticeKind, channels
from mobile_units.services import appointments, call_list
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, page_of

REPLACED = "replaced"
AS_SHE_KNOWS = "as_she_knows"
NO_WAY = "no_way"


def notify(  # noqa: PLR0913 -- what happened, to which visit, and what it was before
    session: Session,
    actor: Actor,
    visit: Visit,
    kind: NoticeKind,
    *,
    was: Appointment | None = None,
    occasion: str = "",
) -> None:
    """Has the woman of a visit told of a change of ours, once for each kind and `occasion`.

    A moved visit is the new one, whose row has to be flushed. `was` is the appointment before the change: needed where
    a stop got another site, else known by the visit. A repetition changes nothing.
    """
    session.flush()
    if _told_already(session, visit, kind, occasion):
        return
    was = _replace(session, visit) or was or _before(session, visit, kind)
    way = channels(contact_of(session, visit.woman_id))[0]
    state, reason = _standing(session, visit, kind, way, was)
    values = {
        "provider_id": actor.provider_id,
        "woman_id": visit.woman_id,
        "visit_id": visit.id,
        "kind": kind,
        "occasion": occasion,
        "was": was and appointments.stored(was),
        "channel": way,
        "state": state,
        "reason": reason,
        "next_attempt_at": func.now(),
    }
    session.execute(insert(MessageToWoman).values(values).on_conflict_do_nothing(index_elements=_ONCE))
    audit(session, actor, "notify", "woman", visit.woman_id)


_ONCE = ("visit_id", "kind", "occasion")


def contact_of(session: Session, woman_id: int) -> Contact:
    """Where a woman can be reached and what she agreed to, as it is now."""
    columns = (Woman.email, Woman.telephone, Woman.email_consent_at, Woman.sms_consent_at)
    email, telephone, email_at, sms_at = session.execute(select(*columns).where(Woman.id == woman_id)).one()
    telephone = telephone and spelled(telephone)
    return Contact(email, telephone, agreed_to_email=email_at is not None, agreed_to_sms=sms_at is not None)


def _told_already(session: Session, visit: Visit, kind: NoticeKind, occasion: str) -> bool:
    same = MessageToWoman.visit_id == visit.id, MessageToWoman.kind == kind, MessageToWoman.occasion == occasion
    return session.scalar(select(MessageToWoman.id).where(*same)) is not None


def _before(session: Session, visit: Visit, kind: NoticeKind) -> Appointment | None:
    if kind is NoticeKind.CANCELLED:
        return appointments.of_visit(session, visit.id)
    return appointments.before_move(session, visit) if kind is NoticeKind.MOVED else None


def _replace(session: Session, visit: Visit) -> Appointment | None:
    """Drops notices about the visit, or the one it was moved from, of which nothing was tried.

    Returns the appointment that the woman knows because she did not hear of the former changes.
    """
    former = select(Visit.id).where(Visit.uuid == visit.moved_from).scalar_subquery()
    query = select(MessageToWoman).where(
        MessageToWoman.woman_id == visit.woman_id,
        or_(MessageToWoman.visit_id == visit.id, MessageToWoman.visit_id == former),
        MessageToWoman.state.in_([DeliveryState.WAITING, DeliveryState.TO_CALL]),
        MessageToWoman.attempts == 0,
        MessageToWoman.call_result.is_distinct_from(CallResult.TOLD),
    )
    rows = session.scalars(
        query.order_by(MessageToWoman.id).with_for_update().execution_options(populate_existing=True)
    )
    untold = list(rows)
    for row in untold:
        row.state, row.reason = DeliveryState.DROPPED, REPLACED
    session.flush()
    known = [row.was for row in untold if row.was]
    return appointments.restored(known[0]) if known else None


def _standing(
    session: Session, visit: Visit, kind: NoticeKind, way: Channel, was: Appointment | None
) -> tuple[DeliveryState, str | None]:
    if kind is not NoticeKind.CANCELLED and was == appointments.of_visit(session, visit.id):
        return DeliveryState.DROPPED, AS_SHE_KNOWS
    if way is Channel.CALL_LIST:
        return DeliveryState.TO_CALL, NO_WAY
    return DeliveryState.WAITING, None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages are wanted."""

    paging: Paging = Paging()
    state: DeliveryState | None = None
    kind: NoticeKind | None = None
    visit_id: int | None = None


def find(session: Session, actor: Actor, criteria: MessageFilter) -> Page[MessageToWoman]:
    """Messages, newest first; nothing here says to whom."""
    query = select(MessageToWoman).where(MessageToWoman.provider_id == actor.provider_id)
    for column in ("state", "kind", "visit_id"):
        value: Any = getattr(criteria, column)
        if value is not None:
            query = query.where(getattr(MessageToWoman, column) == value)
    return page_of(session, query.order_by(MessageToWoman.id.desc()), criteria.paging)


@dataclass(frozen=True, slots=True)
class Summary:
    """How many messages are in each state, how many women are to be called, and the ways that are halted."""

    states: Mapping[DeliveryState, int]
    to_call: int
    halted: Sequence[HaltedWay]


def summary(session: Session, actor: Actor) -> Summary:
    """The messages in numbers; a halt concerns the whole installation."""
    query = select(MessageToWoman.state, func.count()).where(MessageToWoman.provider_id == actor.provider_id)
    found = dict(iter(session.execute(query.group_by(MessageToWoman.state))))
    halted = session.scalars(select(HaltedWay).order_by(HaltedWay.channel)).all()
    return Summary(
        states={state: found.get(state, 0) for state in DeliveryState},
        to_call=call_list.count(session, actor),
        halted=halted,
    )
