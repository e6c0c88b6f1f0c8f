"""Reconciliation: our visits compared with those of the central system, and each difference until it is settled.

A visit is compared only if nothing about it is under way, so that what is merely late is no difference: no message that
is not accepted, no change since the comparison began, no change of hers that waits to be taken over. The worker reads
what changed at the centre before it compares, and once more before it says what is missing there.

A difference settles itself where it is plain who is right:

- missing there: the visit is sent again;
- differs: what she chose in IKP (slot, path) is taken over, all else is ours and is sent again, once; if that did not
  help, or if the centre names another woman, a person decides;
- unknown here, or cancelled there by her or by the centre: taken over as a change of hers is (`services.inbound`),
  which may end as a conflict in that list;
- unreadable: a person decides, as about those missing there if it is not even known which visit is unreadable;
- unknown here or cancelled there though the centre says that we did it: a person decides.

The next comparison closes what it finds in order, or finds anew.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from mobile_units import clock
from mobile_units.errors import DomainError
from mobile_units.models.inbound import InboundChange, InboundState
from mobile_units.models.initial_loads import InitialLoadRow, LoadedRowState
from mobile_units.models.providers import Provider
from mobile_units.models.reconciliation import (
    Difference,
    DifferenceKind,
    DifferenceState,
    Reconciliation,
    ReconciliationState,
)
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.models.women import Woman
from mobile_units.rules.calendar import local_day, local_instant, require_period
from mobile_units.rules.contacts import spelled
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import OCCUPYING, ChangedBy, VisitStatus
from mobile_units.services import inbound
from mobile_units.services import visit_steps as steps
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, get_owned, page_of
from mobile_units.services.slots import in_days
from mobile_units.transmission.messages import (
    CENTRAL_STATUSES,
    CentralChange,
    CentralStatus,
    CentralVisit,
    ObjectId,
    UnreadableChange,
    visit_as_json,
    visit_from_json,
)

DAYS_BACK, DAYS_AHEAD = 30, 120
"""The period that is compared unless another one is asked for."""

SENT_AGAIN_FOR = timedelta(days=7)
"""How long sending again counts as tried: what differs in the same way within this time waits for a person."""

TRY_AGAIN_AFTER = timedelta(minutes=15)
LEASE = timedelta(minutes=15)
PART = 1000
"""How many visits are looked at in one transaction."""

_OF_VISITS = (MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT)
_HERS = frozenset({"slot", "path"})
"""What a woman chooses in IKP."""
UNREADABLE = "unreadable"
"""What differs if the centre's state of a visit cannot be read."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days of slots, both included."""

    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class ReconciliationFilter:
    """Which reconciliations are wanted."""

    paging: Paging = Paging()
    state: ReconciliationState | None = None


@dataclass(frozen=True, slots=True)
class DifferenceFilter:
    """Which differences are wanted; without a state, those that wait for a person."""

    paging: Paging = Paging()
    reconciliation_id: int | None = None
    kind: DifferenceKind | None = None
    state: DifferenceState = DifferenceState.OPEN


class Decision(StrEnum):
    """What a person does about a difference: ours is sent again, theirs is taken over, or it is set aside."""

    RESEND = "resend"
    TAKE_OVER = "take_over"
    DISMISS = "dismiss"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOnDifference:
    """A decision, and why."""

    decision: Decision
    note: str | None = field(default=None, repr=False)


def usual_period(today: date) -> Period:
    """The days that are compared daily."""
    return Period(today - timedelta(days=DAYS_BACK), today + timedelta(days=DAYS_AHEAD))


# beginning


def begin(session: Session, actor: Actor, period: Period, now: datetime) -> Reconciliation:
    """Begins a comparison, the only one of the provider; one whose lease ran out was interrupted.

    Raises:
        DomainError: `reconciliation_running`, `ends_before_start`, `period_too_long`.
    """
    require_period(period.first_day, period.last_day)
    _lock_provider(session, actor.provider_id)
    running = session.scalars(_running(actor.provider_id)).one_or_none()
    if running is not None:
        if running.leased_until is not None and running.leased_until > now:
            raise DomainError("reconciliation_running")
        _end(running, ReconciliationState.FAILED, now, "interrupted")
        session.flush()
    made = Reconciliation(
        provider_id=actor.provider_id,
        first_day=period.first_day,
        last_day=period.last_day,
        started_at=now,
        leased_until=now + LEASE,
    )
    session.add(made)
    session.flush()
    audit(session, actor, "begin", "reconciliation", made.id)
    return made


