"""The outbox: messages to the central e-registration, what each waits for, and every attempt to deliver them."""

from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.crypto import EncryptedText
from mobile_units.models.base import Base, CreatedAt, Instant, Key, Owned, Uuid, reference, vocabulary
from mobile_units.rules.transmissions import MessageKind


class MessageState(StrEnum):
    """Where a message is on its way; `given_up` is the decision of a person not to send a rejected one again."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    GIVEN_UP = "given_up"


NEVER_TRIED = "state = 'pending' AND attempts = 0"
"""A message in which a newer change of its subject may still travel: what was tried may have arrived already."""
UNSETTLED = "state NOT IN ('accepted', 'given_up')"
"""A message that keeps waiting what requires it."""


class OutboxMessage(Owned, Base):
    """A message that was stored in the transaction that made it necessary.

    It names its subject (a row of the table that its kind implies) and holds no content: the worker reads the subject
    when it sends. `uuid` is the identifier that the receiver sees at every repetition. `uncertain` means that an
    earlier attempt may have arrived, so the receiver is asked before the message is sent again. `note` says why a
    person gave it up.
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
    decided_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id"))
    decided_at: Mapped[Instant | None]
    note: Mapped[str | None] = mapped_column(EncryptedText)
    created_at: Mapped[CreatedAt]

    log: Mapped[list["TransmissionAttempt"]] = relationship(order_by="TransmissionAttempt.id")
    waits_for: Mapped[list["OutboxMessage"]] = relationship(
        secondary="outbox_dependencies",
        primaryjoin="OutboxMessage.id == OutboxDependency.message_id",
        secondaryjoin="(OutboxDependency.requires_id == OutboxMessage.id) & "
        "(OutboxMessage.state.not_in(['accepted', 'given_up']))",
        order_by="OutboxMessage.id",
        viewonly=True,
    )

    @property
    def blocked(self) -> bool:
        """Whether it waits for messages that are neither accepted nor given up."""
        return bool(self.waits_for)


class OutboxDependency(Base):
    """`message_id` may be sent only after `requires_id` was accepted or given up."""

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

    `code` and `description` are the receiver's, freed of personal data. `certificate` is the SHA-256 fingerprint of the
    one that signed. `sent` is the envelope, compressed by zlib, with personal data masked; empty if nothing left.
    """

    __tablename__ = "transmission_attempts"

    id: Mapped[Key]
    message_id: Mapped[int] = reference("outbox_messages.id")
    started_at: Mapped[Instant] = mapped_column(index=True)
    milliseconds: Mapped[int]
    outcome: Mapped[AttemptOutcome] = mapped_column(vocabulary(AttemptOutcome, "outcome"))
    code: Mapped[str | None]
    description: Mapped[str | None]
    event_uuid: Mapped[str | None]
    endpoint: Mapped[str]
    certificate: Mapped[str | None]
    sent: Mapped[bytes | None] = mapped_column(deferred=True)
    created_at: Mapped[CreatedAt]


class TransmissionLink(Base):
    """The connection of one provider to the central system, shared by all workers on all hosts.

    `failures` counts the calls in a row that got no answer of substance. Once there are too many, the circuit breaker
    has opened (`opened_at`), and one message alone is tried at `probe_at`. A link is halted when we are not let in; a
    person resumes it. `next_call_at` spaces the calls out.
    """

    __tablename__ = "transmission_links"
    __table_args__ = (
        CheckConstraint("failures >= 0", name="failures"),
        CheckConstraint("(opened_at IS NULL) = (probe_at IS NULL)", name="open_link_is_probed"),
        CheckConstraint("(halted_at IS NULL) = (halted_reason IS NULL)", name="halt_has_a_reason"),
    )

    provider_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("providers.id"), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[Instant | None]
    probe_at: Mapped[Instant | None]
    halted_at: Mapped[Instant | None]
    halted_code: Mapped[str | None]
    halted_reason: Mapped[str | None]
    next_call_at: Mapped[Instant | None]
