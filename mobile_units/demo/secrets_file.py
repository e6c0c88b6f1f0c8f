"""The secrets of a demonstration: random, made at the first run, kept in a file that only its owner can read."""

import json
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

from mobile_units.demo import sample


def load_or_make(file: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The environment variables that hold the keys, and the passwords of the sample's users."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps({"keys": _new_keys(), "passwords": sample.new_passwords()}))
    kept = json.loads(file.read_text())
    return kept["keys"], kept["passwords"]


def _new_keys() -> dict[str, str]:
    return {
        "MOBILE_UNITS_SECRET_KEY": secrets.token_urlsafe(48),
        "MOBILE_UNITS_HASH_KEY": secrets.token_urlsafe(48),
        "MOBILE_UNITS_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }
