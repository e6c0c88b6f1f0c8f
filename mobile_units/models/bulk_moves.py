"""Bulk moves: all the visits of a lost stop or a broken unit go elsewhere, or none."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Instant, Key, Owned, Versioned, reference, vocabulary
from mobile_units.models.visits import Visit
from mobile_units.rules.bulk_moves import BulkMoveStatus


class BulkMove(Owned, Versioned, Base):
    """A proposal to move visits, applied as a whole and, until something of it changes, undone as a whole.

    `scope` is which visits leave and which stops may take them, `weights` what a change is worth to a woman.
    """

    __tablename__ = "bulk_moves"
    __table_args__ = (
        CheckConstraint("(applied_at IS NULL) = (status IN ('proposed', 'discarded'))", name="applied"),
        CheckConstraint("(undone_at IS NULL) = (status <> 'undone')", name="undone"),
    )

    reason: Mapped[str]
    scope: Mapped[dict[str, Any]] = mapped_column(JSONB)
    weights: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[BulkMoveStatus] = mapped_column(
        vocabulary(BulkMoveStatus, "status"), default=BulkMoveStatus.PROPOSED
    )
    author_id: Mapped[int | None] = reference("users.id")
    created_at: Mapped[CreatedAt]
    applied_at: Mapped[Instant | None]
    undone_at: Mapped[Instant | None]

    rows: Mapped[list["BulkMoveRow"]] = relationship(order_by="BulkMoveRow.id", cascade="all, delete-orphan")


class BulkMoveRow(Base):
    """One visit of a bulk move, and the slot to which it goes; without one, `reason` is a code that says why.

    `position` is its place in the order of the hand-over. `new_visit_id` is what was booked, `restored_visit_id` what
    an undoing put back.
    """

    __tablename__ = "bulk_move_rows"
    __table_args__ = (
        UniqueConstraint("bulk_move_id", "visit_id"),
        CheckConstraint("to_slot_id IS NULL OR reason IS NULL", name="slot_or_reason"),
    )

    id: Mapped[Key]
    bulk_move_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("bulk_moves.id", ondelete="CASCADE"))
    visit_id: Mapped[int] = reference("visits.id")
    visit_version: Mapped[int]
    to_slot_id: Mapped[int | None] = reference("slots.id")
    by_hand: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str | None]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    km_farther: Mapped[float | None]
    days_later: Mapped[int | None]
    cost: Mapped[float | None]
    position: Mapped[int | None]
    new_visit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("visits.id"), unique=True)
    restored_visit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("visits.id"), unique=True)

    visit: Mapped[Visit] = relationship(foreign_keys=[visit_id])
    new_visit: Mapped[Visit | None] = relationship(foreign_keys=[new_visit_id])
