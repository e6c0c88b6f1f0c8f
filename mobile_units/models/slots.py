"""Slots (terminy): bookable times of a schedule."""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
    or_,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, Instant, Key, Uuid, reference, vocabulary
from mobile_units.models.mixed_sessions import MixedSession
from mobile_units.models.schedules import Schedule
from mobile_units.rules.admission import Reservation
from mobile_units.rules.programmes import Mobility

BOOKABLE = "status = 'open' AND taken < capacity AND fits AND NOT kept_for_waiting"
"""The slots in which somebody may be booked; the predicate of the index by time, which serves searches everywhere."""

WITH_ROOM = "status = 'open' AND taken < capacity + extra AND fits AND NOT kept_for_waiting"
"""As `BOOKABLE`, extra places too; the predicate of the index by schedule, which serves searches near a place."""

ONLY_EXTRA = "status = 'open' AND taken >= capacity AND taken < capacity + extra AND fits AND NOT kept_for_waiting"
"""The slots that are full but for extra places; the predicate of their index by time, in which few slots ever are."""

SEVERAL = f"{BOOKABLE} AND capacity - taken > 1 AND session_id IS NULL"
"""The slots in which several women may be booked together; the predicate of their index by time."""

RESERVATION = "coalesce(reserved_for, '')"
"""Equal to something for every slot, as indexes want it: `IS NULL` would cost them their order."""

ORPHANED = "status = 'orphaned'"
"""The slots that only their visits keep; the predicate of the index that serves their list."""

UNSURE = -1
"""In the place of a number of places: the central system holds one that is not known."""


class SlotStatus(StrEnum):
    """Whether a slot may be booked.

    A withdrawn one is no part of its schedule until its time is worked again. An orphaned one would be withdrawn, but
    for its visits: nothing is booked into it, and when the last visit leaves, it is withdrawn.
    """

    OPEN = "open"
    BLOCKED = "blocked"
    ORPHANED = "orphaned"
    WITHDRAWN = "withdrawn"


GONE = frozenset({SlotStatus.ORPHANED, SlotStatus.WITHDRAWN})
"""The slots that their schedule offers no more."""


class Slot(Base):
    """A time in which `capacity` women can be examined; `taken` of the places are held by visits.

    It may be `reserved_for` some women alone. `extra` women may come above the capacity (overbooking), as many as its
    schedule gives a reason for. A place that was freed is `kept_for_waiting` until it was offered to those who wait.
    Where a slot shares rooms and crew with others, `fits` tells whether they have time for one more examination.

    `told_places` is how many places the central system has been told of and confirmed, None if it was never told of
    the slot, UNSURE if it was told but nobody knows which of several numbers it holds.

    Place and mobility are copies that the foreign key to the schedule holds true; with them the database refuses a
    slot of a stationary place on a mobile schedule.
    """

    __tablename__ = "slots"
    __table_args__ = (
        UniqueConstraint("schedule_id", "starts_at"),
        Index("ix_slots_bookable", text(RESERVATION), "starts_at", "id", postgresql_where=BOOKABLE),
        Index("ix_slots_several", text(RESERVATION), "starts_at", "id", postgresql_where=SEVERAL),
        Index("ix_slots_only_extra", text(RESERVATION), "starts_at", "id", postgresql_where=ONLY_EXTRA),
        Index("ix_slots_with_room", "schedule_id", text(RESERVATION), "starts_at", postgresql_where=WITH_ROOM),
        Index("ix_slots_kept_for_waiting", "starts_at", postgresql_where="kept_for_waiting"),
        Index("ix_slots_orphaned", "starts_at", postgresql_where=ORPHANED),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint("taken BETWEEN 0 AND capacity + extra", name="capacity"),
        CheckConstraint("extra >= 0", name="extra"),
        CheckConstraint("taken = 0 OR status <> 'withdrawn'", name="withdrawn_is_empty"),
        CheckConstraint("taken > 0 OR status <> 'orphaned'", name="orphaned_has_visits"),
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
    extra: Mapped[int] = mapped_column(SmallInteger, default=0)
    status: Mapped[SlotStatus] = mapped_column(vocabulary(SlotStatus, "status"), default=SlotStatus.OPEN)
    reserved_for: Mapped[Reservation | None] = mapped_column(vocabulary(Reservation, "reserved_for"))
    kept_for_waiting: Mapped[bool] = mapped_column(default=False)
    session_id: Mapped[int | None] = reference("mixed_sessions.id")
    fits: Mapped[bool] = mapped_column(default=True)

    told_places: Mapped[int | None] = mapped_column(SmallInteger)

    schedule: Mapped[Schedule] = relationship()
    session: Mapped[MixedSession | None] = relationship()


CLOSED: ColumnElement[bool] = or_(
    Slot.status != SlotStatus.OPEN,
    func.coalesce(Slot.reserved_for, Reservation.CENTRAL.value) != Reservation.CENTRAL,
    Slot.kept_for_waiting,
    ~Slot.fits,
)
"""Slots in which women may not book themselves: the central system is told of no more places than are taken."""
