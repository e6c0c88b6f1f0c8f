"""Messages in the outbox, the subjects that they are about, and a central system that answers as told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.clock import WARSAW
from mobile_units.models.contracts import ContractRange
from mobile_units.models.initial_loads import InitialLoad, InitialLoadChunk, InitialLoadRow
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import VisitStatus
from mobile_units.transmission import deliveries, outbox, records
from mobile_units.transmission.deliveries import Attempt, ClaimedMessage
from mobile_units.transmission.gateway import Delivered, Halted, Outcome, Presence, Rejected, Retryable
from mobile_units.transmission.messages import ChangesPage, ChangesQuery, Message
from tests import factories, factories_booking

DAY = date(2027, 3, 10)
LEASE = 120.0


def message(
    session: Session,
    provider_id: int,
    kind: MessageKind = MessageKind.SAVE_VISIT,
    subject_id: int | None = None,
    *,
    day: date = DAY,
    requires: Iterable[OutboxMessage] = (),
) -> OutboxMessage:
    """A stored message, about a subject of its own unless one is given; the subject need not exist."""
    return outbox.enqueue(
        session,
        provider_id=provider_id,
        kind=kind,
        subject_id=subject_id or 1_000_000 + factories.number(),
        service_day=day,
        requires=requires,
    )


def claim(session: Session, after: float = 1.0) -> ClaimedMessage | None:
    """What a worker claims so many seconds from now."""
    claimed = deliveries.claim(session, later(after), LEASE)
    session.expire_all()
    return claimed


def must_claim(session: Session, after: float = 1.0) -> ClaimedMessage:
    """The same, where something is due."""
    claimed = claim(session, after)
    assert claimed is not None
    return claimed


def record(session: Session, claimed: ClaimedMessage, outcome: Outcome, after: float = 1.0) -> None:
    """Records a new attempt that ends so many seconds from now."""
    records.record(session, claimed, attempt(outcome), later(after))
    session.expire_all()


def attempt(outcome: Outcome) -> Attempt:
    """An attempt that starts now."""
    return Attempt(outcome, clock.now(), 12, "https://cer.example/services")


def later(seconds: float) -> datetime:
    """So many seconds from now."""
    return clock.now() + timedelta(seconds=seconds)


def visit(session: Session, provider_id: int, slot: Slot, status: VisitStatus = VisitStatus.BOOKED) -> Visit:
    """A visit of a woman of its own."""
    made = Visit(
        provider_id=provider_id,
        woman=factories_booking.woman(session, provider_id),
        slot=slot,
        programme=slot.schedule.programme,
        path=slot.schedule.path,
        contract_range=session.scalars(
            select(ContractRange).where(ContractRange.id == slot.schedule.contract_range_id)
        ).one(),
        status=status,
        held_until=later(600) if status is VisitStatus.HELD else None,
    )
    slot.taken += 1
    session.add(made)
    session.flush()
    return made


def hand_over(session: Session, schedule: Schedule) -> OutboxMessage:
    """Stores the messages of a mobile schedule in the order that the central system needs; returns the last."""
    day, last = schedule.valid_from, None
    subjects = {
        MessageKind.SAVE_SERVICE_PLACE: schedule.service_place_id,
        MessageKind.IMPORT_MOBILE_POINTS: schedule.mobile_point_id,
        MessageKind.SAVE_SCHEDULE: schedule.id,
        MessageKind.SAVE_SLOTS: schedule.id,
        MessageKind.ACTIVATE_SERVICE_PLACE: schedule.service_place_id,
    }
    for kind, subject_id in subjects.items():
        last = message(session, schedule.provider_id, kind, subject_id, day=day, requires=[last] if last else [])
    assert last is not None
    return last


def hand_over_visits(session: Session, provider_id: int, count: int) -> Sequence[OutboxMessage]:
    """Stores a schedule whose slot takes `count` women, as many visits, and the messages of all of it."""
    slot = factories_booking.slot(session, provider_id, capacity=count)
    activation = hand_over(session, slot.schedule)
    day = slot.starts_at.astimezone(WARSAW).date()
    visits = [visit(session, provider_id, slot) for _ in range(count)]
    return [
        message(session, provider_id, MessageKind.SAVE_VISIT, each.id, day=day, requires=[activation])
        for each in visits
    ]


def load_chunk(session: Session, visits: Sequence[Visit]) -> InitialLoadChunk:
    """A chunk of an initial load whose rows are these visits."""
    provider_id = visits[0].provider_id
    load = InitialLoad(provider_id=provider_id, file_name="zapisane.csv", digest=uuid4().hex)
    rows = [InitialLoadRow(row=number, visit_id=each.id) for number, each in enumerate(visits, 2)]
    chunk = InitialLoadChunk(provider_id=provider_id, number=1, rows=rows)
    load.chunks.append(chunk)
    session.add(load)
    session.flush()
    return chunk


@dataclass
class ScriptedGateway:
    """A central system that gives the prepared answers in turn, and accepts everything after them."""

    answers: list[Outcome] = field(default_factory=list)
    presence: Presence = Presence.ABSENT
    sent: list[Message] = field(default_factory=list)
    asked: list[Message] = field(default_factory=list)
    certificate: str | None = None
    last_sent: bytes | None = None

    def send(self, message: Message) -> Outcome:
        """The next prepared answer."""
        self.sent.append(message)
        return self.answers.pop(0) if self.answers else Delivered()

    def lookup(self, message: Message) -> Presence:
        """Always the same."""
        self.asked.append(message)
        return self.presence

    def changes(self, query: ChangesQuery) -> ChangesPage | Retryable | Rejected | Halted:
        """Nobody has prepared any."""
        return Rejected(code="NieobslugiwanaOperacja", rule=None, description=f"najwyżej {query.limit}")
