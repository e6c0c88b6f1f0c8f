"""Mobile units: mammobuses, cytobuses and what they are equipped for."""

from datetime import date, time, timedelta

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, SmallInteger, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Key, Owned, Versioned, reference, vocabulary
from mobile_units.models.service_places import ServicePlace
from mobile_units.rules.programmes import Programme
from mobile_units.rules.units import HomeRule


class MobileUnit(Owned, Versioned, Base):
    """A vehicle with its base and working time; hours are Polish local time, weekdays are ISO numbers.

    `setup_minutes` pass before the first woman on the first day of a stop. `max_relocation_km` is the longest drive in
    one piece. `voivodeships` (the first two digits of TERYT) and `permitted_sites` restrict where it may stand, each
    only if it names any; `needs` is what a place must not lack (see `Site.lacks`).
    """

    __tablename__ = "mobile_units"
    __table_args__ = (
        UniqueConstraint("provider_id", "code"),
        CheckConstraint("base_latitude BETWEEN -90 AND 90 AND base_longitude BETWEEN -180 AND 180", name="base"),
        CheckConstraint("opens < closes", name="opens_before_it_closes"),
        CheckConstraint("setup_minutes BETWEEN 0 AND 480", name="setup_minutes"),
        CheckConstraint("weekdays <@ ARRAY[1,2,3,4,5,6,7]::smallint[] AND cardinality(weekdays) > 0", name="weekdays"),
        CheckConstraint("max_relocation_km > 0", name="max_relocation_km"),
    )

    code: Mapped[str]
    name: Mapped[str]
    base_latitude: Mapped[float]
    base_longitude: Mapped[float]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    opens: Mapped[time]
    closes: Mapped[time]
    setup_minutes: Mapped[int] = mapped_column(SmallInteger, default=0)
    home_rule: Mapped[HomeRule] = mapped_column(vocabulary(HomeRule, "home_rule"), default=HomeRule.STAYS_OUT)
    max_relocation_km: Mapped[float | None]
    voivodeships: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    needs: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[CreatedAt]

    @property
    def setup_time(self) -> timedelta:
        """How long the set-up takes on the first day of a stop."""
        return timedelta(minutes=self.setup_minutes)

    programmes: Mapped[list["UnitProgramme"]] = relationship(
        order_by="UnitProgramme.programme", cascade="all, delete-orphan"
    )
    unavailabilities: Mapped[list["UnitUnavailability"]] = relationship(
        order_by="UnitUnavailability.first_day", cascade="all, delete-orphan"
    )
    capacities: Mapped[list["UnitCapacity"]] = relationship(order_by="UnitCapacity.id", cascade="all, delete-orphan")
    permitted_sites: Mapped[list["UnitSite"]] = relationship(order_by="UnitSite.site_id", cascade="all, delete-orphan")


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


class UnitUnavailability(Base):
    """Days on which a unit does not work, for service or repair, both included."""

    __tablename__ = "unit_unavailabilities"
    __table_args__ = (CheckConstraint("first_day <= last_day", name="days"),)

    id: Mapped[Key]
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("mobile_units.id", ondelete="CASCADE"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    reason: Mapped[str]


class UnitCapacity(Base):
    """Women per day in a programme other than the unit's usual number: at one site, or while another crew works.

    Without a site it holds everywhere, without days always; the one that was added last wins.
    """

    __tablename__ = "unit_capacities"
    __table_args__ = (
        CheckConstraint("women_per_day BETWEEN 0 AND 1000", name="women_per_day"),
        CheckConstraint("first_day <= last_day", name="days"),
        CheckConstraint("(first_day IS NULL) = (last_day IS NULL)", name="both_days"),
        CheckConstraint("site_id IS NOT NULL OR first_day IS NOT NULL", name="what_it_is_about"),
    )

    id: Mapped[Key]
    unit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("mobile_units.id", ondelete="CASCADE"), index=True)
    programme: Mapped[Programme] = mapped_column(vocabulary(Programme, "programme"))
    women_per_day: Mapped[int] = mapped_column(SmallInteger)
    site_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    crew: Mapped[str | None]


class UnitSite(Base):
    """A site where a unit is permitted to stand; a unit without any may stand everywhere."""

    __tablename__ = "unit_sites"

    unit_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("mobile_units.id", ondelete="CASCADE"), primary_key=True
    )
    site_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True, index=True
    )