def begin_daily(session: Session, actor: Actor, now: datetime, hour: int) -> Reconciliation | None:
    """Begins the comparison of the day if it is `hour` o'clock and nobody did it yet; of many hosts one gets it."""
    if now.astimezone(clock.WARSAW).hour < hour:
        return None
    _lock_provider(session, actor.provider_id)
    period = usual_period(local_day(now))
    if session.scalar(select(_done_or_tried(actor.provider_id, period, now))):
        return None
    try:
        return begin(session, actor, period, now)
    except DomainError as refusal:
        if refusal.code == "reconciliation_running":
            return None
        raise


def _lock_provider(session: Session, provider_id: int) -> None:
    session.execute(select(Provider.id).where(Provider.id == provider_id).with_for_update(key_share=True))


def _running(provider_id: int) -> Any:
    return select(Reconciliation).where(
        Reconciliation.provider_id == provider_id, Reconciliation.state == ReconciliationState.RUNNING
    )


def _done_or_tried(provider_id: int, period: Period, now: datetime) -> ColumnElement[bool]:
    """Whether the period was compared today, or failed to be a moment ago."""
    midnight = local_instant(local_day(now), time())
    done = and_(Reconciliation.state == ReconciliationState.DONE, Reconciliation.started_at >= midnight)
    tried = and_(Reconciliation.state == ReconciliationState.FAILED, Reconciliation.finished_at > now - TRY_AGAIN_AFTER)
    covers = and_(Reconciliation.first_day <= period.first_day, Reconciliation.last_day >= period.last_day)
    return exists().where(Reconciliation.provider_id == provider_id, covers, or_(done, tried))


def _end(row: Reconciliation, state: ReconciliationState, now: datetime, failure: str | None = None) -> None:
    row.state, row.finished_at, row.leased_until, row.failure = state, now, None, failure


# comparing


