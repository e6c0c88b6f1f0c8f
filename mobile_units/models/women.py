"""Women: personal data, encrypted, found by a keyed hash."""

from enum import StrEnum
from typing import Any

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mobile_units.crypto import EncryptedJson, EncryptedText
from mobile_units.models.base import Base, CreatedAt, Owned, Versioned, vocabulary


class IdentityKind(StrEnum):
    """What identifies a woman."""

    PESEL = "pesel"
    DOCUMENT = "document"


class Woman(Owned, Versioned, Base):
    """A woman in a provider's care.

    `identity_number` is a PESEL or `<country>:<document number>`; `identity_hash` is its keyed hash. `birth_date` is
    an ISO date. `declaration` is what she told about her health: risk groups, exclusions and past examinations.
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
    declaration: Mapped[dict[str, Any]] = mapped_column(EncryptedJson, default=dict)
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        """Names the row, never the person."""
        return f"<Woman {self.id}>"
