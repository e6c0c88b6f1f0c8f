"""The call list: women who have to be told by telephone, and the calls that were made.

Nobody agreed to be written to, no way was open, or nobody knows whether a message arrived: then a person calls. Only
`find_with_women` says whom and what; each woman is noted in the audit log as read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Select, case, cast, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from mobile_units.errors import DomainError
from mobile_units.models.messages import CallResult, MessageToWoman
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.contacts import spelled
from mobile_units.rules.deliveries import DeliveryState
from mobile_units.rules.messages import Channel, NoticeKind, compose
from mobile_units.rules.wording import Language
from mobile_units.services import notices
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, page_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls are wanted."""

    paging: Paging = Paging()
    kind: NoticeKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A woman to be called, without saying whom; `calls` counts those that were made in vain, `called_at` the last.

    `call_by` is the appointment that she has to know of in time, or until when she has to answer; `late` says that it
    passed. `perhaps_told` means that a message may have reached her. `reason` says why no machine told her.
    """

    id: int
    kind: NoticeKind
    visit_id: int
    call_by: datetime
    late: bool
    perhaps_told: bool
    reason: str | None
    calls: int
    called_at: datetime | None
    call_result: CallResult | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWithWoman(Call):
    """A woman to be called and what to say; without a text, `text_missing` is the code of what keeps it from being."""

    woman_id: int
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    telephone: str | None = field(repr=False)
    language: Language
    text: str | None
    text_missing: str | None


@dataclass(frozen=True, slots=True)
class CallMade:
    """What came of a call."""

    result: CallResult


def find(session: Session, actor: Actor, criteria: CallFilter, now: datetime) -> Page[Call]:
    """Who is to be called, the soonest appointment first and those that passed last; nobody is named."""
    page = page_of(session, _wanted(actor, criteria, now), criteria.paging)
    return _page(page, [Call(**_facts(row, now)) for row in page.items])


def find_with_women(session: Session, actor: Actor, criteria: CallFilter, now: datetime) -> Page[CallWithWoman]:
    """As `find`, with names, telephones and what to say; each woman is noted in the audit log as read."""
    query = _wanted(actor, criteria, now).options(contains_eager(MessageToWoman.visit).joinedload(Visit.woman))
    page = page_of(session, query, criteria.paging)
    for woman_id in sorted({row.visit.woman_id for row in page.items}):
        audit(session, actor, "read", "woman", woman_id)
    return _page(page, [_with_woman(session, row, now) for row in page.items])


def _page(page: Page[MessageToWoman], items: Sequence[Any]) -> Page[Any]:
    return Page(items, page.total, page.page, page.page_size)


def _on_list(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    """What was never tried and is no longer so is left out; of what may have arrived a person decides."""
    return (
        MessageToWoman.provider_id == actor.provider_id,
        MessageToWoman.state == DeliveryState.TO_CALL,
        MessageToWoman.call_result.is_distinct_from(CallResult.TOLD),
        or_(MessageToWoman.attempts > 0, notices.holds()),
    )


def _wanted(actor: Actor, criteria: CallFilter, now: datetime) -> Select[MessageToWoman]:
    query = select(MessageToWoman).join(MessageToWoman.visit).join(Visit.slot).where(*_on_list(actor))
    if criteria.kind is not None:
        query = query.where(MessageToWoman.kind == criteria.kind)
    query = query.options(contains_eager(MessageToWoman.visit).contains_eager(Visit.slot))
    return query.order_by(_call_by() <= now, _call_by(), MessageToWoman.id)


def _call_by() -> ColumnElement[datetime]:
    """The sooner of the appointment before and after the change: she might come to the one that she knows."""
    return func.least(
        Slot.starts_at,
        cast(MessageToWoman.was["starts_at"].astext, DateTime(timezone=True)),
        case((MessageToWoman.kind == NoticeKind.PLACE_OFFERED, Visit.held_until)),
    )


def _facts(row: MessageToWoman, now: datetime) -> dict[str, Any]:
    was = datetime.fromisoformat(row.was["starts_at"]) if row.was else None
    held_until = row.visit.held_until if row.kind is NoticeKind.PLACE_OFFERED else None
    call_by = min(filter(None, (row.visit.slot.starts_at, was, held_until)))
    same = ("id", "kind", "visit_id", "reason", "calls", "called_at", "call_result")
    told = {name: getattr(row, name) for name in same}
    return told | {"call_by": call_by, "late": call_by <= now, "perhaps_told": row.perhaps_arrived}


def _with_woman(session: Session, row: MessageToWoman, now: datetime) -> CallWithWoman:
    woman = row.visit.woman
    text, missing = _text(session, row, woman)
    return CallWithWoman(
        **_facts(row, now),
        woman_id=woman.id,
        given_name=woman.given_name,
        family_name=woman.family_name,
        telephone=woman.telephone and spelled(woman.telephone),
        language=woman.language,
        text=text,
        text_missing=missing,
    )


def _text(session: Session, row: MessageToWoman, woman: Woman) -> tuple[str | None, str | None]:
    try:
        return compose(notices.of(session, row), Channel.CALL_LIST, woman.language).body, None
    except DomainError as refusal:
        return None, refusal.code


def record_call(session: Session, actor: Actor, message_id: int, command: CallMade, now: datetime) -> Call:
    """Records a call; one by which she was told takes her off the list.

    Raises:
        DomainError: `not_found`; `not_to_call`, she was told meanwhile or need not be.
    """
    own = MessageToWoman.id == message_id, MessageToWoman.provider_id == actor.provider_id
    query = select(MessageToWoman).where(*own).with_for_update(of=MessageToWoman)
    query = query.options(joinedload(MessageToWoman.visit).joinedload(Visit.slot))
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise DomainError("not_found", what=f"MessageToWoman {message_id}")
    if row.state is not DeliveryState.TO_CALL or row.call_result is CallResult.TOLD:
        raise DomainError("not_to_call", state=(row.call_result or row.state).value)
    row.calls, row.called_at, row.called_by_id, row.call_result = row.calls + 1, now, actor.user_id, command.result
    audit(session, actor, f"call_{command.result}", "woman", row.visit.woman_id)
    session.flush()
    return Call(**_facts(row, now))


def count(session: Session, actor: Actor, between: tuple[datetime, datetime] | None = None) -> int:
    """How many women are to be called, or how many of them by an instant after the first and up to the second."""
    query = select(func.count()).select_from(MessageToWoman).join(MessageToWoman.visit).join(Visit.slot)
    query = query.where(*_on_list(actor))
    if between is not None:
        query = query.where(_call_by() > between[0], _call_by() <= between[1])
    return session.scalars(query).one()
