"""What planning keeps beside itineraries: its settings, its jobs, and addresses that were looked up."""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mobile_units.models.base import Base, CreatedAt, Instant, Key, Owned, Versioned, reference, vocabulary


class PlanningSettings(Versioned, Base):
    """What the terms of the objective are worth to a provider, and how its units drive (see `planning.problem`).

    `overdue_weight` is what a woman counts more at a site where no unit stood for four years, `underscreened_weight`
    what she counts more in a gmina where nobody is screened (see `planning.demand.weight_of`).
    """

    __tablename__ = "planning_settings"
    __table_args__ = (
        CheckConstraint("km_per_woman > 0", name="km_per_woman"),
        CheckConstraint("crew_km_share >= 0 AND women_per_uneven_day >= 0", name="terms"),
        CheckConstraint("overdue_weight >= 0 AND underscreened_weight >= 0", name="weights"),
        CheckConstraint("road_factor BETWEEN 1 AND 3", name="road_factor"),
        CheckConstraint("speed_kmh BETWEEN 10 AND 120 AND drive_hours BETWEEN 0.5 AND 24", name="driving"),
        CheckConstraint("crew_commute_km >= 0", name="crew_commute_km"),
    )

    provider_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("providers.id"), primary_key=True)
    km_per_woman: Mapped[float] = mapped_column(default=10.0)
    crew_km_share: Mapped[float] = mapped_column(default=0.3)
    women_per_uneven_day: Mapped[float] = mapped_column(default=0.2)
    overdue_weight: Mapped[float] = mapped_column(default=0.5)
    underscreened_weight: Mapped[float] = mapped_column(default=0.5)
    road_factor: Mapped[float] = mapped_column(default=1.3)
    speed_kmh: Mapped[float] = mapped_column(default=50.0)
    drive_hours: Mapped[float] = mapped_column(default=6.0)
    crew_commute_km: Mapped[float] = mapped_column(default=60.0)


class JobKind(StrEnum):
    """What is asked of the planner: a plan, or a plan that would be if something were different."""

    PLAN = "plan"
    WHAT_IF = "what_if"


class JobState(StrEnum):
    """Life of a planning job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PlanningJob(Owned, Base):
    """A piece of planning that a worker does; nothing is planned by it until somebody accepts its result.

    `request` is what was asked, `progress` the best so far, `result` the proposals, `failure` the refusal (code and
    facts) of a job that failed. While it runs it is leased; a lease that ran out means that its worker was lost, and
    another one begins anew. `itinerary_id` is the draft that was made of it.
    """

    __tablename__ = "planning_jobs"
    __table_args__ = (
        CheckConstraint("(state = 'running') = (leased_until IS NOT NULL)", name="running_is_leased"),
        CheckConstraint("(state = 'done') = (result IS NOT NULL)", name="done_has_result"),
        CheckConstraint("(state = 'failed') = (failure IS NOT NULL)", name="failed_has_failure"),
        Index("ix_planning_jobs_open", "id", postgresql_where=text("state IN ('queued', 'running')")),
    )

    kind: Mapped[JobKind] = mapped_column(vocabulary(JobKind, "kind"))
    state: Mapped[JobState] = mapped_column(vocabulary(JobState, "state"), default=JobState.QUEUED)
    request: Mapped[dict[str, Any]] = mapped_column(JSONB)
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    itinerary_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("itineraries.id"), index=True)
    author_id: Mapped[int | None] = reference("users.id")
    attempts: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[CreatedAt]
    started_at: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]
    leased_until: Mapped[Instant | None]


class GeocodedAddress(Base):
    """What a geocoder said of an address, so that it is asked once; without coordinates it knew nothing of it.

    `query` is the address as it was asked, with what is known of its gmina, in lower case and with single spaces.
    """

    __tablename__ = "geocoded_addresses"
    __table_args__ = (
        UniqueConstraint("geocoder", "query"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="coordinates"),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
    )

    id: Mapped[Key]
    geocoder: Mapped[str]
    query: Mapped[str]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    confidence: Mapped[float]
    found: Mapped[str | None]
    asked_at: Mapped[Instant]