@dataclass(slots=True)
class Comparison:
    """A reconciliation while it is running; of the visits seen it holds eight bytes each."""

    actor: Actor
    reconciliation_id: int
    period: Period
    started_at: datetime
    there: int = 0
    here: int = 0
    _seen: "array[int]" = field(default_factory=lambda: array("q"))
    _in_order: "array[int]" = field(default_factory=lambda: array("q"))
    _last: int | None = None
    _differing: set[tuple[str, str]] = field(default_factory=set)
    _nameless: bool = False

    def compare(self, session: Session, changes: Sequence[CentralChange]) -> list[int]:
        """Keeps what differs about the visits of a page; returns the keys of the differences."""
        self._renew(session)
        self.there += len(changes)
        identifiers = [each.visit.identifier for each in changes]
        local = _local(session, self.actor, identifiers)
        self._seen.extend(visit.id for visit in local.values())
        stable = _stable(session, [visit.id for visit in local.values()], self.started_at)
        in_hand = _in_hand(session, self.actor, identifiers)
        found = []
        for change in changes:
            key = (change.visit.identifier.root, change.visit.identifier.extension)
            visit = local.get(key)
            difference = self._difference(change, visit)
            if difference is None:
                self._note_order(visit, stable)
            elif key not in self._differing | in_hand and (visit is None or visit.id in stable):
                self._differing.add(key)
                found.append(difference)
        return self._stored(session, found)

    def unreadable(self, session: Session, changes: Sequence[UnreadableChange]) -> None:
        """Keeps which visits of a page could not be read, unless such a change waits for a person already."""
        self.there += len(changes)
        names = [each.name for each in changes]
        local, in_hand = _local(session, self.actor, names), _in_hand(session, self.actor, names)
        self._seen.extend(visit.id for visit in local.values())
        self._nameless = self._nameless or any(each.identifier is None for each in changes)
        keys = {(name.root, name.extension) for name in names} - self._differing - in_hand
        self._differing |= keys
        visit_ids = {key: local[key].id if key in local else None for key in sorted(keys)}
        kind = DifferenceKind.DIFFERS
        made = [self._made(kind, *key, names=[UNREADABLE], visit_id=visit_id) for key, visit_id in visit_ids.items()]
        self._stored(session, made)

    def _note_order(self, visit: Visit | None, stable: set[int]) -> None:
        if visit is not None and visit.id in stable:
            self._in_order.append(visit.id)

    def _difference(self, change: CentralChange, visit: Visit | None) -> Difference | None:
        central = change.visit
        if visit is None:
            if central.status is CentralStatus.CANCELLED:
                return None
            return self._made(
                DifferenceKind.UNKNOWN_HERE, central.identifier.root, central.identifier.extension, change
            )
        names = differing(visit, central)
        if not names:
            return None
        gone = central.status is CentralStatus.CANCELLED
        kind = DifferenceKind.CANCELLED_THERE if gone else DifferenceKind.DIFFERS
        return self._made(kind, central.identifier.root, central.identifier.extension, change, names, visit.id)

    def _made(  # noqa: PLR0913, PLR0917 -- the columns of a difference
        self,
        kind: DifferenceKind,
        root: str,
        extension: str,
        change: CentralChange | None = None,
        names: Iterable[str] = (),
        visit_id: int | None = None,
    ) -> Difference:
        return Difference(
            reconciliation_id=self.reconciliation_id,
            kind=kind,
            fields=",".join(names),
            visit_id=visit_id,
            cer_root=root,
            cer_extension=extension,
            content=_content(change) if change else None,
        )

    def missing(self, session: Session) -> list[int] | None:
        """Keeps which of the next visits here the centre does not hold; None once all were looked at.

        Returns the keys of those that may be settled.
        """
        self._renew(session)
        if self._last is None:
            self._seen, self._last = array("q", sorted(self._seen)), 0
        rows = session.execute(_expected_there(self.actor, self.period, self._last)).all()
        if not rows:
            return None
        self._last = rows[-1].id
        self.here += len(rows)
        absent = [row for row in rows if not self._was_seen(row.id)]
        stable = _stable(session, [row.id for row in absent], self.started_at)
        told = [row for row in absent if row.id in stable and row.told]
        found = self._stored(session, [self._absent(row) for row in told])
        return [] if self._nameless else found

    def _absent(self, row: Any) -> Difference:
        root, extension = (row.cer_root, row.cer_extension) if row.cer_root else (row.oid_root, str(row.uuid))
        self._differing.add((root, extension))
        return self._made(DifferenceKind.MISSING_THERE, root, extension, visit_id=row.id)

    def _was_seen(self, visit_id: int) -> bool:
        at = bisect_left(self._seen, visit_id)
        return at < len(self._seen) and self._seen[at] == visit_id

    @staticmethod
    def _stored(session: Session, found: Sequence[Difference]) -> list[int]:
        session.add_all(found)
        session.flush()
        return [difference.id for difference in found]

    def settle(self, session: Session, difference_id: int) -> None:
        """Settles a difference by itself where that is safe."""
        settle(session, self.actor, difference_id, clock.now())

    def finish(self, session: Session) -> None:
        """Notes that all is compared, and closes what an earlier comparison left open and this one found."""
        row = get_owned(session, self.actor, Reconciliation, self.reconciliation_id)
        row.visits_here, row.visits_there = self.here, self.there
        _end(row, ReconciliationState.DONE, clock.now())
        in_order = set(self._in_order)
        for difference in session.scalars(_left_open(self.actor, self.reconciliation_id)):
            again = (difference.cer_root, difference.cer_extension) in self._differing
            if again or difference.visit_id in in_order or _is_known_now(session, self.actor, difference):
                difference.state = DifferenceState.DISMISSED
                difference.note = f"uzgodnienie {self.reconciliation_id}"
        session.flush()

    def fail(self, session: Session, failure: str) -> None:
        """Notes that it could not be compared, and why."""
        row = get_owned(session, self.actor, Reconciliation, self.reconciliation_id)
        _end(row, ReconciliationState.FAILED, clock.now(), failure)

    def _renew(self, session: Session) -> None:
        row = update(Reconciliation).where(Reconciliation.id == self.reconciliation_id)
        session.execute(row.values(leased_until=clock.now() + LEASE))


