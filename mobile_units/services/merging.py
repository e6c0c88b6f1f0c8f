"""Merging: a woman who was kept twice, by a PESEL and a foreign document or by a typing mistake, is kept once.

What is known of the one is taken over to the other. Her identity alone stays, so that whoever looks her up under it,
the central system among them, finds the one who is kept.

Both rows are locked, the lower id first, so that nothing is booked for either meanwhile (`services.visits`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.messages import MessageToWoman
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.models.women import Woman
from mobile_units.rules.roles import Role
from mobile_units.rules.visits import ACTIVE
from mobile_units.rules.waiting import OPEN, WaitingStatus
from mobile_units.services import women
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import require_version

NEEDED = frozenset({Role.MIDWIFE, Role.ADMINISTRATOR})
"""The roles that a user has to have, both of them."""

_FILLED = {"telephone": "sms_consent_at", "email": "email_consent_at"}
"""What fills a gap, with the consent that goes with it; a consent alone is never taken over."""

_CORE = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """The versions of both that the caller compared, and why they are one woman."""

    kept_version: int
    merged_version: int
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePreview:
    """What a merge would take over: numbers of rows, the names of fields that fill gaps, and what is in its way.

    `examinations` are those declared that the kept one did not tell of; `parallel` are active visits in a programme in
    which both have one.
    """

    kept: Woman
    merged: Woman
    visits: int
    visits_to_come: int
    waiting: int
    messages: int
    examinations: int
    fills: Sequence[str]
    parallel: Sequence[Mapping[str, Any]]


def preview(session: Session, actor: Actor, kept_id: int, merged_id: int) -> MergePreview:
    """What `merge` would do; both women are noted in the audit log as read.

    Raises:
        DomainError: `not_allowed`, `merge_with_itself`, `not_found`, `woman_merged`, `already_merged`.
    """
    kept, merged = _both(session, actor, kept_id, merged_id)
    for each in (kept, merged):
        audit(session, actor, "read", "woman", each.id)
    return MergePreview(
        kept=kept,
        merged=merged,
        visits=_count(session, Visit, merged_id),
        visits_to_come=_count(session, Visit, merged_id, Visit.status.in_(sorted(ACTIVE))),
        waiting=_count(session, WaitingListEntry, merged_id, WaitingListEntry.status.in_(sorted(OPEN))),
        messages=_count(session, MessageToWoman, merged_id),
        examinations=len(_examinations(kept, merged)) - len(_examinations(kept)),
        fills=_gaps(kept, merged),
        parallel=_parallel(session, kept_id, merged_id),
    )


def merge(session: Session, actor: Actor, kept_id: int, merged_id: int, command: Merge) -> Woman:
    """Takes over all that is known of `merged_id` to `kept_id`, whose visits to come are handed over again.

    Of two entries on a waiting list in one programme the one with an offer stays, else the one that waits for longer.

    Raises:
        DomainError: `not_allowed` (it takes both roles of `NEEDED`), `merge_with_itself`, `not_found`, `woman_merged`
            (the kept one was merged herself), `already_merged`, `stale_version`, `parallel_visits`.
    """
    kept, merged = _both(session, actor, kept_id, merged_id)
    require_version(kept, command.kept_version)
    require_version(merged, command.merged_version)
    parallel = _parallel(session, kept_id, merged_id)
    if parallel:
        raise DomainError("parallel_visits", count=len(parallel), visits=parallel)
    moved = session.scalars(select(Visit.id).where(Visit.woman_id == merged_id)).all()
    _end_second_entries(session, kept_id, merged_id)
    for rows in (Visit, WaitingListEntry, MessageToWoman):
        taken = update(rows).where(rows.woman_id == merged_id).values(woman_id=kept_id)
        session.execute(taken, execution_options=_CORE)
    fills = _gaps(kept, merged)
    _take_over(kept, merged, fills)
    _wipe(session, merged, kept_id, command.reason)
    session.flush()
    audit(session, actor, "merge", "woman", kept_id)
    audit(session, actor, "merged_away", "woman", merged_id)
    everything_changed = "telephone" in fills
    women.tell_again(session, kept, *([] if everything_changed else [Visit.id.in_(moved)]))
    session.expire_all()
    return session.get_one(Woman, kept_id)


def _both(session: Session, actor: Actor, kept_id: int, merged_id: int) -> tuple[Woman, Woman]:
    """Both women, their rows locked in the order of their keys."""
    if not actor.roles >= NEEDED:
        raise DomainError("not_allowed", roles=" + ".join(sorted(NEEDED)))
    if kept_id == merged_id:
        raise DomainError("merge_with_itself")
    query = select(Woman).where(Woman.id.in_([kept_id, merged_id]), Woman.provider_id == actor.provider_id)
    locked = query.order_by(Woman.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    found = {woman.id: woman for woman in session.scalars(locked)}
    for key in (kept_id, merged_id):
        if key not in found:
            raise DomainError("not_found", what=f"Woman {key}")
    kept, merged = found[kept_id], found[merged_id]
    women.require_not_merged(kept)
    if merged.merged_into_id is not None:
        raise DomainError("already_merged", woman_id=merged_id, kept_id=merged.merged_into_id)
    return kept, merged


def _count(session: Session, rows: Any, woman_id: int, *conditions: Any) -> int:
    return session.scalar(select(func.count()).select_from(rows).where(rows.woman_id == woman_id, *conditions)) or 0


def _parallel(session: Session, kept_id: int, merged_id: int) -> list[dict[str, Any]]:
    """Active visits in a programme in which both have one."""
    query = (
        select(Visit.id, Visit.version, Visit.woman_id, Visit.programme, Visit.status, Slot.starts_at)
        .join(Slot, Slot.id == Visit.slot_id)
        .where(Visit.woman_id.in_([kept_id, merged_id]), Visit.status.in_(sorted(ACTIVE)))
        .order_by(Visit.programme, Visit.woman_id)
    )
    rows = session.execute(query).mappings().all()
    programmes = [row["programme"] for row in rows]
    return [
        {**row, "starts_at": row["starts_at"].isoformat()} for row in rows if programmes.count(row["programme"]) > 1
    ]


def _end_second_entries(session: Session, kept_id: int, merged_id: int) -> None:
    """Leaves one open entry in each programme; who asked for an urgent place in either is urgent."""
    query = select(WaitingListEntry).where(
        WaitingListEntry.woman_id.in_([kept_id, merged_id]), WaitingListEntry.status.in_(sorted(OPEN))
    )
    entries = session.scalars(query.order_by(WaitingListEntry.id).with_for_update()).all()
    for programme in {entry.programme for entry in entries}:
        stays, *others = sorted(
            (entry for entry in entries if entry.programme is programme),
            key=lambda entry: (entry.status is WaitingStatus.WAITING, entry.queued_at),
        )
        for other in others:
            other.status = WaitingStatus.WITHDRAWN
            stays.urgent = stays.urgent or other.urgent
    session.flush()


def _gaps(kept: Woman, merged: Woman) -> list[str]:
    return [name for name in _FILLED if getattr(kept, name) is None and getattr(merged, name) is not None]


def _take_over(kept: Woman, merged: Woman, fills: Sequence[str]) -> None:
    for name in fills:
        setattr(kept, name, getattr(merged, name))
        setattr(kept, _FILLED[name], getattr(kept, _FILLED[name]) or getattr(merged, _FILLED[name]))
    told = {
        name: sorted({*kept.declaration.get(name, ()), *merged.declaration.get(name, ())})
        for name in ("risk_groups", "exclusions")
    }
    kept.declaration = told | {"examinations": _examinations(kept, merged)}
    kept.version += 1


def _examinations(*told_by: Woman) -> list[dict[str, str]]:
    """The examinations that they declared, each once, by day."""
    told = {
        (each["performed_on"], each["path"]) for woman in told_by for each in woman.declaration.get("examinations", ())
    }
    return [{"path": path, "performed_on": day} for day, path in sorted(told)]


def _wipe(session: Session, merged: Woman, kept_id: int, reason: str) -> None:
    """Leaves nothing but the identity; those who were merged into her before belong to the kept one."""
    merged.given_name = merged.family_name = merged.birth_date = ""
    merged.telephone = merged.email = merged.email_consent_at = merged.sms_consent_at = None
    merged.declaration = {}
    merged.merged_into_id, merged.merge_reason = kept_id, reason
    merged.version += 1
    before = update(Woman).where(Woman.merged_into_id == merged.id).values(merged_into_id=kept_id)
    session.execute(before, execution_options=_CORE)
