"""Slots (terminy): bookable times of a schedule."""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, Instant, Key, Uuid, vocabulary
from mobile_units.models.schedules import Schedule
from mobile_units.rules.programmes import Mobility

UNSURE = -1
"""In the place of a number of places: the central system holds one that is not known."""


class SlotStatus(StrEnum):
    """Whether a slot may be booked; a withdrawn one is no part of its schedule until its time is worked again."""

    OPEN = "open"
    BLOCKED = "blocked"
    WITHDRAWN = "withdrawn"


class Slot(Base):
    """A time in which `capacity` women can be examined; `taken` of the places are held by visits.

    `told_places` is how many places the central system has been told of and confirmed, None if it was never told of
    the slot, UNSURE if it was told but nobody knows which of several numbers it holds.

    Place and mobility are copies that the foreign key to the schedule holds true; with them the database refuses a
    slot of a stationary place on a mobile schedule.
    """

    __tablename__ = "slots"
    __table_args__ = (
        UniqueConstraint("schedule_id", "starts_at"),
        Index("ix_slots_bookable", "starts_at", postgresql_where="status = 'open' AND taken < capacity"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint("taken BETWEEN 0 AND capacity", name="capacity"),
        CheckConstraint("taken = 0 OR status <> 'withdrawn'", name="withdrawn_is_empty"),
        CheckConstraint("place_mobility = 'mobile' OR NOT mobile", name="stationary_place_on_stationary_schedule"),
        ForeignKeyConstraint(
            ["schedule_id", "service_place_id", "place_mobility", "mobile"],
            ["schedules.id", "schedules.service_place_id", "schedules.place_mobility", "schedules.mobile"],
            name="fk_slots_schedule",
        ),
    )

    id: Mapped[Key]
    uuid: Mapped[Uuid]
    schedule_id: Mapped[int] = mapped_column(BigInteger)
    service_place_id: Mapped[int] = mapped_column(BigInteger)
    place_mobility: Mapped[Mobility] = mapped_column(vocabulary(Mobility, "place_mobility"))
    mobile: Mapped[bool]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    capacity: Mapped[int] = mapped_column(SmallInteger)
    taken: Mapped[int] = mapped_column(SmallInteger, default=0)
    status: Mapped[SlotStatus] = mapped_column(vocabulary(SlotStatus, "status"), default=SlotStatus.OPEN)

    told_places: Mapped[int | None] = mapped_column(SmallInteger)

    schedule: Mapped[Schedule] = relationship()
