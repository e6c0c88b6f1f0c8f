"""Mobile units, the programmes that they are equipped for, and where and when they may be planned."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, time
from operator import attrgetter
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site
from mobile_units.models.units import MobileUnit, UnitCapacity, UnitProgramme, UnitSite, UnitUnavailability
from mobile_units.rules.calendar import require_in_order
from mobile_units.rules.places import checked_voivodeships, features, require_in_poland
from mobile_units.rules.programmes import Programme
from mobile_units.rules.service_places import require_setting
from mobile_units.rules.units import HomeRule, require_case, require_mobile, require_offered, require_working_day
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import (
    Page,
    Paging,
    apply_change,
    get_owned,
    in_order,
    normalised,
    page_of,
    replace_parts,
)

PARTS = ("programmes", "unavailabilities", "permitted_sites", "capacities")
"""What a unit keeps in rows of other tables."""
_HOW_KEPT: Mapping[str, Callable[[Any], Any]] = {
    "weekdays": in_order,
    "voivodeships": checked_voivodeships,
    "needs": features,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUnitProgramme:
    """What a unit does in one programme: for which mobile service place, how fast, for how many women a day at most."""

    programme: Programme
    service_place_id: int
    women_per_day: int
    minutes_per_woman: int
    rooms: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailability:
    """Days on which a unit does not work, both included."""

    first_day: date
    last_day: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Women per day in a programme other than usual: at one site, or from one day to another while a crew works.

    Of several that apply the last one holds.
    """

    programme: Programme
    women_per_day: int
    site_id: int | None = None
    first_day: date | None = None
    last_day: date | None = None
    crew: str | None = None

    @property
    def case(self) -> tuple[Any, ...]:
        """What it is about."""
        return self.programme, self.site_id, self.first_day, self.last_day


