"""The steps of which bookings, moves and cancellations are made, whoever asked for them.

A woman asks through a midwife (`services.visits`), in IKP (`services.inbound`), or asked before the integration
(`services.initial_loads`). The order of locks is told in `services.visits`.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, bindparam, insert, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, load_only
from sqlalchemy.orm.attributes import flag_modified

from mobile_units.errors import DomainError
from mobile_units.models.contracts import ContractRange
from mobile_units.models.initial_loads import InitialLoadRow, LoadedRowState
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace, ServicePlaceStatus
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.models.women import Woman
from mobile_units.rules.calendar import local_day
from mobile_units.rules.eligibility import Assessment
from mobile_units.rules.product_codes import choose_range
from mobile_units.rules.programmes import Path
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ACTIVE, OCCUPYING, VisitSource, VisitStatus, require_transition
from mobile_units.services import eligibility, expired_holds, slot_places, slots, women
from mobile_units.services.actors import AUDIT, Actor, audit_values
from mobile_units.services.contracts import Ranges, ranges_on_path
from mobile_units.services.queries import require_version
from mobile_units.transmission import outbox


def _for_update(*conditions: ColumnElement[bool]) -> Select[Woman]:
    """What eligibility asks about a woman; locked against other bookings, not against rows that refer to her."""
    asked = load_only(Woman.birth_date, Woman.declaration, Woman.merged_into_id)
    query = select(Woman).options(asked).where(*conditions)
    return query.with_for_update(key_share=True).execution_options(populate_existing=True)


_WOMAN = _for_update(Woman.id == bindparam("woman_id"), Woman.provider_id == bindparam("provider_id"))
_WOMAN_OF_VISIT = _for_update(
    Woman.id
    == select(Visit.woman_id)
    .where(Visit.id == bindparam("visit_id"), Visit.provider_id == bindparam("provider_id"))
    .scalar_subquery()
)


def locked_woman(session: Session, actor: Actor, woman_id: int) -> Woman:
    """The woman with her row locked, the lock of everything about her visits.

    Raises:
        DomainError: `not_found`, `woman_merged`.
    """
    woman = session.scalars(_WOMAN, {"woman_id": woman_id, "provider_id": actor.provider_id}).one_or_none()
    if woman is None:
        raise DomainError("not_found", what=f"Woman {woman_id}")
    women.require_not_merged(woman)
    return woman


def lock_women_of(
    session: Session, actor: Actor, visit_ids: Collection[int], also: Sequence[ColumnElement[bool]] = ()
) -> None:
    """Locks the women of several visits and those who meet the conditions in `also`, the lowest id first."""
    theirs = select(Visit.woman_id).where(Visit.id.in_(visit_ids), Visit.provider_id == actor.provider_id)
    which = Woman.provider_id == actor.provider_id, or_(Woman.id.in_(theirs), *also)
    session.execute(select(Woman.id).where(*which).order_by(Woman.id).with_for_update(key_share=True))


def locked_visit(session: Session, actor: Actor, visit_id: int, version: int | None = None) -> Visit:
    """The visit as it is once the row of its woman is locked, if it still has the version that the caller read.

    Raises:
        DomainError: `not_found`, `stale_version`.
    """
    of_visit = {"visit_id": visit_id, "provider_id": actor.provider_id}
    woman = session.scalars(_WOMAN_OF_VISIT, of_visit).one_or_none()
    if woman is None:
        raise DomainError("not_found", what=f"Visit {visit_id}")
    if woman.merged_into_id is not None:  # merged while we waited for her row: the visit is the kept one's now
        return locked_visit(session, actor, visit_id, version)
    parts = (_SLOT_AT_PLACE, joinedload(Visit.contract_range))
    visit = session.get_one(Visit, visit_id, options=parts, populate_existing=True)
    if version is not None:
        require_version(visit, version)
    return visit


_SLOT_AT_PLACE = joinedload(Visit.slot).joinedload(Slot.schedule).joinedload(Schedule.service_place)


_SLOT = (
    select(Slot)
    .join(Slot.schedule)
    .join(Schedule.service_place)
    .options(
        contains_eager(Slot.schedule).options(
            load_only(Schedule.provider_id, Schedule.service_place_id, Schedule.programme),
            contains_eager(Schedule.service_place).load_only(
                ServicePlace.setting, ServicePlace.mobility, ServicePlace.status
            ),
        )
    )
    .where(Schedule.provider_id == bindparam("provider_id"))
)
_SLOT_BY_ID = _SLOT.where(Slot.id == bindparam("slot_id"))
_SLOT_BY_UUID = _SLOT.where(Slot.uuid == bindparam("uuid"))


def slot_at_place(session: Session, actor: Actor, slot_id: int) -> Slot:
    """The slot with its schedule and place.

    Raises:
        DomainError: `not_found`.
    """
    slot = session.scalars(_SLOT_BY_ID, {"slot_id": slot_id, "provider_id": actor.provider_id}).one_or_none()
    if slot is None:
        raise DomainError("not_found", what=f"Slot {slot_id}")
    return slot


def slot_by_uuid(session: Session, actor: Actor, uuid: UUID) -> Slot | None:
    """The slot that the central system knows by this identifier, with its schedule and place."""
    return session.scalars(_SLOT_BY_UUID, {"uuid": uuid, "provider_id": actor.provider_id}).one_or_none()


def new_visit(actor: Actor, woman: Woman, slot: Slot) -> Visit:
    """A visit that is not stored yet and has no path."""
    return Visit(
        provider_id=actor.provider_id,
        woman=woman,
        slot=slot,
        programme=slot.schedule.programme,
        status=VisitStatus.BOOKED,
    )


def set_path(session: Session, actor: Actor, visit: Visit, path: Path, override_reason: str | None) -> None:
    """Gives a visit the path with all that follows: the rule that let her in or was set aside, and the range.

    Raises:
        DomainError: `path_not_of_programme`, `not_eligible`, `not_allowed`, `no_contracted_range`.
    """
    assessment = _assessed(session, visit, path)
    if not assessment.eligible:
        require_override(actor, visit.woman, assessment, override_reason)
    _fit(visit, path, assessment, ranges_on_path(session, visit.slot.schedule.provider_id, path))
    visit.override_reason = None if assessment.eligible else override_reason


class PathFacts:
    """What is asked when women are given paths, read once for all of them."""

    def __init__(self, session: Session, provider_id: int, woman_ids: Iterable[int]) -> None:
        """Reads what was performed; whatever else is read as it is needed."""
        self._session, self._provider_id = session, provider_id
        self._performed = women.performed(session, woman_ids)
        self._rules, self._exclusions = eligibility.rules(session)
        self._ranges: dict[Path, Ranges] = {}

    def assess(self, woman: Woman, path: Path, on: date) -> Assessment:
        """As `women.assess`."""
        rules = [rule for rule in self._rules if rule.path == path]
        return women.assessed(woman, self._performed.get(woman.id, ()), path, on, rules, self._exclusions)

    def ranges_on(self, path: Path) -> Ranges:
        """As `contracts.ranges_on_path`."""
        if path not in self._ranges:
            self._ranges[path] = ranges_on_path(self._session, self._provider_id, path)
        return self._ranges[path]


def follow_path(
    session: Session, visit: Visit, path: Path, product_code: str | None = None, facts: PathFacts | None = None
) -> Assessment:
    """As `set_path` for a path that the central system already holds: eligibility is told and refuses nothing.

    The range of `product_code` is taken if it is one that settles the path there and then. With `facts` nothing is read
    for this visit alone.

    Raises:
        DomainError: `path_not_of_programme`, `no_contracted_range`.
    """
    assessment = _assessed(session, visit, path, facts)
    ranges = facts.ranges_on(path) if facts else ranges_on_path(session, visit.slot.schedule.provider_id, path)
    _fit(visit, path, assessment, ranges, product_code)
    return assessment


def _assessed(session: Session, visit: Visit, path: Path, facts: PathFacts | None = None) -> Assessment:
    if path.programme != visit.programme:
        raise DomainError("path_not_of_programme", path=path, programme=visit.programme)
    about = visit.woman, path, day_of(visit.slot)
    return facts.assess(*about) if facts else women.assess(session, *about)


def _fit(visit: Visit, path: Path, assessment: Assessment, ranges: Ranges, product_code: str | None = None) -> None:
    contract_range = _range(visit.slot, path, ranges, product_code)
    visit.path = path
    visit.eligibility_rule_id = assessment.rule_id
    visit.contract_range = contract_range


def require_override(actor: Actor, woman: Woman, assessment: Assessment, reason: str | None) -> None:
    """Lets a woman in whom the rules refuse, if somebody who may gives a reason.

    Raises:
        DomainError: `not_eligible`, `not_allowed`.
    """
    if not reason:
        raise women.not_eligible(woman, assessment)
    if Role.MIDWIFE not in actor.roles:
        raise DomainError("not_allowed", roles=Role.MIDWIFE.value)


def _range(slot: Slot, path: Path, known: Ranges, product_code: str | None = None) -> ContractRange:
    place = slot.schedule.service_place
    rows, entries, ranges = known
    wanted = [each for each in ranges if each.product_code == product_code]
    about = (path, place.setting, place.mobility, day_of(slot), place.id, entries)
    try:
        chosen = choose_range(*about, wanted)
    except DomainError:
        chosen = choose_range(*about, ranges)
    return next(row for row in rows if row.id == chosen.id)


def not_passed(visit: Visit) -> None:
    """Written in any case: what was accepted since the visit was read was accepted as it had been."""
    visit.passed_at = None
    flag_modified(visit, "passed_at")


def day_of(slot: Slot) -> date:
    """The Polish day of a slot."""
    return local_day(slot.starts_at)


def take_place(session: Session, slot: Slot, now: datetime, admission: slot_places.Admission) -> bool:
    """As `slot_places.take`; where no place is free, holds whose time is over make room first.

    Raises:
        DomainError: as `slot_places.take`.
    """
    return expired_holds.with_those_places(session, slot, now, lambda: slot_places.take(session, slot, now, admission))


def exchange(session: Session, visit: Visit, entered: Slot, now: datetime, admission: slot_places.Admission) -> bool:
    """As `slot_places.exchange`; where no place is free, holds whose time is over make room first.

    Raises:
        DomainError: as `slot_places.take`.
    """
    return expired_holds.with_those_places(
        session, entered, now, lambda: slot_places.exchange(session, visit, entered, now, admission), visit.slot
    )


def admission_of(visit: Visit, path: Path | None = None) -> slot_places.Admission:
    """With what a visit comes to another slot: by the channel by which it was booked, and urgent if it is."""
    return slot_places.Admission(visit.channel, urgent=visit.urgent, path=path or visit.path)


def store(session: Session, actor: Actor, visit: Visit, action: str) -> None:
    """Stores a new visit with the beginning of its history."""
    store_all(session, actor, [visit], action)


def store_all(session: Session, actor: Actor, visits: Sequence[Visit], action: str) -> None:
    """As `store`, of many new visits."""
    session.add_all(visits)
    _record(session, actor, visits, action, [None] * len(visits), None)


def change(session: Session, actor: Actor, visit: Visit, status: VisitStatus, reason: str | None) -> None:
    """Gives a visit another status.

    Raises:
        DomainError: `transition_not_allowed`.
    """
    change_all(session, actor, [visit], status, reason)


def change_all(
    session: Session, actor: Actor, visits: Sequence[Visit], status: VisitStatus, reason: str | None
) -> None:
    """As `change`, of many visits that all had the same status or others, for one reason.

    Raises:
        DomainError: `transition_not_allowed`.
    """
    before = [visit.status for visit in visits]
    for visit in visits:
        require_transition(visit.status, status)
        visit.status = status
    _record(session, actor, visits, status.value, before, reason)


_RECORD = (
    insert(VisitChange)
    .values(
        visit_id=bindparam("changed"),
        from_status=bindparam("before"),
        to_status=bindparam("after"),
        reason=bindparam("why"),
        user_id=bindparam("by"),
    )
    .add_cte(AUDIT)
)


def record(  # noqa: PLR0913, PLR0917 -- a change with its reason, its author, and its name in the audit log
    session: Session, actor: Actor, visit: Visit, action: str, before: VisitStatus | None, reason: str | None
) -> None:
    """Stores a visit, its history and the entry in the audit log, which is about the woman: all of hers is found there.

    A change of the path leaves the status as it is and names both paths as the reason.
    """
    _record(session, actor, [visit], action, [before], reason)


def _record(  # noqa: PLR0913, PLR0917 -- as `record`, with what each visit was before
    session: Session,
    actor: Actor,
    visits: Sequence[Visit],
    action: str,
    before: Sequence[VisitStatus | None],
    reason: str | None,
) -> None:
    session.flush()
    why_and_who = {"why": reason, "by": actor.user_id}
    rows = [
        {"changed": visit.id, "before": was, "after": visit.status, **why_and_who}
        | audit_values(actor, f"visit_{action}", "woman", visit.woman_id)
        for visit, was in zip(visits, before, strict=True)
    ]
    session.connection().execute(_RECORD, rows)


def pass_on(session: Session, visit: Visit) -> None:
    """Has the visit handed over once its slot is known, its place active, and what must come before is accepted."""
    _enqueue(session, visit, MessageKind.SAVE_VISIT, stands_on(visit.slot) + made_room(session, visit))


def stands_on(slot: Slot) -> list[tuple[MessageKind, int]]:
    """What has to be known before any visit in a slot: the slot, and that its place is active."""
    schedule = slot.schedule
    after = [(MessageKind.SAVE_SLOTS, schedule.id)]
    if schedule.service_place.status is not ServicePlaceStatus.ACTIVE:
        after.append((MessageKind.ACTIVATE_SERVICE_PLACE, schedule.service_place_id))
    return after


def made_room(session: Session, visit: Visit) -> list[tuple[MessageKind, int]]:
    """What has to be known before the visit can be: her other visits in the programme are over, others left the slot.

    Only visits that hold no more are waited for, so that two that hold never wait for each other. Who left the slot
    did so under the lock of its row, before `slot_places.take` got it, so the message about it is stored by now.
    """
    over = and_(
        Visit.woman_id == visit.woman_id, Visit.programme == visit.programme, Visit.status.not_in(sorted(ACTIVE))
    )
    left = and_(Visit.slot_id == visit.slot_id, Visit.status.not_in(sorted(OCCUPYING)))
    return outbox.unaccepted_of_visits(session, Visit.id != visit.id, or_(over, left))


def call_off(session: Session, visit: Visit, *, is_there: bool = False) -> None:
    """Has the cancellation handed over; the outbox keeps it behind the message that handed over the visit.

    What the central system only ever refused is not there to be cancelled, unless it says itself that it `is_there`.
    """
    if not is_there and _only_refused(session, [visit]):
        return
    schedule_id = visit.slot.schedule_id
    behind = slots.news_of_fewer(session, [schedule_id])
    if behind:
        outbox.take_turn(session, visit.provider_id)
    _enqueue(session, visit, MessageKind.CANCEL_VISIT)
    if behind:
        slots.tell_fewer(session, schedule_id, [visit.slot_id])


def call_off_all(session: Session, visits: Sequence[Visit]) -> None:
    """As `call_off` of visits that have just ended, but news of their slots is not kept behind the cancellations."""
    refused = _only_refused(session, visits)
    ended = [visit for visit in visits if visit.id not in refused]
    chunks = {key: [(MessageKind.LOAD_VISITS, row.chunk_id)] for key, row in _loads_of(session, ended).items()}
    outbox.enqueue_cancellations(session, [to_be_told(visit, chunks.get(visit.id, [])) for visit in ended])


def to_be_told(visit: Visit, after: Sequence[tuple[MessageKind, int]]) -> outbox.AboutVisit:
    """A visit as the outbox is told of it."""
    day = day_of(visit.slot)
    return outbox.AboutVisit(provider_id=visit.provider_id, visit_id=visit.id, service_day=day, after=after)


def under_way(session: Session, visit: Visit) -> bool:
    """Whether a message about the visit is stored that the central system has not accepted."""
    loading = _load_of(session, visit)
    waits = loading is not None and loading.state is LoadedRowState.WAITING
    return waits or bool(outbox.unaccepted_of_visits(session, Visit.id == visit.id))


def _load_of(session: Session, visit: Visit) -> InitialLoadRow | None:
    """The row of the initial load from which the visit was made."""
    return _loads_of(session, [visit]).get(visit.id)


def _loads_of(session: Session, visits: Iterable[Visit]) -> dict[int, InitialLoadRow]:
    loaded = [visit.id for visit in visits if visit.source is VisitSource.INITIAL_LOAD]
    if not loaded:
        return {}
    rows = session.scalars(select(InitialLoadRow).where(InitialLoadRow.visit_id.in_(loaded)))
    return {row.visit_id: row for row in rows}


def _only_refused(session: Session, visits: Sequence[Visit]) -> set[int]:
    """The visits that the central system refused each time it was told of them; what it rejected is given up."""
    rows = _loads_of(session, visits)
    taken = {key for key, row in rows.items() if row.state is not LoadedRowState.REFUSED}
    taken |= {visit.id for visit in visits if visit.source is VisitSource.IKP or visit.passed_at is not None}
    unknown = {visit.id for visit in visits} - taken
    silent = {key for key in unknown & rows.keys() if outbox.latest(session, MessageKind.SAVE_VISIT, key) is None}
    return silent | outbox.give_up_refused(session, unknown - silent)


def _enqueue(session: Session, visit: Visit, kind: MessageKind, after: Sequence[tuple[MessageKind, int]] = ()) -> None:
    """A visit of an initial load is told of only after the message of its chunk."""
    row = _load_of(session, visit)
    chunk = [] if row is None else [(MessageKind.LOAD_VISITS, row.chunk_id)]
    outbox.enqueue(
        session,
        provider_id=visit.provider_id,
        kind=kind,
        subject_id=visit.id,
        service_day=day_of(visit.slot),
        after=[*after, *chunk],
    )
