"""Polish for readers."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import pytest

from mobile_units.models.transmissions import MessageState
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services.risks import Why
from routes.pages import words


def test_one_thing_has_a_name_of_its_own() -> None:
    """A single message and its state are named otherwise than many of them."""
    for vocabulary, names in words.ONE.items():
        assert set(names) == set(vocabulary)
    assert (words.one(MessageKind.SAVE_VISIT), words.one(MessageState.REJECTED)) == ("wizyta", "odrzucony")


def test_readers_of_pages_are_sent_to_no_command_line() -> None:
    """Only an administrator is told of a program that has to run."""
    told = {why: words.to_do(why) for why in Why}
    assert not [why for why, text in told.items() if "transmissions" in text]
    assert told[Why.REJECTED] == "Popraw dane i wyślij komunikat ponownie."


def test_whatever_may_differ_has_a_name() -> None:
    """The names under which a reconciliation tells differences."""
    assert [words.field(name) for name in ("slot", "names", "status")] == ["termin", "imię lub nazwisko", "status"]


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (timedelta(milliseconds=412), "0,4 s"), (timedelta(seconds=30.4), "30 s"), (timedelta(minutes=12), "12 min"),
        (timedelta(hours=3, minutes=20), "3 godz. 20 min"), (timedelta(hours=2), "2 godz."),
        (timedelta(days=1, hours=5, minutes=7), "1 dzień 5 godz."), (timedelta(days=2), "2 dni"),
    ],
)  # fmt: skip
def test_a_time_is_told_in_its_two_largest_units(time: timedelta, text: str) -> None:
    """More would pretend that somebody needs it."""
    assert words.lasting(time).replace("\u00a0", " ") == text


def test_instants_are_told_as_short_as_possible() -> None:
    """Day and hour for lists, seconds for evidence; Polish time."""
    at = datetime(2026, 7, 1, 7, 5, 9, tzinfo=UTC)
    assert (words.moment(at).replace("\u00a0", " "), words.seconds(at)) == ("1.07, 9:05", "9:05:09")


@pytest.mark.parametrize("vocabulary", words.WORDS, ids=lambda vocabulary: vocabulary.__name__)
def test_every_value_has_a_name(vocabulary: type[StrEnum]) -> None:
    """A value that is added to a vocabulary gets its Polish name at once, and no two share one."""
    names = [words.word(value) for value in vocabulary]
    assert len(set(names)) == len(names)
    assert all(names)


@pytest.mark.parametrize(
    ("number", "form"),
    [
        (0, "postojów"), (1, "postój"), (2, "postoje"), (4, "postoje"), (5, "postojów"), (11, "postojów"),
        (12, "postojów"), (14, "postojów"), (21, "postojów"), (22, "postoje"), (25, "postojów"), (101, "postojów"),
        (112, "postojów"), (122, "postoje"), (1002, "postoje"),
    ],
)  # fmt: skip
def test_nouns_take_the_form_of_their_number(number: int, form: str) -> None:
    """The rule of Polish grammar, with its exception for 12 to 14."""
    assert words.plural(number, "postój", "postoje", "postojów") == form


def test_numbers_are_set_apart_in_thousands() -> None:
    """Polish spelling leaves four digits together."""
    assert [words.figure(number) for number in (0, 4512, 10_000, 1_234_567)] == [
        "0", "4512", "10\u00a0000", "1\u00a0234\u00a0567",
    ]  # fmt: skip
    assert words.counted(12_002, "termin", "terminy", "terminów") == "12\u00a0002\u00a0terminy"


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 11, 23), date(2026, 11, 29), "23–29 listopada 2026"),
        (date(2026, 11, 30), date(2026, 12, 6), "30 listopada – 6 grudnia 2026"),
        (date(2026, 12, 28), date(2027, 1, 3), "28 grudnia 2026 – 3 stycznia 2027"),
    ],
)
def test_a_week_repeats_neither_month_nor_year(first: date, last: date, text: str) -> None:
    """Only what changes within the week is said twice."""
    assert words.days_from_to(first, last).replace("\u00a0", " ") == text


def test_days_within_sentences_are_polish() -> None:
    """Sentences of violations and refusals tell days as ISO does; other numbers are left alone."""
    text = "Postój od 2026-12-21 do 2027-01-04 (12026-12-213, 10.7940.159.02)."
    assert words.polish_days(text) == "Postój od 21.12.2026 do 4.01.2027 (12026-12-213, 10.7940.159.02)."


def test_hours_are_polish() -> None:
    """Instants are shown as the clocks in Poland show them, summer and winter."""
    assert words.hour(datetime(2026, 7, 1, 7, 5, tzinfo=UTC)) == "9:05"
    assert words.hour(datetime(2026, 12, 1, 7, 5, tzinfo=UTC)) == "8:05"
    assert words.local_day(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)) == date(2027, 1, 1)


def test_weeks_are_counted_by_iso() -> None:
    """The last days of December may belong to the first week of the next year."""
    assert words.iso_week(date(2026, 11, 23)) == "2026-W48"
    assert words.iso_week(date(2024, 12, 30)) == "2025-W01"
    assert words.quarter(date(2026, 11, 23)) == "IV"
    assert (words.weekday(date(2026, 11, 25)), words.short_weekday(date(2026, 11, 25))) == ("środa", "śr.")


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [
        (12.5, None, "12,5"), (10.0, None, "10"), (0.3, None, "0,3"), (0.1 + 0.2, None, "0,3"), (-191.44, 1, "−191,4"),
        (-0.04, 1, "0,0"), (71238.0, 0, "71\u00a0238"), (8366.5, 0, "8366"), (1.0, 1, "1,0"),
        (-12345.6, 1, "−12\u00a0345,6"),
    ],
)  # fmt: skip
def test_numbers_are_written_in_polish(number: float, places: int | None, text: str) -> None:
    """With a comma, a true minus, thousands set apart, and no minus before nothing."""
    assert words.decimal(number, places) == text


def test_differences_have_a_sign() -> None:
    """Unless there is none, as it is shown."""
    assert [words.signed(number) for number in (2617.0, -3.0, 0.4, -0.4)] == ["+2617", "−3", "0", "0"]
    assert words.signed(0.25, 1) == "+0,2"


def test_months_stand_by_themselves() -> None:
    """In a heading a month is not in the genitive."""
    assert (words.month(date(2027, 3, 8)), words.month(date(2026, 11, 1))) == ("marzec\u00a02027", "listopad\u00a02026")


def test_names_are_sorted_as_polish_does() -> None:
    """Letters with signs follow their plain ones."""
    ordered = ["Aleksandrów Łódzki", "Będków", "Burzenin", "Lutomiersk", "Łódź", "Maków", "Zduny", "Źródła"]
    assert sorted(ordered, key=words.alphabetical) == ordered
    assert sorted(ordered) != ordered