@dataclass(frozen=True, slots=True)
class PermittedSite:
    """A site where a unit is permitted to stand."""

    site_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUnit:
    """A unit to be kept; `weekdays` are ISO numbers, hours are Polish local time.

    `voivodeships` (the first two digits of TERYT) and `permitted_sites` restrict where it may stand, if they name any;
    `needs` are features that a site must not lack.
    """

    code: str
    name: str
    base_latitude: float
    base_longitude: float
    weekdays: Sequence[int]
    opens: time
    closes: time
    setup_minutes: int = 0
    home_rule: HomeRule = HomeRule.STAYS_OUT
    max_relocation_km: float | None = None
    voivodeships: Sequence[str] = ()
    needs: Sequence[str] = ()
    programmes: Sequence[NewUnitProgramme] = ()
    unavailabilities: Sequence[Unavailability] = ()
    permitted_sites: Sequence[PermittedSite] = ()
    capacities: Sequence[Capacity] = ()


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
            `given_twice`, `outside_poland`, `voivodeship_unknown`, `period_reversed`, `period_incomplete`,
            `capacity_without_programme`, `capacity_without_case`; `not_found`, the service place of a programme or a
            site; `already_exists` (at flush), the code is taken.
    """
    _check(command)
    parts = {name: getattr(command, name) for name in PARTS}
    _check_references(session, actor, parts)
    values = normalised(asdict(command) | {name: [] for name in PARTS}, _HOW_KEPT)
    unit = MobileUnit(provider_id=actor.provider_id, active=True, **values)
    replace(unit, parts)
    session.add(unit)
    session.flush()
    audit(session, actor, "create", "unit", unit.id)
    return unit


def find(session: Session, actor: Actor, criteria: UnitFilter) -> Page[MobileUnit]:
    """Units of the provider, by name."""
    query = select(MobileUnit).where(MobileUnit.provider_id == actor.provider_id).options(*with_parts())
    if criteria.text:
        named = (MobileUnit.name, MobileUnit.code)
        query = query.where(or_(*(column.icontains(criteria.text, autoescape=True) for column in named)))
    if criteria.programme:
        query = query.where(MobileUnit.programmes.any(UnitProgramme.programme == criteria.programme))
    if criteria.active is not None:
        query = query.where(MobileUnit.active == criteria.active)
    return page_of(session, query.order_by(MobileUnit.name, MobileUnit.id), criteria.paging)


def get(session: Session, actor: Actor, unit_id: int) -> MobileUnit:
    """One unit with its parts."""
    return get_owned(session, actor, MobileUnit, unit_id, *with_parts())


def with_parts() -> list[Any]:
    """The options of a query that loads all parts of units."""
    return [selectinload(getattr(MobileUnit, name)) for name in PARTS]


def change(session: Session, actor: Actor, unit_id: int, version: int, values: Mapping[str, Any]) -> MobileUnit:
    """Changes the given fields; of the `PARTS` those that are given replace all that were known.

    Raises:
        DomainError: as `create`.
    """
    unit = get(session, actor, unit_id)
    known = {field.name: getattr(unit, field.name) for field in fields(NewUnit)}
    _check(NewUnit(**known | dict(values)))
    parts = {name: values[name] for name in PARTS if name in values}
    _check_references(session, actor, parts)
    own = {name: value for name, value in values.items() if name not in PARTS}
    apply_change(unit, version, normalised(own, _HOW_KEPT))
    replace(unit, parts)
    audit(session, actor, "change", "unit", unit.id)
    session.flush()
    return unit


def replace(unit: MobileUnit, parts: Mapping[str, Sequence[Any]]) -> None:
    """Makes the given parts, by their names in `PARTS`, the only ones of the unit.

    Raises:
        DomainError: `given_twice`.
    """
    if "programmes" in parts:
        replace_parts(unit.programmes, parts["programmes"], attrgetter("programme"), UnitProgramme)
    if "unavailabilities" in parts:
        days = attrgetter("first_day", "last_day")
        replace_parts(unit.unavailabilities, parts["unavailabilities"], days, UnitUnavailability)
    if "permitted_sites" in parts:
        replace_parts(unit.permitted_sites, parts["permitted_sites"], attrgetter("site_id"), UnitSite)
    if "capacities" in parts:
        _replace_capacities(unit, parts["capacities"])


def _replace_capacities(unit: MobileUnit, capacities: Sequence[Capacity]) -> None:
    """Every row is made anew: their keys tell which one was added last."""
    if len({each.case for each in capacities}) < len(capacities):
        raise DomainError("given_twice")
    unit.capacities[:] = [UnitCapacity(**asdict(each)) for each in capacities]


def retire(session: Session, actor: Actor, unit_id: int) -> None:
    """Takes a unit out of planning; its past stops keep it."""
    get(session, actor, unit_id).active = False
    audit(session, actor, "retire", "unit", unit_id)
    session.flush()


def _check(unit: NewUnit) -> None:
    require_in_poland(unit.base_latitude, unit.base_longitude)
    longest = max((each.minutes_per_woman for each in unit.programmes), default=0)
    require_working_day(unit.opens, unit.closes, unit.setup_minutes, longest)
    for away in unit.unavailabilities:
        require_in_order(away.first_day, away.last_day)
    check_capacities(unit.capacities, unit.programmes)


def check_capacities(
    capacities: Sequence[Capacity | UnitCapacity], programmes: Sequence[NewUnitProgramme | UnitProgramme]
) -> None:
    """Checks other numbers of women per day against the programmes of their unit.

    Raises:
        DomainError: `capacity_without_programme`, `capacity_without_case`, `period_incomplete`, `period_reversed`.
    """
    offered = {each.programme for each in programmes}
    for capacity in capacities:
        require_offered(capacity.programme, offered)
        require_case(capacity.site_id, capacity.first_day, capacity.last_day)


def _check_references(session: Session, actor: Actor, parts: Mapping[str, Sequence[Any]]) -> None:
    for each in parts.get("programmes", ()):
        place = get_owned(session, actor, ServicePlace, each.service_place_id)
        require_mobile(place.mobility, each.programme)
        require_setting(place.setting, [each.programme])
    about_sites = (*parts.get("permitted_sites", ()), *parts.get("capacities", ()))
    _require_sites(session, actor, {each.site_id for each in about_sites} - {None})


def _require_sites(session: Session, actor: Actor, wanted: Collection[int]) -> None:
    query = select(Site.id).where(Site.provider_id == actor.provider_id, Site.id.in_(wanted))
    missing = sorted(set(wanted) - set(session.scalars(query))) if wanted else []
    if missing:
        raise DomainError("not_found", what=f"Site {', '.join(map(str, missing))}")
