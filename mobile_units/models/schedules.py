"""Schedules (harmonogramy): working time of a service place in one contract range."""

from datetime import date

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Instant, Key, Owned, Uuid, reference, vocabulary
from mobile_units.models.contracts import ContractRange
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.service_places import ServicePlace
from mobile_units.rules.programmes import Mobility, Path, Programme


class Schedule(Owned, Base):
    """Working time from `valid_from` to `valid_to`, both included.

    `mobile` is the checkbox Mobilny Punkt Obsługi: set exactly when there is a mobile point, and never for a
    stationary place. `accepted_at` and `slots_accepted_at` say when the central system took the schedule and its slots;
    `told_digest` is the digest of what it last accepted about the schedule, None if that is not known.

    `template_id`, `crew` and `overbooking_reason` come from the template that was applied last; the reason is what a
    woman is told who comes above the capacity of a slot.
    """

    __tablename__ = "schedules"
    __table_args__ = (
        UniqueConstraint("id", "service_place_id", "place_mobility", "mobile"),
        UniqueConstraint("mobile_point_id", "contract_range_id"),
        CheckConstraint("mobile = (mobile_point_id IS NOT NULL)", name="mobile_flag_needs_point"),
        CheckConstraint("place_mobility = 'mobile' OR NOT mobile", name="stationary_place_has_no_point"),
        CheckConstraint("valid_from <= valid_to", name="valid"),
        CheckConstraint("women_planned >= 0", name="women_planned"),
        ExcludeConstraint(
            (literal_column("int8range(service_place_id, service_place_id, '[]')"), "&&"),
            (literal_column("int8range(contract_range_id, contract_range_id, '[]')"), "&&"),
            (literal_column("daterange(valid_from, valid_to, '[]')"), "&&"),
            name="ex_schedules_stationary_once",
            where=text("NOT mobile"),
        ),
        ForeignKeyConstraint(
            ["service_place_id", "place_mobility"],
            ["service_places.id", "service_places.mobility"],
            name="fk_schedules_service_place",
        ),
        ForeignKeyConstraint(
            ["mobile_point_id", "service_place_id"],
            ["mobile_points.id", "mobile_points.service_place_id"],
            name="fk_schedules_mobile_point",
        ),
    )

    uuid: Mapped[Uuid]
    service_place_id: Mapped[int] = mapped_column(BigInteger, index=True)
    place_mobility: Mapped[Mobility] = mapped_column(vocabulary(Mobility, "place_mobility"))
    mobile: Mapped[bool]
    mobile_point_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    contract_range_id: Mapped[int] = reference("contract_ranges.id")
    programme: Mapped[Programme] = mapped_column(vocabulary(Programme, "programme"))
    path: Mapped[Path] = mapped_column(vocabulary(Path, "path"))
    valid_from: Mapped[date] = mapped_column(index=True)
    valid_to: Mapped[date]
    women_planned: Mapped[int]
    accepted_at: Mapped[Instant | None]
    slots_accepted_at: Mapped[Instant | None]
    told_digest: Mapped[str | None]
    template_id: Mapped[int | None] = reference("schedule_templates.id")
    crew: Mapped[str | None]
    overbooking_reason: Mapped[str | None]
    created_at: Mapped[CreatedAt]

    service_place: Mapped[ServicePlace] = relationship(overlaps="mobile_point")
    mobile_point: Mapped[MobilePoint | None] = relationship(overlaps="service_place")
    contract_range: Mapped[ContractRange] = relationship()
    hours: Mapped[list["ScheduleHours"]] = relationship(
        order_by="ScheduleHours.starts_at", cascade="all, delete-orphan"
    )


class ScheduleHours(Base):
    """One uninterrupted working time within a schedule."""

    __tablename__ = "schedule_hours"
    __table_args__ = (
        UniqueConstraint("schedule_id", "starts_at"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
    )

    id: Mapped[Key]
    schedule_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("schedules.id", ondelete="CASCADE"))
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
