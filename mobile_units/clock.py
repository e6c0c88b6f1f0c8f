"""The only place that reads the clock; everything else is handed an instant or a day."""

import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

WARSAW = ZoneInfo("Europe/Warsaw")


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The present day in Poland."""
    return now().astimezone(WARSAW).date()


def monotonic() -> float:
    """Seconds on a clock that never jumps, for measuring how long something takes."""
    return time.monotonic()
