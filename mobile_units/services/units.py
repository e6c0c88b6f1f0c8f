"""Mobile units and the programmes that they are equipped for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import time
from operator import attrgetter
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from mobile_units.models.service_places import ServicePlace
from mobile_units.models.units import MobileUnit, UnitProgramme
from mobile_units.rules.places import require_in_poland
from mobile_units.rules.programmes import Programme
from mobile_units.rules.service_places import require_setting
from mobile_units.rules.units import require_mobile, require_working_day
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, apply_change, get_owned, page_of, replace_parts


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUnitProgramme:
    """What a unit does in one programme: for which mobile service place, how fast, for how many women a day at most."""

    programme: Programme
    service_place_id: int
    women_per_day: int
    minutes_per_woman: int
    rooms: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUnit:
    """A unit to be kept; `weekdays` are ISO numbers, hours are Polish local time."""

    code: str
    name: str
    base_latitude: float
    base_longitude: float
    weekdays: Sequence[int]
    opens: time
    closes: time
    setup_minutes: int = 0
    programmes: Sequence[NewUnitProgramme] = ()


@dataclass(frozen=True, slots=True)
class UnitFilter:
    """Which units are wanted: `text` is part of name or code."""

    paging: Paging = Paging()
    text: str | None = None
    programme: Programme | None = None
    active: bool | None = None


def create(session: Session, actor: Actor, command: NewUnit) -> MobileUnit:
    """Keeps a new unit.

    Raises:
        DomainError: `ends_before_start`, `working_day_too_short`, `service_place_not_mobile`, `setting_missing`,
            `given_twice`, `outside_poland`; `not_found`, the service place of a programme; `already_exists` (at
            flush), the code is taken.
    """
    require_in_poland(command.base_latitude, command.base_longitude)
    _check_day(command.opens, command.closes, command.setup_minutes, command.programmes)
    _check_places(session, actor, command.programmes)
    values = asdict(command) | {"programmes": [], "weekdays": sorted(set(command.weekdays))}
    unit = MobileUnit(provider_id=actor.provider_id, active=True, **values)
    replace_parts(unit.programmes, command.programmes, attrgetter("programme"), UnitProgramme)
    session.add(unit)
    session.flush()
    audit(session, actor, "create", "unit", unit.id)
    return unit


def find(session: Session, actor: Actor, criteria: UnitFilter) -> Page[MobileUnit]:
    """Units of the provider, by name."""
    query = (
        select(MobileUnit)
        .where(MobileUnit.provider_id == actor.provider_id)
        .options(selectinload(MobileUnit.programmes))
    )
    if criteria.text:
        named = (MobileUnit.name, MobileUnit.code)
        query = query.where(or_(*(column.icontains(criteria.text, autoescape=True) for column in named)))
    if criteria.programme:
        query = query.where(MobileUnit.programmes.any(UnitProgramme.programme == criteria.programme))
    if criteria.active is not None:
        query = query.where(MobileUnit.active == criteria.active)
    return page_of(session, query.order_by(MobileUnit.name, MobileUnit.id), criteria.paging)


def get(session: Session, actor: Actor, unit_id: int) -> MobileUnit:
    """One unit with its programmes."""
    return get_owned(session, actor, MobileUnit, unit_id, selectinload(MobileUnit.programmes))


def change(session: Session, actor: Actor, unit_id: int, version: int, values: Mapping[str, Any]) -> MobileUnit:
    """Changes the given fields; `programmes`, if given, replace all that were known.

    Raises:
        DomainError: as `create`.
    """
    unit = get(session, actor, unit_id)
    values = dict(values)
    programmes = values.pop("programmes", None)
    if "weekdays" in values:
        values["weekdays"] = sorted(set(values["weekdays"]))
    require_in_poland(
        values.get("base_latitude", unit.base_latitude), values.get("base_longitude", unit.base_longitude)
    )
    opens, closes = values.get("opens", unit.opens), values.get("closes", unit.closes)
    setup_minutes = values.get("setup_minutes", unit.setup_minutes)
    _check_day(opens, closes, setup_minutes, unit.programmes if programmes is None else programmes)
    _check_places(session, actor, programmes or ())
    apply_change(unit, version, values)
    if programmes is not None:
        replace_parts(unit.programmes, programmes, attrgetter("programme"), UnitProgramme)
    audit(session, actor, "change", "unit", unit.id)
    session.flush()
    return unit


def retire(session: Session, actor: Actor, unit_id: int) -> None:
    """Takes a unit out of planning; its past stops keep it."""
    get(session, actor, unit_id).active = False
    audit(session, actor, "retire", "unit", unit_id)
    session.flush()


def _check_day(
    opens: time, closes: time, setup_minutes: int, programmes: Sequence[NewUnitProgramme | UnitProgramme]
) -> None:
    require_working_day(opens, closes, setup_minutes, max((each.minutes_per_woman for each in programmes), default=0))


def _check_places(session: Session, actor: Actor, programmes: Sequence[NewUnitProgramme]) -> None:
    for each in programmes:
        place = get_owned(session, actor, ServicePlace, each.service_place_id)
        require_mobile(place.mobility, each.programme)
        require_setting(place.setting, [each.programme])
