"""Providers: adding one and changing the own one."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mobile_units.db import refusal_of
from mobile_units.errors import DomainError
from mobile_units.services import providers
from mobile_units.services.actors import Actor
from mobile_units.services.providers import NewProvider
from tests.factories_catalogue import refused

CENTRE = NewProvider(
    name="Centrum Badań",
    rpwdl_book=" 000000099001 ",
    regon="123-456-785",
    nip="856-734-62-15",
    nfz_branch="05",
    oid_root="2.16.840.1.113883.3.4424.2.7.999",
)


def test_a_provider_is_added_with_its_identifiers_in_one_spelling(session: Session) -> None:
    """This is done without an actor: a provider comes before its users."""
    made = providers.create(session, CENTRE)
    assert (made.rpwdl_book, made.regon, made.nip) == ("000000099001", "123456785", "8567346215")


def test_a_provider_with_a_wrong_identifier_is_not_added(session: Session) -> None:
    """Nothing is stored."""
    with refused("regon_invalid"):
        providers.create(session, replace(CENTRE, regon="123456786"))
    assert not session.new


def test_the_book_of_the_register_is_unique(session: Session) -> None:
    """It names the provider in every message."""
    providers.create(session, CENTRE)
    with pytest.raises(IntegrityError) as caught:
        providers.create(session, CENTRE)
    refusal = refusal_of(caught.value)
    assert isinstance(refusal, DomainError)
    assert refusal.code == "already_exists"


def test_a_change_checks_what_it_names_and_leaves_the_rest(session: Session, actor: Actor) -> None:
    """A NIP may be taken away."""
    provider = providers.change(session, actor, 1, {"nip": "PL8567346215"})
    assert (provider.nip, provider.regon) == ("8567346215", "123456785")
    assert providers.change(session, actor, 2, {"nip": None}).nip is None
    with refused("nfz_branch_unknown"):
        providers.change(session, actor, 3, {"nfz_branch": "00"})
    with refused("not_found"):
        providers.get(session, Actor(0))


def test_what_stands_in_messages_is_checked(session: Session, actor: Actor) -> None:
    """One short line that does not tell what is examined, and a telephone in one spelling."""
    named = providers.change(session, actor, 1, {"short_name": " Centrum Próbne ", "telephone": "42 630 12 34"})
    assert (named.short_name, named.telephone) == ("Centrum Próbne", "+48426301234")
    for values, code in (
        ({"short_name": "Mammobus"}, "message_tells_examination"),
        ({"short_name": "Centrum\nPróbne"}, "message_field_invalid"),
        ({"short_name": "x" * 31}, "message_field_invalid"),
        ({"short_name": "  "}, "message_field_invalid"),
        ({"telephone": "112 wew. 3"}, "telephone_invalid"),
    ):
        with refused(code):
            providers.change(session, actor, 2, values)
    assert providers.change(session, actor, 2, {"short_name": None, "telephone": None}).short_name is None
