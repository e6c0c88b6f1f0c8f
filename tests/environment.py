"""The environment variables from which a process, or a command, reads given settings."""

import os
from dataclasses import fields
from pathlib import Path

from mobile_units.config import Settings


def environment(settings: Settings) -> dict[str, str]:
    """Our variables as the settings have them, all others as they are."""
    given = {each.metadata["variable"]: getattr(settings, each.name) for each in fields(settings)}
    written = {name: _written(value) for name, value in given.items() if value is not None}
    others = {name: value for name, value in os.environ.items() if not name.startswith(("MOBILE_UNITS_", "DATABASE_"))}
    return others | written | {"PYTHONPATH": str(Path(__file__).parents[1])}


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(int(value)) if isinstance(value, bool) else str(value)
