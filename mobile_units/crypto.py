"""Encryption of personal data at rest and the keyed hash by which it is found.

Keys are loaded once per process with `load_keys`. The first Fernet key encrypts, every key decrypts, so that keys can
be rotated.
"""

import hashlib
import hmac
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from mobile_units.config import Settings


class _Keys:
    cipher: MultiFernet | None = None
    hash_key: bytes = b""


def load_keys(settings: Settings) -> None:
    """Makes the keys of the settings those of this process."""
    _Keys.cipher = MultiFernet([Fernet(key) for key in settings.encryption_keys])
    _Keys.hash_key = settings.hash_key.encode()


def _cipher() -> MultiFernet:
    if _Keys.cipher is None:
        raise RuntimeError("load_keys was not called in this process")
    return _Keys.cipher


def keyed_hash(text: str) -> bytes:
    """HMAC-SHA256 of a normalised identity; equal identities of one installation have equal hashes."""
    _cipher()
    return hmac.digest(_Keys.hash_key, text.encode(), hashlib.sha256)


def can_decrypt(token: bytes) -> bool:
    """Whether one of the loaded keys opens the token."""
    try:
        _cipher().decrypt(token)
    except InvalidToken:
        return False
    return True


class EncryptedText(TypeDecorator[str]):
    """A text column that is ciphertext in the database."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> bytes | None:
        """Encrypts on the way in."""
        return None if value is None else _cipher().encrypt(value.encode())

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> str | None:
        """Decrypts on the way out."""
        return None if value is None else _cipher().decrypt(value).decode()


class EncryptedJson(TypeDecorator[Any]):
    """A JSON value that is ciphertext in the database."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> bytes | None:
        """Encrypts on the way in."""
        return None if value is None else _cipher().encrypt(json.dumps(value, ensure_ascii=False).encode())

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> Any:
        """Decrypts on the way out."""
        return None if value is None else json.loads(_cipher().decrypt(value))
