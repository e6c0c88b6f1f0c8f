"""Messages to women about our own changes: what is stored with a change, and what is known of it.

A change that a woman has to hear of stores one row, in the same transaction. What it says and where it goes is made
when it is sent (`services.message_deliveries`); without an open way to her it is on the call list at once
(`services.call_list`).

A notice of which nothing was tried is replaced by the next one about the same visit: she then hears of one change,
from the appointment that she knows, and of nothing where that is what it is again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
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
    known = {} if was is None else {visit.id: was}
    notify_all(session, actor, [visit], kind, was=known, occasion=occasion)


def notify_all(  # noqa: PLR0913 -- as `notify`
    session: Session,
    actor: Actor,
    visits: Sequence[Visit],
    kind: NoticeKind,
    *,
    was: Mapping[int, Appointment] = MappingProxyType({}),
    occasion: str = "",
) -> None:
    """As `notify`, of many visits at once; `was` by visit."""
    session.flush()
    visits = _not_told_yet(session, visits, kind, occasion)
    if not visits:
        return
    known = {**was, **_replace(session, visits)}
    known |= _before(session, [visit for visit in visits if visit.id not in known], kind)
    present = {} if kind is NoticeKind.CANCELLED else appointments.of_visits(session, [each.id for each in visits])
    contacts = contacts_of(session, {visit.woman_id for visit in visits})
    rows = []
    for visit in visits:
        way, before = channels(contacts[visit.woman_id])[0], known.get(visit.id)
        state, reason = _standing(way, as_she_knows=before is not None and before == present.get(visit.id))
        row = {"woman_id": visit.woman_id, "visit_id": visit.id, "was": before and appointments.stored(before)}
        rows.append(row | {"channel": way, "state": state, "reason": reason})
        audit(session, actor, "notify", "woman", visit.woman_id)
    same = {"provider_id": actor.provider_id, "kind": kind, "occasion": occasion}
    session.connection().execute(_STORE, [row | same for row in rows])


_STORE = (
    insert(MessageToWoman)
    .values(next_attempt_at=func.now())
    .on_conflict_do_nothing(index_elements=("visit_id", "kind", "occasion"))
)


def contact_of(session: Session, woman_id: int) -> Contact:
    """Where a woman can be reached and what she agreed to, as it is now."""
    return contacts_of(session, [woman_id])[woman_id]


def contacts_of(session: Session, woman_ids: Collection[int]) -> dict[int, Contact]:
    """By woman, where she can be reached and what she agreed to, as it is now."""
    columns = (Woman.id, Woman.email, Woman.telephone, Woman.email_consent_at, Woman.sms_consent_at)
    found = session.execute(select(*columns).where(Woman.id.in_(sorted(woman_ids))))
    return {
        woman_id: Contact(
            email,
            telephone and spelled(telephone),
            agreed_to_email=email_at is not None,
            agreed_to_sms=sms_at is not None,
        )
        for woman_id, email, telephone, email_at, sms_at in found
    }


def _not_told_yet(session: Session, visits: Sequence[Visit], kind: NoticeKind, occasion: str) -> list[Visit]:
    same = MessageToWoman.kind == kind, MessageToWoman.occasion == occasion
    query = select(MessageToWoman.visit_id).where(MessageToWoman.visit_id.in_([visit.id for visit in visits]), *same)
    told = set(session.scalars(query))
    return [visit for visit in visits if visit.id not in told]


def _before(session: Session, visits: Sequence[Visit], kind: NoticeKind) -> dict[int, Appointment]:
    if visits and kind is NoticeKind.CANCELLED:
        return appointments.of_visits(session, [visit.id for visit in visits])
    return appointments.before_moves(session, visits) if kind is NoticeKind.MOVED else {}


def _replace(session: Session, visits: Sequence[Visit]) -> dict[int, Appointment]:
    """Drops notices about the visits, or those they were moved from, of which nothing was tried.

    Returns the appointments that the women know because they did not hear of the former changes, by visit.
    """
    present = {visit.id: visit.id for visit in visits}
    former = {visit.moved_from: visit.id for visit in visits if visit.moved_from is not None}
    query = select(MessageToWoman, Visit.uuid).join(Visit, Visit.id == MessageToWoman.visit_id)
    query = query.where(
        or_(Visit.id.in_(present), Visit.uuid.in_(former)),
        MessageToWoman.state.in_([DeliveryState.WAITING, DeliveryState.TO_CALL]),
        MessageToWoman.attempts == 0,
        MessageToWoman.call_result.is_distinct_from(CallResult.TOLD),
    )
    locked = query.order_by(MessageToWoman.id).with_for_update(of=MessageToWoman)
    known: dict[int, Appointment] = {}
    for row, uuid in session.execute(locked.execution_options(populate_existing=True)).all():
        row.state, row.reason = DeliveryState.DROPPED, REPLACED
        if row.was:
            known.setdefault(present.get(row.visit_id) or former[uuid], appointments.restored(row.was))
    session.flush()
    return known


def _standing(way: Channel, *, as_she_knows: bool) -> tuple[DeliveryState, str | None]:
    if as_she_knows:
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
