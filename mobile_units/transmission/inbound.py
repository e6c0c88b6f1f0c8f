"""What changes at the central system: fetched page by page, kept, and taken over one change after the other.

For each provider: take the lease on its cursor (a transaction), fetch a page with no transaction open, keep its changes
together with the new cursor (a transaction), then take over what was kept, each change in a transaction of its own.
Killed at any point, nothing is lost: what was fetched and not kept is fetched again, what was kept and not taken over
is taken over in the next round. Nothing is doubled either, because a change is kept once, by its digest.

Who takes over is told by the caller, for the rules of visits are none of the transmission's business.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event

import structlog
from sqlalchemy import Engine, Update, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.errors import DomainError
from mobile_units.models.inbound import CHANGE_UNREADABLE, InboundChange, InboundCursor, InboundState
from mobile_units.models.providers import Provider
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.transmissions import TransmissionLink
from mobile_units.rules.visits import ChangedBy
from mobile_units.transmission import links
from mobile_units.transmission.gateway import Halted, Rejected, Retryable
from mobile_units.transmission.gateways import GatewayOf
from mobile_units.transmission.messages import (
    CentralChange,
    ChangesPage,
    ChangesQuery,
    UnreadableChange,
    visit_as_json,
)
from mobile_units.transmission.shared_clock import SharedClock

LEAST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=1)
LOOK_AGAIN_SECONDS = 0.2

Receive = Callable[[Session, int, int], InboundState]
"""Takes over a change, given the keys of the provider and of the change; says what became of it."""

log = structlog.get_logger()


@dataclass(slots=True)
class Reading:
    """What one round brought: changes fetched, those not known before, what became of them; a failure in words."""

    fetched: int = 0
    new: int = 0
    states: Counter[InboundState] = field(default_factory=Counter)
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class _Lease:
    provider_id: int
    cursor: str | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the changes of providers until `stop` is set; it belongs to one thread, because a gateway does.

    `calls_per_second` is the limit that readers and workers keep together for one provider; 0 is none.
    """

    engine: Engine
    gateway_of: GatewayOf
    receive: Receive
    lease_seconds: float
    stop: Event = field(default_factory=Event)
    calls_per_second: float = 0.0
    shared: SharedClock = field(default_factory=SharedClock)

    def read_all(self) -> dict[int, Reading]:
        """One round for every provider that may be asked for; a failure of one is none of the others."""
        readings = {each: self.read(each) for each in self.providers() if not self.stop.is_set()}
        return {provider_id: reading for provider_id, reading in readings.items() if reading is not None}

    def providers(self) -> Sequence[int]:
        """Those that can speak to the centre: each call names a service place, a halted link waits for a person."""
        with db.transaction(self.engine) as session:
            return session.scalars(_PROVIDERS).all()

    def read(self, provider_id: int, *, patient: bool = True) -> Reading | None:
        """One round for one provider.

        None if another reader holds the lease, or, being `patient`, if too little time went by since a failure.

        Raises:
            OperationalError: the database is unreachable; the lease runs out by itself.
        """
        lease = self._take_lease(provider_id, patient=patient)
        if lease is None:
            return None
        reading = Reading()
        self._take_over(provider_id, reading)
        self._follow(lease, reading)
        _log_reading(provider_id, reading)
        return reading

    def read_to_the_end(self, provider_id: int) -> str | None:
        """Reads all that changed until now; says why that failed.

        Another reader may have fetched a page and not kept it yet, so it is waited for, as long as a lease lasts.

        Raises:
            OperationalError: the database is unreachable.
        """
        deadline = clock.monotonic() + self.lease_seconds
        while (reading := self.read(provider_id, patient=False)) is None:
            if clock.monotonic() > deadline or self.stop.wait(LOOK_AGAIN_SECONDS):
                return "changes_being_read"
        return reading.failure

    def fetch(self, provider_id: int, query: ChangesQuery) -> ChangesPage | Retryable | Rejected | Halted:
        """Asks the centre when the limit of calls allows; an error of ours is tried again later, as one of its is.

        Raises:
            OperationalError: the database is unreachable.
        """
        links.await_turn(self.engine, self.shared, provider_id, self.calls_per_second)
        try:
            return self.gateway_of(provider_id).changes(query)
        except Exception as error:
            log.exception("changes_not_asked_for", provider=provider_id)
            return Retryable(reason=type(error).__name__)

    def _follow(self, lease: _Lease | None, reading: Reading) -> None:
        """Fetches, keeps and takes over until nothing more is there, or somebody else holds the lease."""
        more = True
        while more and lease is not None and not self.stop.is_set():
            page = self._fetch(lease)
            if not isinstance(page, ChangesPage):
                reading.failure = _words_of(page)
                break
            lease = self._keep(lease, page, reading)
            more = page.more
            if lease is not None:
                self._take_over(lease.provider_id, reading)
        if lease is None:
            reading.failure = "lease_lost"
        else:
            self._end_lease(lease, reading.failure)

    def _take_lease(self, provider_id: int, *, patient: bool) -> _Lease | None:
        now = clock.now()
        with db.transaction(self.engine) as session:
            session.execute(insert(InboundCursor).values(provider_id=provider_id).on_conflict_do_nothing())
            row = session.scalars(_CURSOR.where(InboundCursor.provider_id == provider_id)).one()
            if (row.leased_until and row.leased_until > now) or (patient and now < _next_try(row)):
                return None
            row.leased_until = now + timedelta(seconds=self.lease_seconds)
            return _Lease(provider_id, row.cursor, row.leased_until)

    def _fetch(self, lease: _Lease) -> ChangesPage | Retryable | Rejected | Halted:
        return self.fetch(lease.provider_id, ChangesQuery(cursor=lease.cursor))

    def _keep(self, lease: _Lease, page: ChangesPage, reading: Reading) -> _Lease | None:
        """Keeps the changes with the cursor behind them and renews the lease; None if the lease was lost."""
        until = clock.now() + timedelta(seconds=self.lease_seconds)
        with db.transaction(self.engine) as session:
            held = _held(lease).values(cursor=page.cursor, leased_until=until)
            if session.scalar(held.returning(InboundCursor.provider_id)) is None:
                return None
            new = keep(session, lease.provider_id, (*page.changes, *page.unreadable))
        for each in page.unreadable:
            log.warning("change_unreadable", provider=lease.provider_id, problem=each.problem)
        reading.fetched += len(page.changes) + len(page.unreadable)
        reading.new += len(new)
        return _Lease(lease.provider_id, page.cursor, until)

    def _end_lease(self, lease: _Lease, failure: str | None) -> None:
        now = clock.now()
        noted = {"failed_at": now, "failure": failure} if failure else {"read_at": now, "failed_at": None}
        with db.transaction(self.engine) as session:
            session.execute(_held(lease).values(leased_until=None, **({"failure": None} | noted)))

    def _take_over(self, provider_id: int, reading: Reading) -> None:
        with db.transaction(self.engine) as session:
            kept = session.scalars(_KEPT.where(InboundChange.provider_id == provider_id)).all()
        for change_id in kept:
            if self.stop.is_set():
                break
            reading.states[self._take_over_one(provider_id, change_id)] += 1

    def _take_over_one(self, provider_id: int, change_id: int) -> InboundState:
        """Takes over a change; what nobody thought of becomes a conflict, so that a person sees it."""
        try:
            with db.transaction(self.engine) as session:
                return self.receive(session, provider_id, change_id)
        except db.UNREACHABLE:
            raise
        except DomainError as refusal:
            code = refusal.code
        except Exception:
            log.exception("change_not_taken_over", change=change_id)
            code = "internal"
        with db.transaction(self.engine) as session:
            refused = update(InboundChange).where(
                InboundChange.id == change_id, InboundChange.state == InboundState.RECEIVED
            )
            session.execute(refused.values(state=InboundState.CONFLICT, code=code))
        return InboundState.CONFLICT


