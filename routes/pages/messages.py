"""One message of the hand-over: what it is about, what it waits for, every attempt, and what was sent."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from lxml import etree
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.transmissions import AttemptOutcome, OutboxMessage, TransmissionAttempt
from mobile_units.rules.refusals import MEANINGS, Meaning, meaning_of, rule_in
from mobile_units.services import subjects, transmissions
from mobile_units.services.subjects import Subject
from routes.auth import roles
from routes.database import actor, transaction
from routes.pages.handover import AUDITORS, SENDERS, frame

blueprint = Blueprint("messages", __name__, url_prefix="/handover/messages")


@blueprint.get("/<key:message_id>")
@roles(*SENDERS)
def show(message_id: int) -> ResponseReturnValue:
    """The message with every attempt to deliver it."""
    with transaction() as session:
        message = transmissions.get(session, actor(), message_id)
        about = _subjects(session, message)
        common = frame(session)
    meanings = {attempt.id: _meaning(attempt) for attempt in message.log}
    return render_template("handover/message.html", message=message, about=about, meanings=meanings, **common)


@blueprint.get("/<key:message_id>/attempts/<key:attempt_id>")
@roles(*AUDITORS)
def sent(message_id: int, attempt_id: int) -> ResponseReturnValue:
    """What left our system in an attempt, with personal data masked."""
    with transaction() as session:
        message = transmissions.get(session, actor(), message_id)
        numbered = {attempt.id: (number, attempt) for number, attempt in enumerate(message.log, 1)}
        if attempt_id not in numbered:
            raise DomainError("not_found", what=f"TransmissionAttempt {attempt_id}")
        envelope = transmissions.sent(session, actor(), attempt_id)
        common = frame(session)
    number, attempt = numbered[attempt_id]
    told = {"message": message, "attempt": attempt, "number": number, "envelope": laid_out(envelope)}
    return render_template("handover/sent.html", **told, **common)


def _meaning(attempt: TransmissionAttempt) -> Meaning | None:
    """What the answer means; nothing is said of one that took the message, or had no code."""
    if attempt.code is None or attempt.outcome in {AttemptOutcome.DELIVERED, AttemptOutcome.ALREADY_DELIVERED}:
        return None
    found = meaning_of(attempt.code, rule_in(attempt.description))
    return found if found.code.casefold() in MEANINGS else None


def _subjects(session: Session, message: OutboxMessage) -> dict[int, Subject]:
    """What the message and those that it waits for are about, by the message."""
    messages = [message, *message.waits_for]
    described = subjects.describe(session, messages)
    return {each.id: subjects.subject_of(described, each) for each in messages}


def laid_out(envelope: str) -> str:
    """XML with an element on each line; what cannot be read as XML is left as it is."""
    parser = etree.XMLParser(remove_blank_text=True, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        tree = etree.fromstring(envelope.encode(), parser)
    except etree.XMLSyntaxError:
        return envelope
    return etree.tostring(tree, encoding="unicode", pretty_print=True)
