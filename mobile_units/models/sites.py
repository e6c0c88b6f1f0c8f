"""Sites where a unit may stand, and how many women are due there."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Owned, Versioned, vocabulary
from mobile_units.rules.programmes import Programme


class Site(Owned, Versioned, Base):
    """A place for a vehicle (miejsce postoju); degrees are WGS 84.

    `teryt` is the gmina's 7-character code where known; `logistics` notes ground, power, water and the like;
    `source` says where the data come from.
    """

    __tablename__ = "sites"
    __table_args__ = (
        UniqueConstraint("provider_id", "code"),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="coordinates"),
        CheckConstraint("teryt ~ '^[0-9]{7}$'", name="teryt"),
        CheckConstraint("population >= 0", name="population"),
        CheckConstraint("days_max BETWEEN 1 AND 92", name="days_max"),
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
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[CreatedAt]

    demands: Mapped[list["SiteDemand"]] = relationship(order_by="SiteDemand.programme", cascade="all, delete-orphan")


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
