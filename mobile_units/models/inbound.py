"""What came from the central system: how far its changes were read, and each change with what became of it."""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.crypto import EncryptedJson, EncryptedText
from mobile_units.models.base import Base, CreatedAt, Instant, Owned, reference, vocabulary
from mobile_units.models.visits import Visit
from mobile_units.rules.visits import ChangedBy

CHANGE_UNREADABLE = "change_unreadable"
"""The code of a change that could not be read."""


class InboundState(StrEnum):
    """What became of a change: taken over, nothing new to us, waiting for a person, or set aside by one.

    `superseded` means that a later change of the same visit says all that there is to say.
    """

    RECEIVED = "received"
    APPLIED = "applied"
    ECHO = "echo"
    CONFLICT = "conflict"
    DISMISSED = "dismissed"
    SUPERSEDED = "superseded"


class InboundCursor(Base):
    """How far the central system's changes were read for one provider; `leased_until` keeps a second reader off."""

    __tablename__ = "inbound_cursors"

    provider_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("providers.id"), primary_key=True)
    cursor: Mapped[str | None]
    leased_until: Mapped[Instant | None]
    read_at: Mapped[Instant | None]
    failed_at: Mapped[Instant | None]
    failure: Mapped[str | None]


class InboundChange(Owned, Base):
    """A change of a visit at the centre; rows are never deleted.

    `digest` identifies the state that was told, so that one that comes again is known. `content` is all of it, with the
    refusal of a conflict in words; of an echo, which is ours, it is empty. A conflict names its reason by the `code` of
    a refusal; `visit_id` is the local visit, once there is one.

    One that could not be read has the code `change_unreadable` from the beginning, and its XML as content; the columns
    that its content names as `unknown` have a stand-in: the digest without a root, when it was read here, the system.
    """

    __tablename__ = "inbound_changes"
    __table_args__ = (
        Index("uq_inbound_changes_digest", "provider_id", "digest", unique=True),
        Index(
            "ix_inbound_changes_open", "provider_id", "id", postgresql_where=text("state IN ('received', 'conflict')")
        ),
        Index("ix_inbound_changes_visit", "provider_id", "cer_root", "cer_extension"),
        CheckConstraint("state <> 'conflict' OR code IS NOT NULL", name="conflict_has_a_code"),
    )

    digest: Mapped[str]
    cer_root: Mapped[str]
    cer_extension: Mapped[str]
    changed_at: Mapped[Instant]
    changed_by: Mapped[ChangedBy] = mapped_column(vocabulary(ChangedBy, "changed_by"))
    content: Mapped[dict[str, Any]] = mapped_column(EncryptedJson)
    state: Mapped[InboundState] = mapped_column(vocabulary(InboundState, "state"), default=InboundState.RECEIVED)
    code: Mapped[str | None]
    visit_id: Mapped[int | None] = reference("visits.id")
    decided_by: Mapped[int | None] = reference("users.id")
    decided_at: Mapped[Instant | None]
    note: Mapped[str | None] = mapped_column(EncryptedText)
    created_at: Mapped[CreatedAt]

    visit: Mapped[Visit | None] = relationship()
