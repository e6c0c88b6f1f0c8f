"""Itineraries: which unit stands where, on which days and at what hours."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Instant, Key, Owned, Versioned, reference, vocabulary
from mobile_units.models.sites import Site
from mobile_units.models.units import MobileUnit


class ItineraryStatus(StrEnum):
    """Life of an itinerary; only a published one moves units, and a later version may supersede it."""

    DRAFT = "draft"
    APPROVED = "approved"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"

    @property
    def name_pl(self) -> str:
        """Polish name."""
        return _STATUS_PL[self]


_STATUS_PL = {
    ItineraryStatus.DRAFT: "szkic",
    ItineraryStatus.APPROVED: "zatwierdzona",
    ItineraryStatus.PUBLISHED: "opublikowana",
    ItineraryStatus.SUPERSEDED: "zastąpiona",
    ItineraryStatus.DISCARDED: "odrzucona",
}


class Itinerary(Owned, Versioned, Base):
    """A plan of a provider's units from `first_day` to `last_day`, both included.

    `planning` keeps how it came about: solver, seed, seconds, kilometres and the terms of the objective. A version that
    `revises` a published itinerary takes over its stops when it is published itself; `revises_version` is the state of
    the other one for which it was made, or with which it was compared when it was approved.
    """

    __tablename__ = "itineraries"
    __table_args__ = (
        UniqueConstraint("id", "status"),
        CheckConstraint("first_day <= last_day", name="days"),
        CheckConstraint("(revises_id IS NULL) = (revises_version IS NULL)", name="revises"),
    )

    name: Mapped[str]
    first_day: Mapped[date]
    last_day: Mapped[date]
    status: Mapped[ItineraryStatus] = mapped_column(
        vocabulary(ItineraryStatus, "status"), default=ItineraryStatus.DRAFT
    )
    planning: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    revises_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("itineraries.id"), index=True)
    revises_version: Mapped[int | None]
    created_at: Mapped[CreatedAt]
    approved_at: Mapped[Instant | None]
    published_at: Mapped[Instant | None]

    revises: Mapped["Itinerary | None"] = relationship(remote_side="Itinerary.id")
    stops: Mapped[list["Stop"]] = relationship(
        order_by="Stop.first_day, Stop.unit_id, Stop.id", back_populates="itinerary", cascade="all, delete-orphan"
    )


class Stop(Base):
    """The stay of one unit at one site (postój) within an itinerary; a published one without days was withdrawn.

    A `pinned` stop stays as it is in every plan that is made from the itinerary. In a version that revises another,
    `origin_id` is the published stop that it continues.
    """

    __tablename__ = "stops"
    __table_args__ = (
        UniqueConstraint("id", "itinerary_id", "unit_id"),
        CheckConstraint("first_day <= last_day", name="days"),
        CheckConstraint("women_planned >= 0", name="women_planned"),
    )

    id: Mapped[Key]
    itinerary_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("itineraries.id", ondelete="CASCADE"), index=True)
    unit_id: Mapped[int] = reference("mobile_units.id")
    site_id: Mapped[int] = reference("sites.id")
    first_day: Mapped[date] = mapped_column(index=True)
    last_day: Mapped[date]
    women_planned: Mapped[int]
    pinned: Mapped[bool] = mapped_column(default=False)
    origin_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("stops.id", ondelete="SET NULL"), index=True)

    itinerary: Mapped[Itinerary] = relationship(back_populates="stops")
    unit: Mapped[MobileUnit] = relationship()
    site: Mapped[Site] = relationship()
    days: Mapped[list["StopDay"]] = relationship(order_by="StopDay.opens_at", cascade="all, delete-orphan")


_SAME_UNIT_AT_ONE_TIME: tuple[tuple[ColumnElement[Any], str], ...] = (
    (literal_column("int8range(unit_id, unit_id, '[]')"), "&&"),
    (literal_column("tstzrange(opens_at, closes_at)"), "&&"),
)


class StopDay(Base):
    """The working hours of a stop on one day.

    Unit and status are copies that the foreign keys hold true, so that the database itself keeps a unit in one place
    at a time: within every itinerary, and across all published ones. Who lets units change places defers this to the
    end (see `services.itineraries.let_units_change_places`).
    """

    __tablename__ = "stop_days"
    __table_args__ = (
        UniqueConstraint("stop_id", "day"),
        CheckConstraint("opens_at < closes_at", name="opens_before_it_closes"),
        ForeignKeyConstraint(
            ["stop_id", "itinerary_id", "unit_id"],
            ["stops.id", "stops.itinerary_id", "stops.unit_id"],
            name="fk_stop_days_stop",
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        ForeignKeyConstraint(
            ["itinerary_id", "itinerary_status"],
            ["itineraries.id", "itineraries.status"],
            name="fk_stop_days_itinerary",
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        ExcludeConstraint(
            (literal_column("int8range(itinerary_id, itinerary_id, '[]')"), "&&"),
            *_SAME_UNIT_AT_ONE_TIME,
            name="ex_stop_days_unit_in_one_place_of_itinerary",
            deferrable=True,
            initially="IMMEDIATE",
        ),
        ExcludeConstraint(
            *_SAME_UNIT_AT_ONE_TIME,
            name="ex_stop_days_unit_in_one_place",
            deferrable=True,
            initially="IMMEDIATE",
            where=text("itinerary_status = 'published'"),
        ),
    )

    id: Mapped[Key]
    stop_id: Mapped[int] = mapped_column(BigInteger)
    itinerary_id: Mapped[int] = mapped_column(BigInteger)
    itinerary_status: Mapped[ItineraryStatus] = mapped_column(vocabulary(ItineraryStatus, "itinerary_status"))
    unit_id: Mapped[int] = mapped_column(BigInteger)
    day: Mapped[date]
    opens_at: Mapped[Instant]
    closes_at: Mapped[Instant]
