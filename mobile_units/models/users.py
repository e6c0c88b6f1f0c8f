"""Users of one provider, their roles, and their tokens for the API."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, DateTime, ForeignKey, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Instant, Key, Owned, Versioned
from mobile_units.rules.roles import Role

_ROLES = ", ".join(f"'{role}'" for role in Role)


class User(Owned, Versioned, Base):
    """A person who signs in; raising `session_epoch` ends all her sessions."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(f"roles <@ ARRAY[{_ROLES}] AND cardinality(roles) > 0", name="roles"),
        CheckConstraint("login = lower(login)", name="login"),
    )

    login: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    active: Mapped[bool] = mapped_column(default=True)
    session_epoch: Mapped[int] = mapped_column(default=1)
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[Instant | None]
    created_at: Mapped[CreatedAt]


class ApiToken(Base):
    """A secret for the API that acts as its user; only its SHA-256 is kept."""

    __tablename__ = "api_tokens"

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id"), index=True)
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[Instant | None]
    created_at: Mapped[CreatedAt]

    user: Mapped[User] = relationship()
