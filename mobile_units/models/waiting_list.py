"""The waiting list: women who wait for a place at a stop or in an area."""

from datetime import date, time

from sqlalchemy import ARRAY, CheckConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobile_units.models.base import Base, CreatedAt, Instant, Owned, Versioned, reference, vocabulary
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.waiting import OPEN, WaitingStatus

_OPEN = ", ".join(f"'{status}'" for status in sorted(OPEN))


class WaitingListEntry(Owned, Versioned, Base):
    """A woman who waits for a place on a path at a stop, or in an area: sites whose TERYT code begins with `teryt`.

    Days, weekdays (ISO) and the hours from `after` to `before` (Polish time, None is open) are when she can come. Those
    who wait are served by `queued_at`, urgent women first. `visit_id` is the visit that holds the place offered last,
    `answer_by` until when.
    """

    __tablename__ = "waiting_list_entries"
    __table_args__ = (
        CheckConstraint("(stop_id IS NULL) <> (teryt IS NULL)", name="stop_or_area"),
        CheckConstraint("teryt ~ '^[0-9]{2}([0-9]{2}([0-9]{2,3})?)?$'", name="teryt"),
        CheckConstraint("first_day <= last_day", name="days"),
        CheckConstraint("after < before", name="hours"),
        CheckConstraint("weekdays <@ ARRAY[1,2,3,4,5,6,7]::smallint[] AND cardinality(weekdays) > 0", name="weekdays"),
        CheckConstraint("(status = 'offered') = (answer_by IS NOT NULL)", name="offered_until"),
        CheckConstraint("visit_id IS NOT NULL OR status NOT IN ('offered', 'booked')", name="has_visit"),
        Index(
            "uq_waiting_list_entries_one_open_per_woman_and_programme",
            "woman_id",
            "programme",
            unique=True,
            postgresql_where=text(f"status IN ({_OPEN})"),
        ),
        Index("ix_waiting_list_entries_queue", "path", "queued_at", postgresql_where=text("status = 'waiting'")),
    )

    woman_id: Mapped[int] = reference("women.id")
    programme: Mapped[Programme] = mapped_column(vocabulary(Programme, "programme"))
    path: Mapped[Path] = mapped_column(vocabulary(Path, "path"))
    channel: Mapped[BookingChannel] = mapped_column(vocabulary(BookingChannel, "channel"), default=BookingChannel.DESK)
    urgent: Mapped[bool] = mapped_column(default=False)
    stop_id: Mapped[int | None] = reference("stops.id")
    teryt: Mapped[str | None]
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), default=lambda: list(range(1, 8)))
    after: Mapped[time | None]
    before: Mapped[time | None]
    status: Mapped[WaitingStatus] = mapped_column(vocabulary(WaitingStatus, "status"), default=WaitingStatus.WAITING)
    visit_id: Mapped[int | None] = reference("visits.id")
    answer_by: Mapped[Instant | None]
    queued_at: Mapped[CreatedAt]
    created_at: Mapped[CreatedAt]

    woman: Mapped[Woman] = relationship()
    visit: Mapped[Visit | None] = relationship()
