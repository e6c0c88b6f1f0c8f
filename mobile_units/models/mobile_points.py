"""Mobile points (Mobilne Punkty Obsługi): what the central e-registration knows of a stop's place."""

from datetime import date

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, relationship

from mobile_units.models.base import Base, CreatedAt, Instant, Owned, Uuid, reference
from mobile_units.models.itineraries import Stop
from mobile_units.models.service_places import ServicePlace


class MobilePoint(Owned, Base):
    """The place of one stop, handed over for one service place; `uuid` is its stable identifier at the wire.

    `told_digest` is the digest of what the central system last accepted about it, None if that is not known.
    """

    __tablename__ = "mobile_points"
    __table_args__ = (
        UniqueConstraint("service_place_id", "stop_id"),
        UniqueConstraint("id", "service_place_id"),
        CheckConstraint("valid_from <= valid_to", name="valid"),
    )

    uuid: Mapped[Uuid]
    service_place_id: Mapped[int] = reference("service_places.id")
    stop_id: Mapped[int] = reference("stops.id")
    name: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    accepted_at: Mapped[Instant | None]
    told_digest: Mapped[str | None]
    created_at: Mapped[CreatedAt]

    service_place: Mapped[ServicePlace] = relationship()
    stop: Mapped[Stop] = relationship()
