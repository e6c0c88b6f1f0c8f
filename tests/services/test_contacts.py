"""How a woman is reached, and to what she agreed."""

from datetime import date

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mobile_units import clock
from mobile_units.models.audit import AuditEntry
from mobile_units.rules.messages import Channel
from mobile_units.rules.wording import Language
from mobile_units.services import women
from mobile_units.services.actors import Actor
from mobile_units.services.women import Identity, NewWoman
from tests import factories_booking
from tests.statements import refused

TODAY = date(2027, 3, 1)
REACHED = {"telephone": "600-700 800", "email": " Proba@Example.ORG ", "language": Language.ENGLISH}


def new(**values: object) -> NewWoman:
    """A woman to be registered."""
    identity = Identity(pesel=factories_booking.pesel())
    return NewWoman(identity=identity, given_name="Próba", family_name="Testowa", **values)  # type: ignore[arg-type]  # named in each test


def consents(session: Session, actor: Actor) -> list[str]:
    """What the audit log says of consents, in order."""
    query = select(AuditEntry.action).where(
        AuditEntry.provider_id == actor.provider_id, AuditEntry.action.startswith("consent_")
    )
    return list(session.scalars(query.order_by(AuditEntry.id)))


def test_contact_is_kept_in_one_spelling(session: Session, actor: Actor) -> None:
    """The telephone in E.164, the domain of the address in lower case, when she is registered and when she changes."""
    woman = women.register(session, actor, new(**REACHED), TODAY)
    assert (woman.telephone, woman.email, woman.language) == ("+48600700800", "Proba@example.org", Language.ENGLISH)
    women.change(session, actor, woman.id, 1, {"telephone": "42 630 12 34", "email": None}, TODAY)
    assert (woman.telephone, woman.email) == ("+48426301234", None)


@pytest.mark.parametrize(
    ("values", "code"), [({"telephone": "600 700 80"}, "telephone_invalid"), ({"email": "proba@"}, "email_invalid")]
)
def test_what_cannot_be_reached_is_refused(session: Session, actor: Actor, values: dict[str, str], code: str) -> None:
    """When she is registered and when she changes."""
    with refused(code):
        women.register(session, actor, new(**values), TODAY)
    woman = women.register(session, actor, new(), TODAY)
    with refused(code):
        women.change(session, actor, woman.id, 1, values, TODAY)


def test_what_another_system_tells_is_kept_as_it_is(session: Session, actor: Actor) -> None:
    """A number is given its spelling, what is none stays: the rest of her does not get lost for it."""
    told = [
        women.register_as_told(session, actor, new(telephone=number), TODAY).telephone
        for number in ("600 700 800", "brak")
    ]
    assert told == ["+48600700800", "brak"]


def test_a_consent_keeps_the_instant_of_the_first_time_and_its_author(session: Session, actor: Actor) -> None:
    """Given again, nothing changes; each giving and withdrawing is one entry in the audit log."""
    began = clock.now()
    woman = women.register(session, actor, new(email_consent=True), TODAY)
    given = woman.email_consent_at
    assert given is not None
    assert abs((given - began).total_seconds()) < 30
    assert woman.sms_consent_at is None
    women.change(session, actor, woman.id, 1, {"email_consent": True, "sms_consent": True}, TODAY)
    assert woman.email_consent_at == given
    women.change(session, actor, woman.id, 2, {"email_consent": False}, TODAY)
    assert [woman.email_consent_at is None, woman.sms_consent_at is None] == [True, False]
    assert consents(session, actor) == ["consent_email_given", "consent_sms_given", "consent_email_withdrawn"]


def test_a_consent_can_be_withdrawn_at_any_time(session: Session, actor: Actor) -> None:
    """Without knowing her version, with a telephone that nobody can call, and twice."""
    woman = women.register(session, actor, new(email_consent=True, sms_consent=True), TODAY)
    session.execute(text("UPDATE women SET version = 9 WHERE id = :id"), {"id": woman.id})
    for _ in range(2):
        withdrawn = women.withdraw_consents(session, actor, woman.id, [Channel.EMAIL, Channel.SMS])
        assert (withdrawn.email_consent_at, withdrawn.sms_consent_at) == (None, None)
    assert consents(session, actor)[2:] == ["consent_email_withdrawn", "consent_sms_withdrawn"]


def test_commands_do_not_print_contact() -> None:
    """Nothing of what they hold."""
    shown = repr(new(**REACHED, email_consent=True))
    assert not any(secret in shown for secret in ("600", "Proba", "Example", "ENGLISH", "consent"))
