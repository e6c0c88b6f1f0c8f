"""The catalogue of NFZ product codes: shared entries, and those that a provider adds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, or_, select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.product_codes import ProductCode
from mobile_units.rules.calendar import require_validity
from mobile_units.rules.product_codes import CatalogueEntry
from mobile_units.rules.programmes import Mobility, Path, Programme, Setting
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import Page, Paging, apply_change, in_force_on, page_of

ENTRY_COLUMNS = tuple(getattr(ProductCode, field.name) for field in fields(CatalogueEntry))
"""The columns of a `CatalogueEntry`, in its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProductCode:
    """An entry that a provider adds; the programme follows from the path. Empty setting or mobility means any."""

    code: str
    name_pl: str
    valid_from: date
    source: str
    path: Path | None = None
    setting: Setting | None = None
    mobility: Mobility | None = None
    associated_with: str | None = None
    valid_to: date | None = None
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class ProductCodeFilter:
    """Which entries are wanted; `own` tells those of the provider from the shared ones."""

    paging: Paging = Paging()
    code: str | None = None
    programme: Programme | None = None
    path: Path | None = None
    valid_on: date | None = None
    confirmed: bool | None = None
    own: bool | None = None


def create(session: Session, actor: Actor, command: NewProductCode) -> ProductCode:
    """Adds an entry to the provider's catalogue.

    Raises:
        DomainError: `validity_reversed`; `already_exists`, the shared catalogue has the code on some of the days, or
            (at flush) the provider's has it from the same day.
    """
    require_validity(command.valid_from, command.valid_to)
    _require_not_shared(session, command.code, command.valid_from, command.valid_to)
    programme = command.path.programme if command.path else None
    entry = ProductCode(provider_id=actor.provider_id, programme=programme, **asdict(command))
    session.add(entry)
    session.flush()
    audit(session, actor, "create", "product_code", entry.id)
    return entry


def _require_not_shared(session: Session, code: str, valid_from: date, valid_to: date | None) -> None:
    """Two entries that hold on one day would leave open which of them a contract means."""
    shared = select(ProductCode.id).where(
        ProductCode.code == code,
        ProductCode.provider_id.is_(None),
        or_(ProductCode.valid_to.is_(None), ProductCode.valid_to >= valid_from),
    )
    if valid_to is not None:
        shared = shared.where(ProductCode.valid_from <= valid_to)
    if session.scalars(shared.limit(1)).first() is not None:
        raise DomainError("already_exists", what=code)


def find(session: Session, actor: Actor, criteria: ProductCodeFilter) -> Page[ProductCode]:
    """Shared entries and those of the provider, by code."""
    query = select(ProductCode).where(visible_to(actor.provider_id))
    for column in ("code", "programme", "path", "confirmed"):
        wanted = getattr(criteria, column)
        if wanted is not None:
            query = query.where(getattr(ProductCode, column) == wanted)
    if criteria.valid_on:
        query = query.where(in_force_on(ProductCode, criteria.valid_on))
    if criteria.own is not None:
        query = query.where(ProductCode.provider_id.is_not(None) == criteria.own)
    return page_of(session, query.order_by(ProductCode.code, ProductCode.valid_from, ProductCode.id), criteria.paging)


def get(session: Session, actor: Actor, product_code_id: int) -> ProductCode:
    """One entry, shared or of the provider."""
    query = select(ProductCode).where(ProductCode.id == product_code_id, visible_to(actor.provider_id))
    found = session.scalars(query).one_or_none()
    if found is None:
        raise DomainError("not_found", what=f"ProductCode {product_code_id}")
    return found


def change(
    session: Session, actor: Actor, product_code_id: int, version: int, values: Mapping[str, Any]
) -> ProductCode:
    """Changes an entry of the provider, above all its last day.

    Raises:
        DomainError: `shared_product_code`, `validity_reversed`; `already_exists`, as `create`.
    """
    entry = get(session, actor, product_code_id)
    if entry.provider_id is None:
        raise DomainError("shared_product_code", product_code=entry.code)
    valid_to = values.get("valid_to", entry.valid_to)
    require_validity(entry.valid_from, valid_to)
    _require_not_shared(session, entry.code, entry.valid_from, valid_to)
    apply_change(entry, version, values)
    audit(session, actor, "change", "product_code", entry.id)
    session.flush()
    return entry


def catalogue(session: Session, provider_id: int) -> list[CatalogueEntry]:
    """All entries that hold for a provider, shared and its own, as the rules read them."""
    query = select(*ENTRY_COLUMNS).where(visible_to(provider_id)).order_by(ProductCode.code, ProductCode.id)
    return [CatalogueEntry(*row) for row in session.execute(query)]


def visible_to(provider_id: int | BindParameter[int]) -> ColumnElement[bool]:
    """Entries that hold for a provider: the shared ones and its own."""
    return or_(ProductCode.provider_id.is_(None), ProductCode.provider_id == provider_id)
