"""The slot grid: examination times inside a working time, their stable identifiers, and their share among ranges.

All arithmetic is done in UTC, so a clock change never stretches or shortens an examination.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from hashlib import sha1
from uuid import UUID

from mobile_units.errors import DomainError


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time, its end not included; both instants are kept in UTC.

    Raises `ends_before_start` unless it ends later than it starts, ValueError for an instant without a zone.
    """

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is not UTC or self.ends_at.tzinfo is not UTC:
            object.__setattr__(self, "starts_at", _utc(self.starts_at))
            object.__setattr__(self, "ends_at", _utc(self.ends_at))
        if self.ends_at <= self.starts_at:
            raise DomainError("ends_before_start")


def grid(opens_at: datetime, closes_at: datetime, minutes: int, limit: int | None = None) -> list[Interval]:
    """Back-to-back examination times of `minutes` each that fit between the two instants; at most `limit` times."""
    start, length = _utc(opens_at), timedelta(minutes=minutes)
    count = _times(opens_at, closes_at, minutes)
    if limit is not None:
        count = min(count, limit)
    return [Interval(start + n * length, start + (n + 1) * length) for n in range(count)]


def capacity_of(opens_at: datetime, closes_at: datetime, minutes: int, rooms: int, limit: int | None = None) -> int:
    """How many women can be examined in the working time in `rooms` parallel rooms; `limit` counts women."""
    capacity = _times(opens_at, closes_at, minutes) * rooms
    return capacity if limit is None else min(capacity, limit)


def slot_uuid(schedule_uuid: UUID, starts_at: datetime) -> UUID:
    """The identifier of the slot of a schedule that starts at an instant: the same every time it is asked."""
    return UUID(slot_hex(schedule_uuid.bytes, _utc(starts_at).isoformat()))


def slot_hex(schedule: bytes, start: str) -> str:
    """`slot_uuid` in hexadecimal digits, of the bytes of the schedule's and a start in UTC in ISO 8601.

    It is a UUID of version 5 (RFC 9562, 5.5), made without the detours of the library: a quarter has 500,000 of them.
    """
    digest = sha1(schedule + start.encode(), usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:16]) & _NOT_FIXED | _VERSION_5:032x}"


_NOT_FIXED = ~(0xF000C << 60)
_VERSION_5 = 0x50008 << 60
"""The bits that tell version and variant, and all but those."""


def deal(count: int, weights: Sequence[int], held: Sequence[int] | None = None) -> list[int]:
    """For each of `count` slots in order, the index of the weight (a contract range) that receives it.

    `held` is how many slots each index has already; one with more than its share waits until the others caught up.

    Interleaved and proportional: after any number of slots each index holds its exact share rounded down or up. That
    is the quota method of Balinski and Young; always serving the largest deficit would break the bound from six
    weights on. Ties go to the larger deficit, then to the lower index. Weights that are all zero count as equal.
    Raises ValueError for a negative weight and for no weights.
    """
    if not weights or min(weights) < 0:
        raise ValueError("weights must be given and not negative")
    shares = list(weights) if any(weights) else [1] * len(weights)
    dealt = list(held) if held else [0] * len(shares)
    before = sum(dealt)
    return [_deal_one(before + number, shares, dealt) for number in range(1, count + 1)]


def _deal_one(number: int, shares: list[int], dealt: list[int]) -> int:
    total = sum(shares)
    surplus = [dealt[i] * total - number * share for i, share in enumerate(shares)]
    below_upper_quota = (i for i in range(len(shares)) if surplus[i] < 0)
    chosen = min(below_upper_quota, key=lambda i: (Fraction(dealt[i] + 1, shares[i]), surplus[i]))
    dealt[chosen] += 1
    return chosen


def _times(opens_at: datetime, closes_at: datetime, minutes: int) -> int:
    if minutes < 1:
        raise ValueError("an examination lasts at least a minute")
    return max(0, (_utc(closes_at) - _utc(opens_at)) // timedelta(minutes=minutes))


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC)