_HALTED = select(TransmissionLink.provider_id).where(TransmissionLink.halted_at.is_not(None))
_PROVIDERS = (
    select(Provider.id)
    .where(Provider.id.in_(select(ServicePlace.provider_id)), Provider.id.not_in(_HALTED))
    .order_by(Provider.id)
)
_CURSOR = select(InboundCursor).with_for_update()
_KEPT = (
    select(InboundChange.id)
    .where(InboundChange.state == InboundState.RECEIVED)
    .order_by(InboundChange.changed_at, InboundChange.id)
)


def _held(lease: _Lease) -> Update:
    return update(InboundCursor).where(
        InboundCursor.provider_id == lease.provider_id, InboundCursor.leased_until == lease.until
    )


def _next_try(row: InboundCursor) -> datetime:
    """After a failure as long as the failures have lasted, so that the waits double."""
    if row.failed_at is None:
        return datetime.min.replace(tzinfo=UTC)
    lasted = row.failed_at - (row.read_at or row.failed_at)
    return row.failed_at + min(max(lasted, LEAST_WAIT), LONGEST_WAIT)


def keep(session: Session, provider_id: int, changes: Iterable[CentralChange | UnreadableChange]) -> Sequence[int]:
    """Stores the changes that are not known yet; returns their keys.

    What we changed ourselves comes back as an echo: that it came is kept, what it says is known here. One that could
    not be read is kept as it was told, and waits for a person once it is its turn to be taken over.
    """
    now = clock.now()
    rows = [
        _unreadable_row(provider_id, each, now) if isinstance(each, UnreadableChange) else _row(provider_id, each)
        for each in changes
    ]
    if not rows:
        return []
    unique = insert(InboundChange).on_conflict_do_nothing(index_elements=["provider_id", "digest"])
    return session.scalars(unique.returning(InboundChange.id), rows).all()


