"""Schedule templates: usual weeks of work that a provider keeps under names, to be applied to stops and places.

A change of a template changes nothing that it was applied to: that is done by applying it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.templates import ScheduleTemplate
from mobile_units.rules.templates import Template
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, apply_change, get_owned, page_of
from mobile_units.services.template_content import content_of, template_of


@dataclass(frozen=True, slots=True)
class NewTemplate:
    """A template under a name that no other one of the provider has."""

    name: str
    template: Template


@dataclass(frozen=True, slots=True)
class TemplateFilter:
    """Which templates are wanted: `text` is part of the name."""

    paging: Paging = Paging()
    text: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class KeptTemplate:
    """A template as it is kept; one that was retired is applied no more."""

    id: int
    version: int
    name: str
    active: bool
    template: Template


def create(session: Session, actor: Actor, command: NewTemplate) -> KeptTemplate:
    """Keeps a new template.

    Raises:
        DomainError: `already_exists` (at flush), the name is taken.
    """
    row = ScheduleTemplate(provider_id=actor.provider_id, name=command.name, content=content_of(command.template))
    session.add(row)
    session.flush()
    audit(session, actor, "create", "template", row.id)
    return _kept(row)


def find(session: Session, actor: Actor, criteria: TemplateFilter) -> Page[KeptTemplate]:
    """Templates of the provider, by name."""
    query = select(ScheduleTemplate).where(ScheduleTemplate.provider_id == actor.provider_id)
    if criteria.text:
        query = query.where(ScheduleTemplate.name.icontains(criteria.text, autoescape=True))
    if criteria.active is not None:
        query = query.where(ScheduleTemplate.active == criteria.active)
    page = page_of(session, query.order_by(ScheduleTemplate.name, ScheduleTemplate.id), criteria.paging)
    return Page([_kept(row) for row in page.items], page.total, page.page, page.page_size)


def get(session: Session, actor: Actor, template_id: int) -> KeptTemplate:
    """One template.

    Raises:
        DomainError: `not_found`.
    """
    return _kept(get_owned(session, actor, ScheduleTemplate, template_id))


def change(session: Session, actor: Actor, template_id: int, version: int, values: Mapping[str, Any]) -> KeptTemplate:
    """Changes the name or the whole template; a retired one is in use again if `active` says so.

    Raises:
        DomainError: `not_found`, `stale_version`; `already_exists` (at flush), the name is taken.
    """
    row = get_owned(session, actor, ScheduleTemplate, template_id)
    given = dict(values)
    if "template" in given:
        given["content"] = content_of(given.pop("template"))
    apply_change(row, version, given)
    audit(session, actor, "change", "template", row.id)
    session.flush()
    return _kept(row)


def retire(session: Session, actor: Actor, template_id: int) -> None:
    """Takes a template out of use; what it was applied to stays as it is.

    Raises:
        DomainError: `not_found`.
    """
    get_owned(session, actor, ScheduleTemplate, template_id).active = False
    audit(session, actor, "retire", "template", template_id)
    session.flush()


def _kept(row: ScheduleTemplate) -> KeptTemplate:
    return KeptTemplate(row.id, row.version, row.name, row.active, template_of(row.content))
