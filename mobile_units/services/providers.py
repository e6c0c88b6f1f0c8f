"""Providers of screening: the one that acts, and adding one to an installation."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.providers import Provider
from mobile_units.rules.contacts import parse_telephone
from mobile_units.rules.messages import checked_sender
from mobile_units.rules.providers import (
    checked_nfz_branch,
    checked_nip,
    checked_oid_root,
    checked_regon,
    checked_rpwdl_book,
)
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import apply_change

_CHECKS: Mapping[str, Callable[[str], str]] = {
    "rpwdl_book": checked_rpwdl_book,
    "regon": checked_regon,
    "nip": checked_nip,
    "nfz_branch": checked_nfz_branch,
    "oid_root": checked_oid_root,
    "short_name": checked_sender,
    "telephone": parse_telephone,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProvider:
    """A provider to be added; `oid_root` is its own node in P1, the root of the identifiers that we give.

    `short_name` and `telephone` are how women know it and where they can call.
    """

    name: str
    rpwdl_book: str
    regon: str
    nfz_branch: str
    oid_root: str
    nip: str | None = None
    short_name: str | None = None
    telephone: str | None = None


def create(session: Session, command: NewProvider) -> Provider:
    """Adds a provider to the installation; there is no actor because a provider comes before its users.

    Raises:
        DomainError: `rpwdl_book_invalid`, `regon_invalid`, `nip_invalid`, `nfz_branch_unknown`, `oid_root_invalid`;
            `message_field_invalid`, `message_tells_examination` (the short name), `telephone_invalid`;
            `already_exists` (at flush), the RPWDL book is known.
    """
    provider = Provider(**_checked(asdict(command)))
    session.add(provider)
    session.flush()
    return provider


def get(session: Session, actor: Actor) -> Provider:
    """The actor's own provider.

    Raises:
        DomainError: `not_found`.
    """
    provider = session.get(Provider, actor.provider_id)
    if provider is None:
        raise DomainError("not_found", what=f"Provider {actor.provider_id}")
    return provider


def change(session: Session, actor: Actor, version: int, values: Mapping[str, Any]) -> Provider:
    """Changes the actor's own provider.

    Raises:
        DomainError: as `create`.
    """
    provider = get(session, actor)
    apply_change(provider, version, _checked(values))
    audit(session, actor, "change", "provider", provider.id)
    session.flush()
    return provider


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _CHECKS[name](value) if name in _CHECKS and value is not None else value for name, value in values.items()
    }
