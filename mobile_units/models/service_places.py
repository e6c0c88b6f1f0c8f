"""Service places (miejsca udzielania świadczeń, MUŚ) and the opening hours of stationary ones."""

from datetime import time
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Instant, Key, Owned, Versioned, vocabulary
from mobile_units.models.providers import Provider
from mobile_units.rules.programmes import Mobility, Programme, Setting


class ServicePlaceStatus(StrEnum):
    """How far the central e-registration knows a service place."""

    DRAFT = "draft"
    REGISTERED = "registered"
    ACTIVE = "active"


class ServicePlace(Owned, Versioned, Base):
    """An organisational cell in RPWDL where screening is done; `setting` is empty for the breast programme only.

    `told_digest` is the digest of what the central system last accepted about it, None if that is not known.
    """

    __tablename__ = "service_places"
    __table_args__ = (
        UniqueConstraint("provider_id", "cell_code"),
        UniqueConstraint("id", "mobility"),
        CheckConstraint("cell_code ~ '^[0-9]{3}$'", name="cell_code"),
        CheckConstraint("specialty_code ~ '^[0-9]{4}$'", name="specialty_code"),
    )

    name: Mapped[str]
    cell_code: Mapped[str]
    specialty_code: Mapped[str]
    mobility: Mapped[Mobility] = mapped_column(vocabulary(Mobility, "mobility"))
    setting: Mapped[Setting | None] = mapped_column(vocabulary(Setting, "setting"))
    address: Mapped[str]
    status: Mapped[ServicePlaceStatus] = mapped_column(
        vocabulary(ServicePlaceStatus, "status"), default=ServicePlaceStatus.DRAFT
    )
    registered_at: Mapped[Instant | None]
    activated_at: Mapped[Instant | None]
    told_digest: Mapped[str | None]
    created_at: Mapped[CreatedAt]

    provider: Mapped[Provider] = relationship()
    opening_hours: Mapped[list["OpeningHours"]] = relationship(
        order_by="OpeningHours.weekday, OpeningHours.opens", cascade="all, delete-orphan"
    )


class OpeningHours(Base):
    """When a stationary place examines in one programme, on one ISO weekday, in Polish local time."""

    __tablename__ = "opening_hours"
    __table_args__ = (
        UniqueConstraint("service_place_id", "programme", "weekday", "opens"),
        CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday"),
        CheckConstraint("opens < closes", name="opens_before_it_closes"),
        CheckConstraint("minutes_per_woman BETWEEN 1 AND 240", name="minutes_per_woman"),
        CheckConstraint("rooms BETWEEN 1 AND 20", name="rooms"),
    )

    id: Mapped[Key]
    service_place_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("service_places.id", ondelete="CASCADE"))
    programme: Mapped[Programme] = mapped_column(vocabulary(Programme, "programme"))
    weekday: Mapped[int] = mapped_column(SmallInteger)
    opens: Mapped[time]
    closes: Mapped[time]
    minutes_per_woman: Mapped[int] = mapped_column(SmallInteger)
    rooms: Mapped[int] = mapped_column(SmallInteger, default=1)
