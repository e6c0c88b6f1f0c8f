"""Women: personal data, encrypted, found by a keyed hash."""

from enum import StrEnum
from typing import Any

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.crypto import EncryptedJson, EncryptedText
from mobile_units.models.base import Base, CreatedAt, Instant, Owned, Versioned, reference, vocabulary
from mobile_units.rules.wording import Language


class IdentityKind(StrEnum):
    """What identifies a woman."""

    PESEL = "pesel"
    DOCUMENT = "document"


class Woman(Owned, Versioned, Base):
    """A woman in a provider's care.

    `identity_number` is a PESEL or `<country>:<document number>`; `identity_hash` is its keyed hash. `birth_date` is
    an ISO date. `declaration` is what she told about her health: risk groups, exclusions and past examinations.

    `email_consent_at` and `sms_consent_at` say when she agreed to be written to about her visits, None if she did not.
    One who was kept twice is `merged_into_id` the other for `merge_reason`; only her identity stays, so that she is
    found by it.
    """

    __tablename__ = "women"
    __table_args__ = (UniqueConstraint("provider_id", "identity_hash"),)

    identity_kind: Mapped[IdentityKind] = mapped_column(vocabulary(IdentityKind, "identity_kind"))
    identity_number: Mapped[str] = mapped_column(EncryptedText)
    identity_hash: Mapped[bytes] = mapped_column(LargeBinary)
    given_name: Mapped[str] = mapped_column(EncryptedText)
    family_name: Mapped[str] = mapped_column(EncryptedText)
    birth_date: Mapped[str] = mapped_column(EncryptedText)
    telephone: Mapped[str | None] = mapped_column(EncryptedText)
    email: Mapped[str | None] = mapped_column(EncryptedText)
    language: Mapped[Language] = mapped_column(vocabulary(Language, "language"), default=Language.POLISH)
    email_consent_at: Mapped[Instant | None]
    sms_consent_at: Mapped[Instant | None]
    merged_into_id: Mapped[int | None] = reference("women.id")
    merge_reason: Mapped[str | None] = mapped_column(EncryptedText)
    declaration: Mapped[dict[str, Any]] = mapped_column(EncryptedJson, default=dict)
    created_at: Mapped[CreatedAt]

    merged: Mapped[list["Woman"]] = relationship(viewonly=True)

    def __repr__(self) -> str:
        """Names the row, never the person."""
        return f"<Woman {self.id}>"