def comparison_of(actor: Actor, row: Reconciliation) -> Comparison:
    """The comparison that a reconciliation began."""
    return Comparison(actor, row.id, Period(row.first_day, row.last_day), row.started_at)


def _content(change: CentralChange) -> dict[str, Any]:
    return {"visit": visit_as_json(change.visit), "at": change.at.isoformat(), "by": change.by.value}


def _change(content: Mapping[str, Any]) -> CentralChange:
    return CentralChange(
        at=datetime.fromisoformat(content["at"]), by=ChangedBy(content["by"]), visit=visit_from_json(content["visit"])
    )


def differing(visit: Visit, central: CentralVisit) -> list[str]:
    """The names of what the two sides hold differently; of a cancelled visit nothing else matters.

    How she is called and reached is told of visits to come only, so of others it may be what it was.
    """
    status = CENTRAL_STATUSES[visit.status]
    if status is not central.status:
        return ["status"]
    if status is CentralStatus.CANCELLED:
        return []
    woman, patient = visit.woman, central.patient
    same = {
        "slot": str(visit.slot.uuid) == central.slot.extension,
        "path": visit.path == central.path,
        "product_code": visit.contract_range.product_code == central.product_code,
        "urgent": visit.urgent == central.urgent,
        "woman": woman.identity_hash == inbound.hash_of(patient),
        "names": _folded(woman.given_name, woman.family_name) == _folded(patient.given_name, patient.family_name),
        "birth_date": woman.birth_date == patient.birth_date.isoformat(),
        "telephone": _digits(woman.telephone) == _digits(patient.telephone),
    }
    stale = set() if status is CentralStatus.BOOKED else _stale(woman, inbound.hash_of(patient))
    return [name for name, equal in same.items() if not equal and name not in stale]


def _stale(woman: Woman, identity: bytes | None) -> set[str]:
    """What may be as it was in a visit that is over; a woman who was kept twice is still called by either identity."""
    twice = any(each.identity_hash == identity for each in woman.merged)
    return {"names", "telephone"} | ({"woman", "birth_date"} if twice else set())


def _folded(*names: str) -> list[str]:
    return [" ".join(name.casefold().split()) for name in names]


def _digits(telephone: str | None) -> str:
    return "".join(filter(str.isdigit, spelled(telephone or "")))


def _local(session: Session, actor: Actor, identifiers: Sequence[ObjectId]) -> dict[tuple[str, str], Visit]:
    """Our visits by the identifiers under which the centre knows them."""
    own_root = session.scalar(select(Provider.oid_root).where(Provider.id == actor.provider_id)) or ""
    keys = {(each.root, each.extension) for each in identifiers}
    uuids = [uuid for root, text in keys if root == own_root and (uuid := _uuid(text))]
    given = tuple_(Visit.cer_root, Visit.cer_extension).in_(sorted(keys))
    query = select(Visit).where(Visit.provider_id == actor.provider_id, or_(given, Visit.uuid.in_(uuids)))
    parts = (joinedload(Visit.slot), joinedload(Visit.contract_range), joinedload(Visit.woman))
    found = session.scalars(query.options(*parts)).all()
    return {_key(visit, own_root): visit for visit in found}


def _key(visit: Visit, own_root: str) -> tuple[str, str]:
    if visit.cer_root is not None and visit.cer_extension is not None:
        return visit.cer_root, visit.cer_extension
    return own_root, str(visit.uuid)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _in_hand(session: Session, actor: Actor, identifiers: Sequence[ObjectId]) -> set[tuple[str, str]]:
    """Identifiers of the visits with a change that waits to be taken over, by us or by a person."""
    keys = {(each.root, each.extension) for each in identifiers}
    columns = (InboundChange.cer_root, InboundChange.cer_extension)
    query = select(*columns).where(
        InboundChange.provider_id == actor.provider_id, _IS_OPEN, tuple_(*columns).in_(sorted(keys))
    )
    return {(root, extension) for root, extension in session.execute(query)}


