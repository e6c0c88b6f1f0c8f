"""How a woman can be reached, in which language, and to which ways of being written to she agreed.

The instant of a consent is kept with her, and who recorded it in the audit log. A consent is to being written to about
her visits; it says nothing of the address, which may change or be missing.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session

from mobile_units.models.women import Woman
from mobile_units.rules.contacts import parse_email, parse_telephone
from mobile_units.rules.messages import Channel
from mobile_units.services.actors import Actor, audit
from mobile_units.services.queries import normalised

CONSENTS: Mapping[Channel, str] = {Channel.EMAIL: "email_consent", Channel.SMS: "sms_consent"}
"""The ways that take a consent, by the name that commands give it."""


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, telephone and e-mail address in their one spelling.

    Raises:
        DomainError: `telephone_invalid`, `email_invalid`.
    """
    return normalised(values, {"telephone": _optional(parse_telephone), "email": _optional(parse_email)})


def _optional(parse: Any) -> Any:
    return lambda text: None if text is None else parse(text)


def set_consents(woman: Woman, wanted: Mapping[str, bool]) -> list[Channel]:
    """Gives and withdraws what is new of the consents in `wanted`, by their names; the first instant of one stays.

    Returns the ways whose consents changed, for `note_consents`, once the woman is flushed.
    """
    changed = [
        channel
        for channel, name in CONSENTS.items()
        if name in wanted and wanted[name] is (getattr(woman, f"{name}_at") is None)
    ]
    for channel in changed:
        setattr(woman, f"{CONSENTS[channel]}_at", func.now() if wanted[CONSENTS[channel]] else None)
    return changed


def note_consents(session: Session, actor: Actor, woman: Woman, changed: Collection[Channel]) -> None:
    """Notes in the audit log who recorded these consents, and that they were given or withdrawn."""
    columns = {channel: f"{CONSENTS[channel]}_at" for channel in changed}
    if columns:
        session.refresh(woman, list(columns.values()))
    for channel, column in columns.items():
        what = "withdrawn" if getattr(woman, column) is None else "given"
        audit(session, actor, f"consent_{channel}_{what}", "woman", woman.id)


def withdraw(session: Session, actor: Actor, woman: Woman, channels: Collection[Channel]) -> Woman:
    """Withdraws consents, whatever else is changed about her at the same time."""
    changed = set_consents(woman, {CONSENTS[channel]: False for channel in channels})
    session.flush()
    note_consents(session, actor, woman, changed)
    return woman
