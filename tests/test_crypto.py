"""Encryption of personal data, and the hash by which it is found."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, select, type_coerce
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.orm import Session

from mobile_units import crypto
from mobile_units.config import Settings
from mobile_units.crypto import EncryptedJson, EncryptedText
from mobile_units.models.women import Woman
from mobile_units.services.actors import Actor
from tests import factories_booking

POSTGRESQL = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # SQLAlchemy gives it no types
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.fixture(autouse=True)
def keys(settings: Settings) -> Iterator[None]:
    """The keys of the test database, before and after."""
    crypto.load_keys(settings)
    yield
    crypto.load_keys(settings)


def sealed(text: str = "Próba") -> bytes:
    """A text as the database gets it."""
    token = EncryptedText().process_bind_param(text, POSTGRESQL)
    assert token is not None
    return token


def opened(token: bytes) -> str | None:
    """A text as it comes back."""
    return EncryptedText().process_result_value(token, POSTGRESQL)


@given(st.text())
def test_a_text_comes_back(settings: Settings, text: str) -> None:
    """Whatever it is made of."""
    crypto.load_keys(settings)
    assert opened(sealed(text)) == text


@given(JSON)
def test_a_json_value_comes_back(settings: Settings, value: Any) -> None:
    """Whatever it is made of; None is no value."""
    crypto.load_keys(settings)
    kind = EncryptedJson()
    assert kind.process_result_value(kind.process_bind_param(value, POSTGRESQL), POSTGRESQL) == value


def test_nothing_stays_nothing() -> None:
    """A missing value is missing in the database too."""
    assert EncryptedText().process_bind_param(None, POSTGRESQL) is None
    assert EncryptedText().process_result_value(None, POSTGRESQL) is None
    assert EncryptedJson().process_bind_param(None, POSTGRESQL) is None
    assert EncryptedJson().process_result_value(None, POSTGRESQL) is None


def test_equal_texts_are_sealed_differently() -> None:
    """Nobody sees in the database who shares a name."""
    assert sealed("Nowak") != sealed("Nowak")
    assert b"Nowak" not in sealed("Nowak")


def test_the_database_holds_ciphertext_only(session: Session, actor: Actor) -> None:
    """A stored woman is unreadable without the keys."""
    woman = factories_booking.woman(session, actor.provider_id)
    columns = (Woman.identity_number, Woman.family_name, Woman.birth_date, Woman.declaration)
    row = session.execute(select(*(type_coerce(each, LargeBinary) for each in columns)).where(Woman.id == woman.id))
    stored = b"".join(row.one())
    for plain in (woman.identity_number, woman.family_name, woman.birth_date):
        assert plain.encode() not in stored


def test_keys_can_be_rotated(settings: Settings) -> None:
    """A new key in front seals; the old one still opens what it sealed; without it nothing old opens."""
    old, new = settings.encryption_keys[0], Fernet.generate_key().decode()
    before = sealed()
    crypto.load_keys(replace(settings, encryption_keys=(new, old)))
    after = sealed()
    assert (opened(before), opened(after)) == ("Próba", "Próba")
    crypto.load_keys(replace(settings, encryption_keys=(new,)))
    assert opened(after) == "Próba"
    assert [crypto.can_decrypt(before), crypto.can_decrypt(after)] == [False, True]
    with pytest.raises(InvalidToken) as caught:
        opened(before)
    assert str(caught.value) == ""


def test_what_was_tampered_with_does_not_open() -> None:
    """A changed byte is noticed."""
    token = bytearray(sealed())
    token[20] ^= 1
    assert not crypto.can_decrypt(bytes(token))


def test_the_hash_depends_on_the_text_and_on_the_key(settings: Settings) -> None:
    """Equal identities meet in one installation; the hashes of another say nothing here."""
    hashed = crypto.keyed_hash("70051712345")
    assert hashed == crypto.keyed_hash("70051712345")
    assert hashed != crypto.keyed_hash("70051712346")
    assert len(hashed) == 32
    crypto.load_keys(replace(settings, hash_key="x" * 40))
    assert hashed != crypto.keyed_hash("70051712345")


def test_without_keys_nothing_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that forgot to load them fails, rather than to hash or store under an empty key."""
    monkeypatch.setattr(crypto._Keys, "cipher", None)
    with pytest.raises(RuntimeError):
        crypto.keyed_hash("70051712345")
    with pytest.raises(RuntimeError):
        sealed()
