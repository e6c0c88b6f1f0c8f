"""Schedule templates, and the days on which a place works otherwise than its template says."""

from datetime import date
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mobile_units.models.base import Base, CreatedAt, Owned, Versioned, reference


class ScheduleTemplate(Owned, Versioned, Base):
    """A usual week of work under a name; `content` is a `rules.templates.Template`, written by `services.templates`."""

    __tablename__ = "schedule_templates"
    __table_args__ = (UniqueConstraint("provider_id", "name"),)

    name: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[CreatedAt]


class DatedException(Owned, Versioned, Base):
    """Other hours of a service place on one day, also on a public holiday; none at all, if `hours` is empty."""

    __tablename__ = "dated_exceptions"
    __table_args__ = (UniqueConstraint("service_place_id", "day"),)

    service_place_id: Mapped[int] = reference("service_places.id")
    day: Mapped[date]
    hours: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    reason: Mapped[str]
    created_at: Mapped[CreatedAt]