_IS_OPEN = InboundChange.state.in_([InboundState.RECEIVED, InboundState.CONFLICT])


def _stable(session: Session, visit_ids: Sequence[int], since: datetime) -> set[int]:
    """Those of the visits about which nothing is under way and nothing changed since an instant."""
    message = OutboxMessage
    settled = message.state.in_([MessageState.ACCEPTED, MessageState.GIVEN_UP])
    sent = exists().where(
        message.subject_id == Visit.id,
        message.kind.in_(_OF_VISITS),
        or_(~settled, message.created_at >= since, message.accepted_at >= since),
    )
    changed = exists().where(VisitChange.visit_id == Visit.id, VisitChange.at >= since)
    loading = exists().where(InitialLoadRow.visit_id == Visit.id, InitialLoadRow.state == LoadedRowState.WAITING)
    hers = exists().where(
        InboundChange.provider_id == Visit.provider_id,
        or_(
            InboundChange.visit_id == Visit.id,
            InboundChange.cer_extension == cast(Visit.uuid, String),
            and_(InboundChange.cer_root == Visit.cer_root, InboundChange.cer_extension == Visit.cer_extension),
        ),
        _IS_OPEN,
    )
    query = select(Visit.id).where(Visit.id.in_(visit_ids), ~sent, ~changed, ~loading, ~hers)
    return set(session.scalars(query)) if visit_ids else set()


def _expected_there(actor: Actor, period: Period, after: int) -> Any:
    """The next visits of the period that hold a place, and whether the centre was ever told of each."""
    accepted = exists().where(
        OutboxMessage.subject_id == Visit.id,
        OutboxMessage.kind == MessageKind.SAVE_VISIT,
        OutboxMessage.state == MessageState.ACCEPTED,
    )
    told = or_(Visit.passed_at.is_not(None), accepted).label("told")
    columns = (Visit.id, Visit.uuid, Visit.cer_root, Visit.cer_extension, Provider.oid_root, told)
    query = select(*columns).join(Slot, Slot.id == Visit.slot_id).join(Provider, Provider.id == Visit.provider_id)
    holding = sorted(OCCUPYING - {VisitStatus.HELD})
    query = query.where(Visit.provider_id == actor.provider_id, Visit.status.in_(holding), Visit.id > after)
    return query.where(*in_days(period.first_day, period.last_day)).order_by(Visit.id).limit(PART)


def _left_open(actor: Actor, newer: int) -> Any:
    query = select(Difference).join(Difference.reconciliation)
    return query.where(
        Reconciliation.provider_id == actor.provider_id,
        Difference.reconciliation_id < newer,
        Difference.state == DifferenceState.OPEN,
    )


def _is_known_now(session: Session, actor: Actor, difference: Difference) -> bool:
    """Whether a visit that was unknown here, such as an unreadable one, is a local one by now."""
    if difference.visit_id is not None:
        return False
    known = (Visit.cer_root == difference.cer_root) & (Visit.cer_extension == difference.cer_extension)
    return bool(session.scalar(select(exists().where(Visit.provider_id == actor.provider_id, known))))


# settling


def settle(session: Session, actor: Actor, difference_id: int, now: datetime) -> Difference:
    """Settles a difference where it is plain who is right; otherwise it stays open."""
    difference = _locked(session, actor, difference_id)
    if difference.state is not DifferenceState.OPEN:
        return difference
    change = _change(difference.content) if difference.content else None
    names = frozenset(difference.fields.split(","))
    if not names.isdisjoint({"woman", UNREADABLE}):
        return difference
    if change is None or (difference.kind is DifferenceKind.DIFFERS and not _is_hers(change, names)):
        if not _tried(session, difference, now):
            _send_again(session, actor, difference)
    elif change.by is not ChangedBy.PROVIDER:
        _take_over(session, actor, difference, change, now)
    session.flush()
    return difference


