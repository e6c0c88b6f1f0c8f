"""Mixed sessions: working times in which slots of several paths share rooms and crew."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mobile_units.models.base import Base, Instant, Owned, reference


class MixedSession(Owned, Base):
    """The working time of one day at a stop or in a stationary place, as `rules.sessions.Session` judges it.

    `content` holds the minutes by path, rooms and crew with the paths that they serve, and the breaks. Who books into
    one of its slots locks the row first, because whether one more fits depends on all of them.
    """

    __tablename__ = "mixed_sessions"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint("(stop_id IS NULL) <> (service_place_id IS NULL)", name="stop_or_place"),
        Index("uq_mixed_sessions_stop_id_starts_at", "stop_id", "starts_at", unique=True),
        Index("uq_mixed_sessions_service_place_id_starts_at", "service_place_id", "starts_at", unique=True),
    )

    stop_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("stops.id"))
    service_place_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("service_places.id"))
    template_id: Mapped[int | None] = reference("schedule_templates.id")
    day: Mapped[date]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