def _row(provider_id: int, change: CentralChange) -> dict[str, object]:
    echo = change.by is ChangedBy.PROVIDER
    return {
        "provider_id": provider_id,
        "digest": change.digest,
        "cer_root": change.visit.identifier.root,
        "cer_extension": change.visit.identifier.extension,
        "changed_at": change.at,
        "changed_by": change.by,
        "content": {} if echo else {"visit": visit_as_json(change.visit)},
        "state": InboundState.ECHO if echo else InboundState.RECEIVED,
        "code": None,
    }


def _unreadable_row(provider_id: int, change: UnreadableChange, now: datetime) -> dict[str, object]:
    parts = {"cer_extension": change.identifier, "changed_at": change.at, "changed_by": change.by}
    unknown = [column for column, part in parts.items() if part is None]
    told = {"unreadable": {"xml": change.xml, "problem": change.problem, "unknown": unknown}}
    echo = change.by is ChangedBy.PROVIDER
    return {
        "provider_id": provider_id,
        "digest": change.digest,
        "cer_root": change.name.root,
        "cer_extension": change.name.extension,
        "changed_at": change.at or now,
        "changed_by": change.by or ChangedBy.SYSTEM,
        "content": {} if echo else told,
        "state": InboundState.ECHO if echo else InboundState.RECEIVED,
        "code": CHANGE_UNREADABLE,
    }


def _words_of(failure: Retryable | Rejected | Halted) -> str:
    text = failure.description if isinstance(failure, Rejected) else failure.reason
    return f"{failure.code}: {text}" if failure.code else text


def _log_reading(provider_id: int, reading: Reading) -> None:
    report = log.warning if reading.failure else log.info if reading.fetched else log.debug
    states = {state.value: count for state, count in reading.states.items()}
    report("changes_read", provider=provider_id, fetched=reading.fetched, new=reading.new, **states)
