"""Days on which a service place works otherwise than its templates say: other hours, also on a holiday, or none."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.service_places import ServicePlace
from mobile_units.models.templates import DatedException
from mobile_units.rules.templates import DatedHours, Hours
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, apply_change, get_owned, page_of
from mobile_units.services.template_content import hours_content, hours_of


@dataclass(frozen=True, slots=True)
class NewException:
    """Other hours of a place on a day; closed, if there are none. The reason is told where the day is idle."""

    day: date
    hours: Sequence[Hours]
    reason: str


@dataclass(frozen=True, slots=True)
class ExceptionFilter:
    """Which exceptions are wanted; days are included, None being open."""

    paging: Paging = Paging()
    service_place_id: int | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class KeptException:
    """An exception as it is kept."""

    id: int
    version: int
    service_place_id: int
    day: date
    hours: Sequence[Hours]
    reason: str


def create(session: Session, actor: Actor, service_place_id: int, command: NewException) -> KeptException:
    """Keeps an exception; slots follow it when a template is applied to the day.

    Raises:
        DomainError: `not_found`; `opening_hours_overlap`; `already_exists` (at flush), the day has one.
    """
    get_owned(session, actor, ServicePlace, service_place_id)
    checked = DatedHours(command.day, command.hours, command.reason)
    row = DatedException(
        provider_id=actor.provider_id,
        service_place_id=service_place_id,
        day=checked.day,
        hours=hours_content(checked.hours),
        reason=checked.reason,
    )
    session.add(row)
    session.flush()
    audit(session, actor, "create", "dated_exception", row.id)
    return _kept(row)


def find(session: Session, actor: Actor, criteria: ExceptionFilter) -> Page[KeptException]:
    """Exceptions of the provider's places, by day."""
    query = select(DatedException).where(DatedException.provider_id == actor.provider_id)
    if criteria.service_place_id is not None:
        query = query.where(DatedException.service_place_id == criteria.service_place_id)
    if criteria.first_day is not None:
        query = query.where(DatedException.day >= criteria.first_day)
    if criteria.last_day is not None:
        query = query.where(DatedException.day <= criteria.last_day)
    page = page_of(session, query.order_by(DatedException.day, DatedException.id), criteria.paging)
    return Page([_kept(row) for row in page.items], page.total, page.page, page.page_size)


def change(session: Session, actor: Actor, exception_id: int, version: int, values: Mapping[str, Any]) -> KeptException:
    """Changes hours or reason; the day stays.

    Raises:
        DomainError: `not_found`, `stale_version`, `opening_hours_overlap`.
    """
    row = get_owned(session, actor, DatedException, exception_id)
    given = dict(values)
    if "hours" in given:
        given["hours"] = hours_content(DatedHours(row.day, given["hours"]).hours)
    apply_change(row, version, given)
    audit(session, actor, "change", "dated_exception", row.id)
    session.flush()
    return _kept(row)


def delete(session: Session, actor: Actor, exception_id: int) -> None:
    """Forgets an exception; slots follow when a template is applied to the day.

    Raises:
        DomainError: `not_found`.
    """
    session.delete(get_owned(session, actor, DatedException, exception_id))
    audit(session, actor, "delete", "dated_exception", exception_id)
    session.flush()


def of_places(
    session: Session, service_place_ids: Collection[int], first: date, last: date
) -> dict[int, list[DatedHours]]:
    """The exceptions of places on days from `first` to `last`, as templates read them."""
    query = select(DatedException).where(
        DatedException.service_place_id.in_(service_place_ids), DatedException.day.between(first, last)
    )
    found: dict[int, list[DatedHours]] = {key: [] for key in service_place_ids}
    for row in session.scalars(query.order_by(DatedException.day)):
        found[row.service_place_id].append(DatedHours(row.day, hours_of(row.hours), row.reason))
    return found


def _kept(row: DatedException) -> KeptException:
    return KeptException(row.id, row.version, row.service_place_id, row.day, hours_of(row.hours), row.reason)
