"""The outbox: messages to the central e-registration, what each waits for, and every attempt to deliver them."""

from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Instant, Key, Owned, Uuid, reference, vocabulary
from mobile_units.rules.transmissions import MessageKind


class MessageState(StrEnum):
    """Where a message is on its way."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


NEVER_TRIED = "state = 'pending' AND attempts = 0"
"""A message in which a newer change of its subject may still travel: what was tried may have arrived already."""


class OutboxMessage(Owned, Base):
    """A message that was stored in the transaction that made it necessary.

    It names its subject (a row of the table that its kind implies) and holds no content: the worker reads the subject
    when it sends. `uuid` is the identifier that the receiver sees at every repetition. `uncertain` means that an
    earlier attempt may have arrived, so the receiver is asked before the message is sent again.
    """

    __tablename__ = "outbox_messages"
    __table_args__ = (
        Index(
            "uq_outbox_messages_pending_subject",
            "kind",
            "subject_id",
            unique=True,
            postgresql_where=text(NEVER_TRIED),
        ),
        Index("ix_outbox_messages_subject", "subject_id", "kind"),
        Index(
            "ix_outbox_messages_due",
            "service_day",
            "id",
            postgresql_where=text("state IN ('pending', 'in_progress')"),
        ),
        CheckConstraint("(state = 'in_progress') = (leased_until IS NOT NULL)", name="lease"),
    )

    uuid: Mapped[Uuid]
    kind: Mapped[MessageKind] = mapped_column(vocabulary(MessageKind, "kind"))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    service_day: Mapped[date]
    state: Mapped[MessageState] = mapped_column(vocabulary(MessageState, "state"), default=MessageState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    uncertain: Mapped[bool] = mapped_column(default=False)
    due_at: Mapped[Instant] = mapped_column(server_default=func.now())
    leased_until: Mapped[Instant | None]
    accepted_at: Mapped[Instant | None]
    created_at: Mapped[CreatedAt]

    log: Mapped[list["TransmissionAttempt"]] = relationship(order_by="TransmissionAttempt.id")
    waits_for: Mapped[list["OutboxMessage"]] = relationship(
        secondary="outbox_dependencies",
        primaryjoin="OutboxMessage.id == OutboxDependency.message_id",
        secondaryjoin="(OutboxDependency.requires_id == OutboxMessage.id) & (OutboxMessage.state != 'accepted')",
        order_by="OutboxMessage.id",
        viewonly=True,
    )

    @property
    def blocked(self) -> bool:
        """Whether it waits for messages that are not accepted."""
        return bool(self.waits_for)


class OutboxDependency(Base):
    """`message_id` may be sent only after `requires_id` was accepted."""

    __tablename__ = "outbox_dependencies"

    message_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("outbox_messages.id", ondelete="CASCADE"), primary_key=True
    )
    requires_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("outbox_messages.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class AttemptOutcome(StrEnum):
    """How an attempt ended, named by what is done next."""

    DELIVERED = "delivered"
    ALREADY_DELIVERED = "already_delivered"
    REJECTED = "rejected"
    RETRYABLE = "retryable"
    OUTCOME_UNKNOWN = "outcome_unknown"
    HALTED = "halted"


class TransmissionAttempt(Base):
    """One attempt to deliver a message: evidence of what was tried, when and with what answer.

    `code` and `description` are the receiver's, freed of personal data.
    """

    __tablename__ = "transmission_attempts"

    id: Mapped[Key]
    message_id: Mapped[int] = reference("outbox_messages.id")
    started_at: Mapped[Instant]
    milliseconds: Mapped[int]
    outcome: Mapped[AttemptOutcome] = mapped_column(vocabulary(AttemptOutcome, "outcome"))
    code: Mapped[str | None]
    description: Mapped[str | None]
    event_uuid: Mapped[str | None]
    endpoint: Mapped[str]
    created_at: Mapped[CreatedAt]
