"""Reconciliations: our visits compared with those of the central system, and each difference until it is settled."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.crypto import EncryptedJson, EncryptedText
from mobile_units.models.base import Base, CreatedAt, Instant, Key, Owned, reference, vocabulary
from mobile_units.models.visits import Visit


class ReconciliationState(StrEnum):
    """How far a comparison got."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class DifferenceKind(StrEnum):
    """How the two sides differ about one visit."""

    MISSING_THERE = "missing_there"
    UNKNOWN_HERE = "unknown_here"
    DIFFERS = "differs"
    CANCELLED_THERE = "cancelled_there"


class DifferenceState(StrEnum):
    """Whether a difference waits for a person, was sent again, taken over from the centre, or set aside."""

    OPEN = "open"
    SENT_AGAIN = "sent_again"
    TAKEN_OVER = "taken_over"
    DISMISSED = "dismissed"


class Reconciliation(Owned, Base):
    """A comparison of the visits whose slots lie on the days from `first_day` to `last_day`, both included.

    `leased_until` keeps a second one off while it is running; one whose lease ran out was interrupted.
    """

    __tablename__ = "reconciliations"
    __table_args__ = (
        CheckConstraint("first_day <= last_day", name="days"),
        CheckConstraint("(state = 'running') = (leased_until IS NOT NULL)", name="lease"),
        Index("uq_reconciliations_one_running", "provider_id", unique=True, postgresql_where=text("state = 'running'")),
    )

    first_day: Mapped[date]
    last_day: Mapped[date]
    state: Mapped[ReconciliationState] = mapped_column(
        vocabulary(ReconciliationState, "state"), default=ReconciliationState.RUNNING
    )
    started_at: Mapped[Instant]
    leased_until: Mapped[Instant | None]
    finished_at: Mapped[Instant | None]
    visits_here: Mapped[int | None]
    visits_there: Mapped[int | None]
    failure: Mapped[str | None]
    created_at: Mapped[CreatedAt]

    differences: Mapped[list["Difference"]] = relationship(order_by="Difference.id", back_populates="reconciliation")


class Difference(Base):
    """One visit about which the two sides differ; `content` is what the central system holds, empty if nothing."""

    __tablename__ = "reconciliation_differences"
    __table_args__ = (
        Index("ix_reconciliation_differences_open", "reconciliation_id", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[Key]
    reconciliation_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("reconciliations.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[DifferenceKind] = mapped_column(vocabulary(DifferenceKind, "kind"))
    fields: Mapped[str]
    visit_id: Mapped[int | None] = reference("visits.id")
    cer_root: Mapped[str]
    cer_extension: Mapped[str]
    content: Mapped[dict[str, Any] | None] = mapped_column(EncryptedJson)
    state: Mapped[DifferenceState] = mapped_column(vocabulary(DifferenceState, "state"), default=DifferenceState.OPEN)
    decided_by: Mapped[int | None] = reference("users.id")
    decided_at: Mapped[Instant | None]
    note: Mapped[str | None] = mapped_column(EncryptedText)
    created_at: Mapped[CreatedAt]

    reconciliation: Mapped[Reconciliation] = relationship(back_populates="differences")
    visit: Mapped[Visit | None] = relationship()