def _is_hers(change: CentralChange, names: frozenset[str]) -> bool:
    return change.by is not ChangedBy.PROVIDER and not names.isdisjoint(_HERS)


def _locked(session: Session, actor: Actor, difference_id: int) -> Difference:
    query = select(Difference).join(Difference.reconciliation).options(contains_eager(Difference.reconciliation))
    query = query.where(Difference.id == difference_id, Reconciliation.provider_id == actor.provider_id)
    query = query.with_for_update(of=Difference).execution_options(populate_existing=True)
    difference = session.scalars(query).one_or_none()
    if difference is None:
        raise DomainError("not_found", what=f"Difference {difference_id}")
    return difference


def _tried(session: Session, difference: Difference, now: datetime) -> bool:
    """Whether ours was sent again for the same reason not long ago."""
    earlier = aliased(Difference)
    query = select(earlier.id).where(
        earlier.visit_id == difference.visit_id,
        earlier.kind == difference.kind,
        earlier.fields == difference.fields,
        earlier.state == DifferenceState.SENT_AGAIN,
        earlier.created_at > now - SENT_AGAIN_FOR,
    )
    return bool(session.scalar(select(query.exists())))


def _send_again(session: Session, actor: Actor, difference: Difference) -> None:
    """Has the visit told as it is now; what is under way already tells it."""
    if difference.visit_id is None:
        raise DomainError("decision_not_possible")
    visit = steps.locked_visit(session, actor, difference.visit_id)
    if not steps.under_way(session, visit):
        inbound.tell_again(session, visit)
    difference.state = DifferenceState.SENT_AGAIN


def _take_over(  # noqa: PLR0913 -- who takes over what, when, and how firmly
    session: Session,
    actor: Actor,
    difference: Difference,
    change: CentralChange,
    now: datetime,
    *,
    forced: bool = False,
) -> None:
    """Makes of what the centre holds a change that came from it; one that was dealt with before is left to a person.

    Being `forced`, it is dealt with once more, and is none of ours, whoever the centre says it was.
    """
    known = session.scalars(
        select(InboundChange).where(
            InboundChange.provider_id == actor.provider_id, InboundChange.digest == change.digest
        )
    ).one_or_none()
    if known is None:
        known = _as_received(session, actor, change, forced=forced)
    elif known.state is not InboundState.CONFLICT:
        if not forced and known.state is not InboundState.RECEIVED:
            return
        known.state, known.content = InboundState.RECEIVED, {"visit": visit_as_json(change.visit)}
        known.changed_by = _author(change, forced=forced)
        session.flush()
    inbound.receive(session, actor, known.id, now)
    difference.state = DifferenceState.TAKEN_OVER


def _author(change: CentralChange, *, forced: bool) -> ChangedBy:
    return ChangedBy.SYSTEM if forced and change.by is ChangedBy.PROVIDER else change.by


def _as_received(session: Session, actor: Actor, change: CentralChange, *, forced: bool) -> InboundChange:
    row = insert(InboundChange).values(
        provider_id=actor.provider_id,
        digest=change.digest,
        cer_root=change.visit.identifier.root,
        cer_extension=change.visit.identifier.extension,
        changed_at=change.at,
        changed_by=_author(change, forced=forced),
        content={"visit": visit_as_json(change.visit)},
        state=InboundState.RECEIVED,
    )
    unique = row.on_conflict_do_nothing(index_elements=["provider_id", "digest"])
    session.execute(unique)
    query = select(InboundChange).where(
        InboundChange.provider_id == actor.provider_id, InboundChange.digest == change.digest
    )
    return session.scalars(query).one()


# what people see and decide


def find(session: Session, actor: Actor, criteria: ReconciliationFilter) -> Page[Reconciliation]:
    """Reconciliations of the provider, the latest first."""
    query = select(Reconciliation).where(Reconciliation.provider_id == actor.provider_id)
    if criteria.state:
        query = query.where(Reconciliation.state == criteria.state)
    return page_of(session, query.order_by(Reconciliation.id.desc()), criteria.paging)


