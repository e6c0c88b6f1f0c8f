"""Service places (MUŚ): where screening is done in the eyes of the registers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import time
from operator import attrgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from mobile_units.models.service_places import OpeningHours, ServicePlace, ServicePlaceStatus
from mobile_units.models.units import UnitProgramme
from mobile_units.rules.programmes import Mobility, Programme, Setting
from mobile_units.rules.service_places import require_opening_hours, require_setting
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, apply_change, get_owned, page_of, replace_parts
from mobile_units.transmission import outbox

_key = attrgetter("programme", "weekday", "opens")

HANDED_OVER = frozenset({"name", "address", "specialty_code"})
"""The fields that can change and that the central system keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOpeningHours:
    """When one programme is examined on one ISO weekday, Polish local time, in how many rooms at once."""

    programme: Programme
    weekday: int
    opens: time
    closes: time
    minutes_per_woman: int
    rooms: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewServicePlace:
    """A service place to be kept; `setting` may be empty where only the breast programme is done."""

    name: str
    cell_code: str
    specialty_code: str
    mobility: Mobility
    address: str
    setting: Setting | None = None
    opening_hours: Sequence[NewOpeningHours] = ()


@dataclass(frozen=True, slots=True)
class ServicePlaceFilter:
    """Which service places are wanted."""

    paging: Paging = Paging()
    mobility: Mobility | None = None
    setting: Setting | None = None
    status: ServicePlaceStatus | None = None


def create(session: Session, actor: Actor, command: NewServicePlace) -> ServicePlace:
    """Keeps a new service place as a draft; the hand-over registers and activates it.

    Raises:
        DomainError: `mobile_place_has_no_hours`, `ends_before_start`, `opening_hours_overlap`, `setting_missing`,
            `given_twice`; `already_exists` (at flush), the cell code is taken.
    """
    _check(command.mobility, command.setting, command.opening_hours)
    values = asdict(command) | {"opening_hours": []}
    place = ServicePlace(provider_id=actor.provider_id, **values)
    replace_parts(place.opening_hours, command.opening_hours, _key, OpeningHours)
    session.add(place)
    session.flush()
    audit(session, actor, "create", "service_place", place.id)
    return place


def find(session: Session, actor: Actor, criteria: ServicePlaceFilter) -> Page[ServicePlace]:
    """Service places of the provider, by cell code."""
    query = (
        select(ServicePlace)
        .where(ServicePlace.provider_id == actor.provider_id)
        .options(selectinload(ServicePlace.opening_hours))
    )
    for column in ("mobility", "setting", "status"):
        wanted = getattr(criteria, column)
        if wanted is not None:
            query = query.where(getattr(ServicePlace, column) == wanted)
    return page_of(session, query.order_by(ServicePlace.cell_code), criteria.paging)


def get(session: Session, actor: Actor, service_place_id: int) -> ServicePlace:
    """One service place with its opening hours."""
    return get_owned(session, actor, ServicePlace, service_place_id, selectinload(ServicePlace.opening_hours))


def change(
    session: Session, actor: Actor, service_place_id: int, version: int, values: Mapping[str, Any]
) -> ServicePlace:
    """Changes the given fields; `opening_hours`, if given, replace all that were known.

    A place that was handed over is handed over again if what the central system keeps of it is among the fields.

    Raises:
        DomainError: as `create`; `setting_missing` also for a place whose units do the cervical programme.
    """
    place = get(session, actor, service_place_id)
    values = dict(values)
    hours = values.pop("opening_hours", None)
    setting = values.get("setting", place.setting)
    _check(place.mobility, setting, place.opening_hours if hours is None else hours)
    require_setting(setting, _programmes_of_units(session, place))
    apply_change(place, version, values)
    if hours is not None:
        replace_parts(place.opening_hours, hours, _key, OpeningHours)
    audit(session, actor, "change", "service_place", place.id)
    session.flush()
    if not HANDED_OVER.isdisjoint(values):
        outbox.enqueue_again(session, MessageKind.SAVE_SERVICE_PLACE, place.id)
    return place


def _check(mobility: Mobility, setting: Setting | None, hours: Sequence[NewOpeningHours | OpeningHours]) -> None:
    require_opening_hours(mobility, hours)
    require_setting(setting, {each.programme for each in hours})


def _programmes_of_units(session: Session, place: ServicePlace) -> Sequence[Programme]:
    query = select(UnitProgramme.programme).where(UnitProgramme.service_place_id == place.id)
    return session.scalars(query.distinct()).all()
