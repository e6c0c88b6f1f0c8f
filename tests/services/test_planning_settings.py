"""What the terms of the objective are worth to a provider."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from threading import Barrier

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.planning import PlanningSettings
from mobile_units.planning.demand import DemandWeights
from mobile_units.planning.problem import Roads, Weights
from mobile_units.services import planning_settings
from mobile_units.services.actors import Actor
from mobile_units.services.planning_settings import NO_VERSION, Settings
from tests import factories
from tests.statements import refused


def values_of(kept: PlanningSettings) -> dict[str, float]:
    """The settings of a row."""
    return {name: getattr(kept, name) for name in asdict(Settings())}


def test_the_usual_settings_are_those_of_the_planner_and_of_the_table(session: Session, actor: Actor) -> None:
    """A provider that keeps none, one that keeps the defaults and a plan without any mean the same."""
    weights, roads, demand = Weights(), Roads(), DemandWeights()
    assert Settings() == Settings(
        **asdict(weights), **asdict(roads), overdue_weight=demand.overdue, underscreened_weight=demand.underscreened
    )
    session.add(row := PlanningSettings(provider_id=actor.provider_id))
    session.flush()
    assert values_of(row) == asdict(Settings())


def test_reading_the_usual_settings_stores_nothing(session: Session, actor: Actor) -> None:
    """They have no version yet."""
    read = planning_settings.get(session, actor)
    assert (read.version, values_of(read)) == (NO_VERSION, asdict(Settings()))
    session.flush()
    assert session.get(PlanningSettings, actor.provider_id) is None


def test_settings_are_replaced_as_they_were_read_and_audited(session: Session, actor: Actor) -> None:
    """The first time from no version; what was not given becomes the usual again."""
    first = planning_settings.put(session, actor, NO_VERSION, Settings(km_per_woman=5, speed_kmh=40))
    assert (first.version, first.km_per_woman, first.speed_kmh) == (1, 5, 40)
    second = planning_settings.put(session, actor, 1, Settings(speed_kmh=60))
    session.expire_all()
    kept = planning_settings.get(session, actor)
    assert (second.version, kept.version, values_of(kept)) == (2, 2, asdict(Settings(speed_kmh=60)))
    entries = session.scalars(select(AuditEntry).where(AuditEntry.provider_id == actor.provider_id)).all()
    told = {(each.action, each.subject, each.subject_id) for each in entries}
    assert (told, len(entries)) == ({("change", "planning_settings", actor.provider_id)}, 2)


def test_settings_that_somebody_changed_meanwhile_are_not_replaced(session: Session, actor: Actor) -> None:
    """Neither the first ones nor later ones; another provider's are another matter."""
    with refused("stale_version"):
        planning_settings.put(session, actor, 1, Settings())
    planning_settings.put(session, actor, NO_VERSION, Settings())
    for version in (NO_VERSION, 2):
        with refused("stale_version"):
            planning_settings.put(session, actor, version, Settings(km_per_woman=1))
    stranger = Actor(factories.provider(session).id)
    assert planning_settings.get(session, stranger).version == NO_VERSION


def test_of_two_first_settings_at_the_same_time_one_is_refused(engine: Engine) -> None:
    """On parallel connections; the primary key decides, and the refusal is that of any other stale change."""
    with db.transaction(engine) as session:
        actor = Actor(factories.provider(session).id)
    outcomes = [*_at_once(engine, actor, 5.0, 7.0)]
    assert sorted(outcomes) == ["kept", "stale_version"]
    with db.transaction(engine) as session:
        assert planning_settings.get(session, actor).km_per_woman == (5.0, 7.0)[outcomes.index("kept")]


def _at_once(engine: Engine, actor: Actor, *kilometres: float) -> list[str]:
    both_read = Barrier(len(kilometres), timeout=20)

    def attempt(km_per_woman: float) -> str:
        try:
            with db.transaction(engine) as session:
                planning_settings.get(session, actor)
                both_read.wait()
                planning_settings.put(session, actor, NO_VERSION, Settings(km_per_woman=km_per_woman))
        except DomainError as error:
            return error.code
        return "kept"

    with ThreadPoolExecutor(len(kilometres)) as threads:
        return list(threads.map(attempt, kilometres))