def get(session: Session, actor: Actor, reconciliation_id: int) -> Reconciliation:
    """One reconciliation."""
    return get_owned(session, actor, Reconciliation, reconciliation_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationWithSummary:
    """A reconciliation with its differences in numbers: how many of each kind ended in each state."""

    id: int
    first_day: date
    last_day: date
    state: ReconciliationState
    started_at: datetime
    finished_at: datetime | None
    visits_here: int | None
    visits_there: int | None
    failure: str | None
    differences: Mapping[str, Mapping[str, int]]


def get_with_summary(session: Session, actor: Actor, reconciliation_id: int) -> ReconciliationWithSummary:
    """One reconciliation with its differences in numbers; there may be too many to tell them all at once."""
    row = get(session, actor, reconciliation_id)
    told = {
        each.name: getattr(row, each.name) for each in fields(ReconciliationWithSummary) if each.name != "differences"
    }
    return ReconciliationWithSummary(**told, differences=_summary(session, row.id))


def _summary(session: Session, reconciliation_id: int) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    query = select(Difference.kind, Difference.state, func.count()).where(
        Difference.reconciliation_id == reconciliation_id
    )
    for kind, state, count in session.execute(query.group_by(Difference.kind, Difference.state)):
        counted.setdefault(kind.value, {})[state.value] = count
    return counted


def find_differences(session: Session, actor: Actor, criteria: DifferenceFilter) -> Page[Difference]:
    """Differences of the provider, the oldest first; who lists them does not see the women."""
    query = select(Difference).join(Difference.reconciliation)
    query = query.where(Reconciliation.provider_id == actor.provider_id, Difference.state == criteria.state)
    if criteria.reconciliation_id is not None:
        query = query.where(Difference.reconciliation_id == criteria.reconciliation_id)
    if criteria.kind:
        query = query.where(Difference.kind == criteria.kind)
    return page_of(session, query.order_by(Difference.id), criteria.paging)


def get_with_woman(session: Session, actor: Actor, difference_id: int) -> Difference:
    """One difference with all that the centre holds; noted in the audit log."""
    query = select(Difference).join(Difference.reconciliation).options(joinedload(Difference.visit))
    query = query.where(Difference.id == difference_id, Reconciliation.provider_id == actor.provider_id)
    difference = session.scalars(query).one_or_none()
    if difference is None:
        raise DomainError("not_found", what=f"Difference {difference_id}")
    audit(session, actor, "read", "reconciliation_difference", difference.id)
    if difference.visit is not None:
        audit(session, actor, "read", "woman", difference.visit.woman_id)
    return difference


def decide(
    session: Session, actor: Actor, difference_id: int, command: DecisionOnDifference, now: datetime
) -> Difference:
    """Settles an open difference as a person says.

    Raises:
        DomainError: `not_found`, `difference_settled`; `decision_not_possible`, there is nothing here to send or
            nothing there to take over.
    """
    difference = _locked(session, actor, difference_id)
    if difference.state is not DifferenceState.OPEN:
        raise DomainError("difference_settled", state=difference.state.value)
    if command.decision is Decision.RESEND:
        _send_again(session, actor, difference)
    elif command.decision is Decision.DISMISS:
        difference.state = DifferenceState.DISMISSED
    elif difference.content is None:
        raise DomainError("decision_not_possible")
    else:
        _take_over(session, actor, difference, _change(difference.content), now, forced=True)
    difference.decided_by, difference.decided_at, difference.note = actor.user_id, now, command.note
    audit(session, actor, command.decision.value, "reconciliation_difference", difference.id)
    session.flush()
    return difference


def waiting(session: Session, actor: Actor) -> int:
    """How many differences wait for a person."""
    query = select(func.count()).select_from(Difference).join(Difference.reconciliation)
    own = Reconciliation.provider_id == actor.provider_id
    return session.scalar(query.where(own, Difference.state == DifferenceState.OPEN)) or 0
