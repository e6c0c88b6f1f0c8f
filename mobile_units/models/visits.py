"""Visits: a woman's booked slot and the history of all that happened to it."""

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.crypto import EncryptedText
from mobile_units.models.base import Base, CreatedAt, Instant, Key, Owned, Uuid, Versioned, reference, vocabulary
from mobile_units.models.contracts import ContractRange
from mobile_units.models.slots import Slot
from mobile_units.models.women import Woman
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import ACTIVE, CancelledBy, VisitSource, VisitStatus

_ACTIVE = ", ".join(f"'{status}'" for status in sorted(ACTIVE))


class Visit(Owned, Versioned, Base):
    """A visit (wizyta); `passed_at` is when the central e-registration first accepted it under its path.

    At the wire it is known by `uuid` below the provider's own node, unless the central system booked it: then by
    `cer_root` and `cer_extension`.

    A `held` visit is a reservation that lasts until `held_until`; it is passed on when it is booked. An `overbooked`
    one took a place above the capacity of its slot.

    `override_reason` says why a rule of eligibility was set aside, if it was; it may tell of her health, so it is
    encrypted.
    """

    __tablename__ = "visits"
    __table_args__ = (
        Index(
            "uq_visits_one_active_per_woman_and_programme",
            "woman_id",
            "programme",
            unique=True,
            postgresql_where=text(f"status IN ({_ACTIVE})"),
        ),
        Index("uq_visits_idempotency_key", "provider_id", "idempotency_key", unique=True),
        Index("uq_visits_central_identifier", "provider_id", "cer_root", "cer_extension", unique=True),
        CheckConstraint("(cer_root IS NULL) = (cer_extension IS NULL)", name="central_identifier"),
        CheckConstraint("(status = 'cancelled') = (cancelled_by IS NOT NULL)", name="cancelled_by_whom"),
        CheckConstraint("char_length(idempotency_key) BETWEEN 8 AND 100", name="idempotency_key"),
        CheckConstraint("(status = 'held') = (held_until IS NOT NULL)", name="held_until"),
        Index("ix_visits_held_until", "held_until", postgresql_where=text("status = 'held'")),
    )

    uuid: Mapped[Uuid]
    woman_id: Mapped[int] = reference("women.id")
    slot_id: Mapped[int] = reference("slots.id")
    programme: Mapped[Programme] = mapped_column(vocabulary(Programme, "programme"))
    path: Mapped[Path] = mapped_column(vocabulary(Path, "path"))
    contract_range_id: Mapped[int] = reference("contract_ranges.id")
    status: Mapped[VisitStatus] = mapped_column(vocabulary(VisitStatus, "status"))
    cancelled_by: Mapped[CancelledBy | None] = mapped_column(vocabulary(CancelledBy, "cancelled_by"))
    urgent: Mapped[bool] = mapped_column(default=False)
    channel: Mapped[BookingChannel] = mapped_column(vocabulary(BookingChannel, "channel"), default=BookingChannel.DESK)
    held_until: Mapped[Instant | None]
    overbooked: Mapped[bool] = mapped_column(default=False)
    eligibility_rule_id: Mapped[int | None] = reference("eligibility_rules.id")
    override_reason: Mapped[str | None] = mapped_column(EncryptedText)
    idempotency_key: Mapped[str | None]
    moved_from: Mapped[UUID | None]
    source: Mapped[VisitSource] = mapped_column(vocabulary(VisitSource, "source"), default=VisitSource.PROVIDER)
    cer_root: Mapped[str | None]
    cer_extension: Mapped[str | None]
    passed_at: Mapped[Instant | None]
    created_at: Mapped[CreatedAt]

    woman: Mapped[Woman] = relationship()
    slot: Mapped[Slot] = relationship()
    contract_range: Mapped[ContractRange] = relationship()
    changes: Mapped[list["VisitChange"]] = relationship(order_by="VisitChange.id")

    @property
    def overridden(self) -> bool:
        """Whether a rule of eligibility was set aside."""
        return self.override_reason is not None


class VisitChange(Base):
    """One change of a visit's status; rows are only ever added."""

    __tablename__ = "visit_changes"

    id: Mapped[Key]
    visit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("visits.id"), index=True)
    from_status: Mapped[VisitStatus | None] = mapped_column(vocabulary(VisitStatus, "from_status"))
    to_status: Mapped[VisitStatus] = mapped_column(vocabulary(VisitStatus, "to_status"))
    reason: Mapped[str | None] = mapped_column(EncryptedText)
    user_id: Mapped[int | None] = reference("users.id")
    at: Mapped[CreatedAt]
