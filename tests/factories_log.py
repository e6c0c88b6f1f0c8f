"""The log of the hand-over as it would stand after some time: messages in any state, attempts, dependencies, links."""

import zlib
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.contracts import ContractRange
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import (
    AttemptOutcome,
    MessageState,
    OutboxDependency,
    OutboxMessage,
    TransmissionAttempt,
    TransmissionLink,
)
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_day
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import VisitStatus
from tests import factories, factories_booking

ENDPOINT = "https://cer.example/services/ObslugaCentralnejRejestracjiWS"
CERTIFICATE = "ab" * 32
ENVELOPE = "<Envelope><imie>***</imie></Envelope>"


def visit(session: Session, provider_id: int, day: date = factories_booking.DAY, **values: Any) -> Visit:
    """A booked visit of a woman of its own, in a slot of its own unless one is given."""
    slot: Slot = values.pop("slot", None) or factories_booking.slot(session, provider_id, day=day)
    contract_range = select(ContractRange).where(ContractRange.id == slot.schedule.contract_range_id)
    made = Visit(
        provider_id=provider_id,
        woman=factories_booking.woman(session, provider_id),
        slot=slot,
        programme=slot.schedule.programme,
        path=slot.schedule.path,
        contract_range=session.scalars(contract_range).one(),
        **{"status": VisitStatus.BOOKED, **values},
        held_until=slot.starts_at if values.get("status") is VisitStatus.HELD else None,
    )
    slot.taken += 1
    session.add(made)
    session.flush()
    return made


def message(
    session: Session,
    provider_id: int,
    state: MessageState = MessageState.PENDING,
    kind: MessageKind = MessageKind.SAVE_VISIT,
    subject_id: int | None = None,
    *,
    requires: Iterable[OutboxMessage] = (),
    **values: Any,
) -> OutboxMessage:
    """A message in a state, about a subject that need not exist, behind those that it requires."""
    made = OutboxMessage(
        provider_id=provider_id,
        kind=kind,
        subject_id=subject_id or 1_000_000 + factories.number(),
        state=state,
        **{"service_day": factories_booking.DAY, "attempts": 1, **values},
    )
    session.add(made)
    session.flush()
    session.add_all(OutboxDependency(message_id=made.id, requires_id=each.id) for each in requires)
    session.flush()
    return made


def of_visit(
    session: Session, visit: Visit, state: MessageState = MessageState.PENDING, **values: Any
) -> OutboxMessage:
    """The message about a visit, unless told otherwise the one that saves it."""
    kind = values.pop("kind", MessageKind.SAVE_VISIT)
    day = local_day(visit.slot.starts_at)
    return message(session, visit.provider_id, state, kind, visit.id, service_day=day, **values)


def attempt(  # noqa: PLR0917 -- what most tests tell an attempt by
    session: Session,
    about: OutboxMessage,
    at: datetime,
    outcome: AttemptOutcome = AttemptOutcome.DELIVERED,
    code: str | None = None,
    description: str | None = None,
    **values: Any,
) -> TransmissionAttempt:
    """An attempt that began at an instant and took 400 ms, signed, with its envelope kept."""
    made = TransmissionAttempt(
        message_id=about.id,
        started_at=at,
        outcome=outcome,
        code=code,
        description=description,
        **{
            "milliseconds": 400,
            "endpoint": ENDPOINT,
            "certificate": CERTIFICATE,
            "sent": zlib.compress(ENVELOPE.encode()),
            **values,
        },
    )
    session.add(made)
    session.flush()
    return made


def link(session: Session, provider_id: int, **values: Any) -> TransmissionLink:
    """The provider's connection in a state."""
    made = TransmissionLink(provider_id=provider_id, **values)
    session.add(made)
    session.flush()
    return made
