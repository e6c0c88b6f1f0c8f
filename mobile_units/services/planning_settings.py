"""What the terms of the objective are worth to a provider, and how its units drive."""

from dataclasses import asdict, dataclass

from sqlalchemy.orm import Session

from mobile_units.models.planning import PlanningSettings
from mobile_units.planning.demand import ASSUMED_UPTAKE as ASSUMED_UPTAKE  # noqa: PLC0414 -- told with the settings
from mobile_units.planning.demand import WEIGHT_EN as WEIGHT_EN  # noqa: PLC0414 -- told with the settings
from mobile_units.planning.demand import WEIGHT_PL as WEIGHT_PL  # noqa: PLC0414 -- told with the settings
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import apply_change, require_version

NO_VERSION = 0
"""The version of settings that nobody has kept yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings (see `mobile_units.models.planning.PlanningSettings`); the defaults are the usual ones."""

    km_per_woman: float = 10.0
    crew_km_share: float = 0.3
    women_per_uneven_day: float = 0.2
    overdue_weight: float = 0.5
    underscreened_weight: float = 0.5
    road_factor: float = 1.3
    speed_kmh: float = 50.0
    drive_hours: float = 6.0
    crew_commute_km: float = 60.0


def get(session: Session, actor: Actor) -> PlanningSettings:
    """The settings of the provider; the usual ones with `NO_VERSION`, which are not stored, if it kept none."""
    kept = session.get(PlanningSettings, actor.provider_id)
    return kept or _of(actor, Settings(), NO_VERSION)


def put(session: Session, actor: Actor, version: int, settings: Settings) -> PlanningSettings:
    """Replaces all settings of the provider.

    Raises:
        DomainError: `stale_version`, also (at flush) if another one kept the first settings at the same time.
    """
    kept = get(session, actor)
    if kept.version == NO_VERSION:
        require_version(kept, version)
        kept = _of(actor, settings, NO_VERSION + 1)
        session.add(kept)
    else:
        apply_change(kept, version, asdict(settings))
    audit(session, actor, "change", "planning_settings", actor.provider_id)
    session.flush()
    return kept


def _of(actor: Actor, settings: Settings, version: int) -> PlanningSettings:
    return PlanningSettings(provider_id=actor.provider_id, version=version, **asdict(settings))
