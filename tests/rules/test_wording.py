"""Days and numbers as Polish grammar wants them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_units.clock import WARSAW
from mobile_units.rules.wording import Language, counted_en, counted_pl, shift, when

PL, EN = Language.POLISH, Language.ENGLISH
MONDAY = datetime(2026, 10, 12, 7, 30, tzinfo=UTC)

WEEK = [
    ("poniedziałek", "w poniedziałek", "na poniedziałek", "z poniedziałku", "do poniedziałku"),
    ("wtorek", "we wtorek", "na wtorek", "z wtorku", "do wtorku"),
    ("środa", "w środę", "na środę", "ze środy", "do środy"),
    ("czwartek", "w czwartek", "na czwartek", "z czwartku", "do czwartku"),
    ("piątek", "w piątek", "na piątek", "z piątku", "do piątku"),
    ("sobota", "w sobotę", "na sobotę", "z soboty", "do soboty"),
    ("niedziela", "w niedzielę", "na niedzielę", "z niedzieli", "do niedzieli"),
]
MONTHS = [
    "stycznia",
    "lutego",
    "marca",
    "kwietnia",
    "maja",
    "czerwca",
    "lipca",
    "sierpnia",
    "września",
    "października",
    "listopada",
    "grudnia",
]


@pytest.mark.parametrize("number", range(7))
def test_weekdays_with_each_preposition(number: int) -> None:
    """The accusative with w, we and na; the genitive with z, ze and do."""
    words = when(MONDAY + timedelta(days=number), PL)
    rest = f"{12 + number} października"
    name, *expected = WEEK[number]
    assert [words.on, words.onto, words.since, words.until] == [f"{form} {rest}" for form in expected]
    assert (words.full, words.named) == (f"{expected[0]} {rest} 2026 r.", f"{name} {rest} 2026 r.")


@pytest.mark.parametrize("month", range(1, 13))
def test_months_in_the_genitive(month: int) -> None:
    """Of all twelve."""
    assert when(datetime(2026, month, 3, 12, tzinfo=UTC), PL).on.endswith(f" 3 {MONTHS[month - 1]}")


def test_the_same_in_english() -> None:
    """With its own prepositions."""
    words = when(MONDAY, EN)
    assert (words.on, words.onto) == ("on Monday 12 October", "to Monday 12 October")
    assert (words.since, words.until) == ("from Monday 12 October", "by Monday 12 October")
    assert (words.full, words.named) == ("on Monday 12 October 2026", "Monday 12 October 2026")


def test_days_and_times_are_those_of_poland() -> None:
    """Whatever zone an instant is told in, also past midnight; an instant without one is refused."""
    words = when(datetime(2026, 12, 31, 23, 5, tzinfo=UTC), PL)
    assert (words.full, words.time) == ("w piątek 1 stycznia 2027 r.", "0:05")
    with pytest.raises(ValueError, match="time zone"):
        when(datetime(2026, 1, 1, 12), PL)  # noqa: DTZ001 -- the fault that is tested


def test_numbers_of_things() -> None:
    """One; few with 2-4, 22-24 and 102; many with the teens, with 21 and with none."""
    forms = {number: counted_pl(number, "kobieta", "kobiety", "kobiet") for number in range(125)}
    few = {n for n in range(125) if str(n)[-1] in "234" and str(n)[-2:] not in {"12", "13", "14"}}
    assert forms[1] == "1 kobieta"
    assert {n for n, text in forms.items() if text.endswith("kobiety")} == few
    assert (forms[0], forms[12], forms[21], forms[22], forms[112]) == (
        "0 kobiet",
        "12 kobiet",
        "21 kobiet",
        "22 kobiety",
        "112 kobiet",
    )
    assert (counted_en(1, "day", "days"), counted_en(0, "day", "days")) == ("1 day", "0 days")


@pytest.mark.parametrize(
    ("apart", "polish", "english"),
    [
        (timedelta(days=1), "o 1 dzień później", "1 day later"),
        (timedelta(days=-2), "o 2 dni wcześniej", "2 days earlier"),
        (timedelta(days=25), "o 25 dni później", "25 days later"),
        (timedelta(minutes=22), "o 22 minuty później", "22 minutes later"),
        (timedelta(minutes=-15), "o 15 minut wcześniej", "15 minutes earlier"),
        (timedelta(hours=1, minutes=1), "o 1 godzinę i 1 minutę później", "1 hour and 1 minute later"),
        (timedelta(hours=-5), "o 5 godzin wcześniej", "5 hours earlier"),
        (timedelta(), "bez zmiany dnia i godziny", "same day, same time"),
    ],
)
def test_how_far_an_appointment_moved(apart: timedelta, polish: str, english: str) -> None:
    """Earlier or later, in words."""
    assert (shift(MONDAY, MONDAY + apart, PL), shift(MONDAY, MONDAY + apart, EN)) == (polish, english)


@given(st.integers(-400, 400), st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)), st.integers(0, 1439))  # noqa: DTZ001 -- the strategy wants bounds without a zone
def test_days_are_those_of_the_calendar(days: int, start: datetime, minute: int) -> None:
    """A day is one, however long: a clock change between them adds none and takes none."""
    before = start.replace(tzinfo=WARSAW)
    midnight = (start + timedelta(days=days)).replace(hour=0, minute=0)
    after = (midnight + timedelta(minutes=minute)).replace(tzinfo=WARSAW)
    if days and after.astimezone(UTC).astimezone(WARSAW).date() == after.date():
        said = shift(before.astimezone(UTC), after.astimezone(UTC), EN)
        assert said == f"{counted_en(abs(days), 'day', 'days')} {'later' if days > 0 else 'earlier'}"
