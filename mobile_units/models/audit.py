"""The audit log: who read or changed what about a woman, and who changed what else."""

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from mobile_units.models.base import Base, CreatedAt, Owned, reference


class AuditEntry(Owned, Base):
    """One act of one user (or of the system, `user_id` empty) on one object; rows are only ever added."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_subject", "subject", "subject_id"),)

    user_id: Mapped[int | None] = reference("users.id")
    action: Mapped[str]
    subject: Mapped[str]
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    request_id: Mapped[str | None]
    at: Mapped[CreatedAt]
