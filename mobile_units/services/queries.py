"""What use-cases do alike: read one object of a provider, a page of many, change one without losing a change."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.base import Owned, Versioned
from mobile_units.services.actors import Actor

Entity = TypeVar("Entity")
OwnedEntity = TypeVar("OwnedEntity", bound=Owned)
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list is wanted: `page` counts from 1, with `page_size` items each."""

    page: int = 1
    page_size: int = 50


@dataclass(frozen=True, slots=True)
class Page(Generic[Entity]):
    """A part of a list, and how long the whole is."""

    items: Sequence[Entity]
    total: int
    page: int
    page_size: int


def get_owned(session: Session, actor: Actor, entity: type[OwnedEntity], key: int, *options: Any) -> OwnedEntity:
    """The entity with this key if it belongs to the actor's provider.

    Raises:
        DomainError: `not_found`, also for what belongs to another provider.
    """
    query = select(entity).where(entity.id == key, entity.provider_id == actor.provider_id).options(*options)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise DomainError("not_found", what=f"{entity.__name__} {key}")
    return found


def page_of(session: Session, query: Select[Entity], paging: Paging) -> Page[Entity]:
    """One page of the entities of an ordered query."""
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    offset = (paging.page - 1) * paging.page_size
    items = session.scalars(query.limit(paging.page_size).offset(offset)).unique().all()
    return Page(items, total, paging.page, paging.page_size)


def in_force_on(entity: Any, day: date) -> ColumnElement[bool]:
    """Rows with `valid_from` and `valid_to` (both included, empty being open) that are valid on `day`."""
    return and_(entity.valid_from <= day, or_(entity.valid_to.is_(None), entity.valid_to >= day))


def require_version(entity: Versioned, version: int) -> None:
    """Raises `stale_version` unless the caller knows the entity as it is now."""
    if entity.version != version:
        raise DomainError("stale_version")


def apply_change(entity: Versioned, version: int, values: Mapping[str, Any]) -> None:
    """Sets the given attributes if `version` is the one that the caller read.

    The version is raised even if only parts of the entity, rows of other tables, are changed afterwards.

    Raises:
        DomainError: `stale_version`, somebody changed the entity since.
    """
    require_version(entity, version)
    for name, value in values.items():
        setattr(entity, name, value)
    entity.version = version + 1


def normalised(values: Mapping[str, Any], how: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The values, those that are named in `how` as it makes them."""
    return {name: how[name](value) if name in how else value for name, value in values.items()}


def in_order(items: Iterable[Any]) -> list[Any]:
    """The items in order and once."""
    return sorted(set(items))


def replace_parts(
    parts: list[Part], wanted: Sequence[Any], key: Callable[[Any], Any], make: Callable[[], Part]
) -> None:
    """Makes `parts` what `wanted` (command dataclasses) says, in the order of keys; rows of keys that stay are kept.

    Raises:
        DomainError: `given_twice`, two of the wanted have the same key.
    """
    known = {key(row): row for row in parts}
    given = {key(command): command for command in wanted}
    if len(given) < len(wanted):
        raise DomainError("given_twice")
    parts[:] = [_updated(known.get(name) or make(), given[name]) for name in sorted(given)]


def _updated(row: Part, command: Any) -> Part:
    for name, value in asdict(command).items():
        setattr(row, name, value)
    return row
