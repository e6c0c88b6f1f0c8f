"""Days, times and numbers as sentences need them, in Polish with its cases and in English.

A Polish sentence wants a weekday in the accusative (`w środę`, `na środę`) or the genitive (`ze środy`, `do środy`),
with the form of the preposition that can be spoken before it, and the month in the genitive.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from mobile_units.clock import WARSAW


class Language(StrEnum):
    """A language in which women are written to."""

    POLISH = "pl"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class _Weekday:
    name: str
    on: str
    onto: str
    since: str
    until: str


_WEEKDAYS_PL = (
    _Weekday("poniedziałek", "w poniedziałek", "na poniedziałek", "z poniedziałku", "do poniedziałku"),
    _Weekday("wtorek", "we wtorek", "na wtorek", "z wtorku", "do wtorku"),
    _Weekday("środa", "w środę", "na środę", "ze środy", "do środy"),
    _Weekday("czwartek", "w czwartek", "na czwartek", "z czwartku", "do czwartku"),
    _Weekday("piątek", "w piątek", "na piątek", "z piątku", "do piątku"),
    _Weekday("sobota", "w sobotę", "na sobotę", "z soboty", "do soboty"),
    _Weekday("niedziela", "w niedzielę", "na niedzielę", "z niedzieli", "do niedzieli"),
)
_MONTHS_PL = (
    *("stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca"),
    *("lipca", "sierpnia", "września", "października", "listopada", "grudnia"),
)
_WEEKDAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS_EN = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class When:
    """An instant in the words of one language: the day with each preposition, the whole date, and the time.

    `on` is "w środę 14 października", `onto` "na środę…", `since` "ze środy…", `until` "do środy…", `full` the
    first of them with the year, `named` "środa 14 października 2026 r.", and `time` "9:30" as clocks in Poland show it.
    """

    on: str
    onto: str
    since: str
    until: str
    full: str
    named: str
    time: str


def when(instant: datetime, language: Language) -> When:
    """The words for an instant; ValueError for one without a zone."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    local = instant.astimezone(WARSAW)
    words = _day_pl(local) if language is Language.POLISH else _day_en(local)
    return When(*words, f"{local.hour}:{local.minute:02}")


def _day_pl(day: date) -> tuple[str, str, str, str, str, str]:
    name, rest = _WEEKDAYS_PL[day.weekday()], f"{day.day} {_MONTHS_PL[day.month - 1]}"
    on, onto, since, until = (f"{each} {rest}" for each in (name.on, name.onto, name.since, name.until))
    return on, onto, since, until, f"{on} {day.year} r.", f"{name.name} {rest} {day.year} r."


def _day_en(day: date) -> tuple[str, str, str, str, str, str]:
    bare = f"{_WEEKDAYS_EN[day.weekday()]} {day.day} {_MONTHS_EN[day.month - 1]}"
    return f"on {bare}", f"to {bare}", f"from {bare}", f"by {bare}", f"on {bare} {day.year}", f"{bare} {day.year}"


def counted_pl(number: int, one: str, few: str, many: str) -> str:
    """A number with its noun: 1 dzień, 2 dni, 5 dni; `few` is for 2-4, 22-24 and so on, but not for 12-14."""
    last_two, last = abs(number) % 100, abs(number) % 10
    if abs(number) == 1:
        return f"{number} {one}"
    return f"{number} {few if last in {2, 3, 4} and last_two not in {12, 13, 14} else many}"


def counted_en(number: int, one: str, many: str) -> str:
    """A number with its noun: 1 day, 2 days."""
    return f"{number} {one if abs(number) == 1 else many}"


_UNITS_PL = {
    "day": ("dzień", "dni", "dni"),
    "hour": ("godzinę", "godziny", "godzin"),
    "minute": ("minutę", "minuty", "minut"),
}


def shift(before: datetime, after: datetime, language: Language) -> str:
    """How far an appointment moved: in days, or on the same day in hours and minutes.

    Days are counted on the Polish calendar, so a clock change makes no difference; `before` and `after` are instants.
    """
    start, end = before.astimezone(WARSAW), after.astimezone(WARSAW)
    days = (end.date() - start.date()).days
    apart = after - before
    if days:
        return _moved([("day", abs(days))], language, later=days > 0)
    if not apart:
        return "bez zmiany dnia i godziny" if language is Language.POLISH else "same day, same time"
    hours, minutes = divmod(abs(apart) // timedelta(minutes=1), 60)
    return _moved([("hour", hours), ("minute", minutes)], language, later=apart > timedelta(0))


def _moved(parts: list[tuple[str, int]], language: Language, *, later: bool) -> str:
    present = [(unit, number) for unit, number in parts if number]
    if language is Language.POLISH:
        words = [counted_pl(number, *_UNITS_PL[unit]) for unit, number in present]
        return f"o {' i '.join(words)} {'później' if later else 'wcześniej'}"
    words = [counted_en(number, unit, f"{unit}s") for unit, number in present]
    return f"{' and '.join(words)} {'later' if later else 'earlier'}"
