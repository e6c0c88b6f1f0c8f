"""Sites where a unit may stand, and how many women are due there."""

from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Key, Owned, Versioned, vocabulary
from mobile_units.rules.programmes import Programme

FOLDED = "translate(lower({}), 'ĄĆĘŁŃÓŚŹŻąćęłńóśźż', 'acelnoszzacelnoszz')"
"""A text without regard to capitals and to the Polish marks on letters; see `services.slot_search`."""


class Site(Owned, Versioned, Base):
    """A place for a vehicle (miejsce postoju); degrees are WGS 84.

    `teryt` is the gmina's 7-character code where known; `logistics` notes ground, power, water and the like;
    `source` says where the data come from. `location_confidence` is that of a geocoder, from 0 to 1, None where a
    person or a register gave the coordinates.

    For planning: a stay takes `days_min` to `days_max` days between `earliest` and `latest`, on `weekdays` (ISO
    numbers), outside the blackouts. Of the sites of an `alternative_group` one is chosen. `visits_max` stays are made
    at the most in one plan, `gap_days` or more lying between two. `priority` multiplies what a woman counts; `uptake`
    is the share of women screened in the gmina, from 0 to 1; `last_visit` is the last day on which a unit stood here
    before the product knew; `lacks` is what the place does not have of what units may need.

    `searchable` is what a search by text looks at.
    """

    __tablename__ = "sites"
    __table_args__ = (
        UniqueConstraint("provider_id", "code"),
        Index("ix_sites_gmina", "provider_id", text(FOLDED.format("gmina"))),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="coordinates"),
        CheckConstraint("teryt ~ '^[0-9]{7}$'", name="teryt"),
        CheckConstraint("population >= 0", name="population"),
        CheckConstraint("days_max BETWEEN 1 AND 92", name="days_max"),
        CheckConstraint("days_min BETWEEN 1 AND days_max", name="days_min"),
        CheckConstraint("earliest <= latest", name="window"),
        CheckConstraint("weekdays <@ ARRAY[1,2,3,4,5,6,7]::smallint[] AND cardinality(weekdays) > 0", name="weekdays"),
        CheckConstraint("priority > 0 AND priority <= 100", name="priority"),
        CheckConstraint("uptake BETWEEN 0 AND 1", name="uptake"),
        CheckConstraint("visits_max BETWEEN 1 AND 12", name="visits_max"),
        CheckConstraint("gap_days BETWEEN 0 AND 366", name="gap_days"),
        CheckConstraint("location_confidence BETWEEN 0 AND 1", name="location_confidence"),
    )

    code: Mapped[str]
    name: Mapped[str]
    locality: Mapped[str]
    landmark: Mapped[str | None]
    street: Mapped[str | None]
    gmina: Mapped[str | None]
    teryt: Mapped[str | None]
    latitude: Mapped[float]
    longitude: Mapped[float]
    population: Mapped[int | None]
    telephone: Mapped[str | None]
    logistics: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    days_max: Mapped[int] = mapped_column(default=5)
    source: Mapped[str | None]
    location_confidence: Mapped[float | None]
    days_min: Mapped[int] = mapped_column(default=1)
    earliest: Mapped[date | None]
    latest: Mapped[date | None]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), default=lambda: list(range(1, 8)))
    alternative_group: Mapped[str | None]
    priority: Mapped[float] = mapped_column(default=1.0)
    uptake: Mapped[float | None]
    last_visit: Mapped[date | None]
    visits_max: Mapped[int] = mapped_column(default=1)
    gap_days: Mapped[int] = mapped_column(default=0)
    lacks: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[CreatedAt]
    searchable: Mapped[str] = mapped_column(
        Computed(FOLDED.format("name || ' ' || locality || ' ' || coalesce(gmina, '')"), persisted=True), deferred=True
    )

    demands: Mapped[list["SiteDemand"]] = relationship(order_by="SiteDemand.programme", cascade="all, delete-orphan")
    blackouts: Mapped[list["SiteBlackout"]] = relationship(
        order_by="SiteBlackout.first_day", cascade="all, delete-orphan"
    )


class SiteBlackout(Base):
    """Days on which no unit can stand at a site, for a fair or works, both included."""

    __tablename__ = "site_blackouts"
    __table_args__ = (CheckConstraint("first_day <= last_day", name="days"),)

    id: Mapped[Key]
    site_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    reason: Mapped[str]


class SiteDemand(Base):
    """Women due for screening around a site in one programme; `estimated` unless a register counted them."""

    __tablename__ = "site_demands"
    __table_args__ = (CheckConstraint("women_due >= 0", name="women_due"),)

    site_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True)
    programme: Mapped[Programme] = mapped_column(vocabulary(Programme, "programme"), primary_key=True)
    women_due: Mapped[int]
    estimated: Mapped[bool]
    source: Mapped[str]
    as_of: Mapped[date]
