"""Mobile units: mammobuses, cytobuses and what they are equipped for."""

from datetime import time, timedelta

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Owned, Versioned, reference, vocabulary
from mobile_units.models.service_places import ServicePlace
from mobile_units.rules.programmes import Programme


class MobileUnit(Owned, Versioned, Base):
    """A vehicle with its base and working time; hours are Polish local time, weekdays are ISO numbers.

    `setup_minutes` pass before the first woman on the first day of a stop.
    """

    __tablename__ = "mobile_units"
    __table_args__ = (
        UniqueConstraint("provider_id", "code"),
        CheckConstraint("base_latitude BETWEEN -90 AND 90 AND base_longitude BETWEEN -180 AND 180", name="base"),
        CheckConstraint("opens < closes", name="opens_before_it_closes"),
        CheckConstraint("setup_minutes BETWEEN 0 AND 480", name="setup_minutes"),
        CheckConstraint("weekdays <@ ARRAY[1,2,3,4,5,6,7]::smallint[] AND cardinality(weekdays) > 0", name="weekdays"),
    )

    code: Mapped[str]
    name: Mapped[str]
    base_latitude: Mapped[float]
    base_longitude: Mapped[float]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    opens: Mapped[time]
    closes: Mapped[time]
    setup_minutes: Mapped[int] = mapped_column(SmallInteger, default=0)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[CreatedAt]

    @property
    def setup_time(self) -> timedelta:
        """How long the set-up takes on the first day of a stop."""
        return timedelta(minutes=self.setup_minutes)

    programmes: Mapped[list["UnitProgramme"]] = relationship(
        order_by="UnitProgramme.programme", cascade="all, delete-orphan"
    )


class UnitProgramme(Base):
    """What a unit does in one programme, for which service place, how fast and for how many women a day at the most."""

    __tablename__ = "unit_programmes"
    __table_args__ = (
        CheckConstraint("minutes_per_woman BETWEEN 1 AND 240", name="minutes_per_woman"),
        CheckConstraint("rooms BETWEEN 1 AND 20", name="rooms"),
        CheckConstraint("women_per_day BETWEEN 1 AND 1000", name="women_per_day"),
    )

    unit_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("mobile_units.id", ondelete="CASCADE"), primary_key=True
    )
    programme: Mapped[Programme] = mapped_column(vocabulary(Programme, "programme"), primary_key=True)
    service_place_id: Mapped[int] = reference("service_places.id")
    women_per_day: Mapped[int] = mapped_column(SmallInteger)
    minutes_per_woman: Mapped[int] = mapped_column(SmallInteger)
    rooms: Mapped[int] = mapped_column(SmallInteger, default=1)

    service_place: Mapped[ServicePlace] = relationship()
