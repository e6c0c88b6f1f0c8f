"""Polish for readers: names of statuses, forms of nouns after a number, days and hours. The only place for them."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from flask import Flask

from mobile_units.clock import WARSAW
from mobile_units.models.itineraries import ItineraryStatus
from mobile_units.models.planning import JobState
from mobile_units.models.service_places import ServicePlaceStatus
from mobile_units.models.transmissions import AttemptOutcome, MessageState
from mobile_units.rules.programmes import Mobility, Programme
from mobile_units.rules.repair import RepairKind
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.versions import Difference
from mobile_units.rules.visits import ChangedBy
from mobile_units.services.risks import Why
from mobile_units.services.words import KINDS_PL, OUTCOMES_PL, STATES_PL

NO_BREAK = "\u00a0"

WORDS: Mapping[type[StrEnum], Mapping[Any, str]] = {
    AttemptOutcome: OUTCOMES_PL,
    ChangedBy: {
        ChangedBy.WOMAN: "pacjentka w IKP",
        ChangedBy.PROVIDER: "świadczeniodawca",
        ChangedBy.SYSTEM: "centralna e‑rejestracja",
    },
    Difference: {
        Difference.DAYS: "dni",
        Difference.HOURS: "godziny",
        Difference.SITE: "miejsce",
        Difference.UNIT: "jednostka",
        Difference.WOMEN: "kobiety",
    },
    ItineraryStatus: {status: status.name_pl for status in ItineraryStatus},
    JobState: {
        JobState.QUEUED: "czeka",
        JobState.RUNNING: "liczy się",
        JobState.DONE: "gotowy",
        JobState.FAILED: "nieudany",
        JobState.CANCELLED: "przerwany",
    },
    MessageKind: {
        MessageKind.SAVE_SERVICE_PLACE: "miejsca udzielania świadczeń",
        MessageKind.IMPORT_MOBILE_POINTS: "mobilne punkty obsługi",
        MessageKind.SAVE_SCHEDULE: "harmonogramy",
        MessageKind.WITHDRAW_SLOTS: "wycofania terminów",
        MessageKind.SAVE_SLOTS: "terminy",
        MessageKind.ACTIVATE_SERVICE_PLACE: "aktywacje miejsc",
        MessageKind.SAVE_VISIT: "wizyty",
        MessageKind.CANCEL_VISIT: "odwołania wizyt",
        MessageKind.LOAD_VISITS: "zasilenia inicjalne",
    },
    MessageState: {
        MessageState.PENDING: "czekające",
        MessageState.IN_PROGRESS: "w drodze",
        MessageState.ACCEPTED: "przyjęte",
        MessageState.REJECTED: "odrzucone",
        MessageState.GIVEN_UP: "porzucone",
    },
    Mobility: {Mobility.STATIONARY: "stacjonarna", Mobility.MOBILE: "mobilna"},
    Programme: {Programme.BREAST: "mammografia", Programme.CERVICAL: "cytologia lub HPV"},
    RepairKind: {
        RepairKind.WITHDRAW: "pominięcie dni awarii",
        RepairKind.POSTPONE: "przeniesienie na wolne dni tej jednostki",
        RepairKind.SHIFT: "przesunięcie także następnych postojów",
        RepairKind.TAKE_OVER: "przejęcie przez inne jednostki",
        RepairKind.MIXED: "przejęcie albo przeniesienie, co będzie wcześniej",
    },
    Role: {
        Role.COORDINATOR: "koordynacja",
        Role.MIDWIFE: "położna",
        Role.SETTLEMENT: "rozliczenia",
        Role.ADMINISTRATOR: "administracja",
    },
    ServicePlaceStatus: {
        ServicePlaceStatus.DRAFT: "szkic",
        ServicePlaceStatus.REGISTERED: "zarejestrowane",
        ServicePlaceStatus.ACTIVE: "aktywne",
    },
}

ONE: Mapping[type[StrEnum], Mapping[Any, str]] = {
    MessageKind: KINDS_PL,
    MessageState: STATES_PL,
}
"""Names of one thing, where `WORDS` has those of many."""

TO_DO: Mapping[Why, str] = {
    Why.LINK_HALTED: "Administrator wyjaśnia certyfikat lub konto i wznawia wysyłkę.",
    Why.BREAKER_OPEN: "Nic: program sam sprawdza, czy system odpowiada. Próby zostają w dowodzie.",
    Why.RETRYING: "Nic: program ponawia sam. Próby zostają w dowodzie.",
    Why.NO_WORKER: "Administrator sprawdza, czy działa program wysyłający (mobile-units worker).",
}
"""What a reader of pages does, where the words of the service are those of the command line."""

FIELDS: Mapping[str, str] = {
    "status": "status",
    "slot": "termin",
    "path": "badanie",
    "product_code": "kod świadczenia",
    "urgent": "pilność",
    "woman": "pacjentka",
    "names": "imię lub nazwisko",
    "birth_date": "data urodzenia",
    "telephone": "telefon",
    "unreadable": "stan, którego nie da się odczytać",
}
"""What two sides may hold differently about a visit."""

WEEKDAYS = ("poniedziałek", "wtorek", "środa", "czwartek", "piątek", "sobota", "niedziela")
SHORT_WEEKDAYS = ("pon.", "wt.", "śr.", "czw.", "pt.", "sob.", "niedz.")
MONTHS = (
    "stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca",
    "lipca", "sierpnia", "września", "października", "listopada", "grudnia",
)  # fmt: skip
MONTH_NAMES = (
    "styczeń", "luty", "marzec", "kwiecień", "maj", "czerwiec",
    "lipiec", "sierpień", "wrzesień", "październik", "listopad", "grudzień",
)  # fmt: skip
QUARTERS = ("I", "II", "III", "IV")


ALPHABET = {letter: place for place, letter in enumerate("aąbcćdeęfghijklłmnńoópqrsśtuvwxyzźż")}


def alphabetical(text: str) -> tuple[tuple[bool, int], ...]:
    """A key that sorts names as Polish does: Ł after L and before M; what is no letter comes first."""
    return tuple((letter in ALPHABET, ALPHABET.get(letter, ord(letter))) for letter in text.casefold())


def word(value: StrEnum) -> str:
    """The Polish name of a value of one of the vocabularies."""
    return WORDS[type(value)][value]


def one(value: StrEnum) -> str:
    """The Polish name of a single message or of its state."""
    return ONE[type(value)][value]


def to_do(why: Why) -> str:
    """What a reader of pages does about a visit at risk."""
    return TO_DO.get(why, why.to_do_pl)


def field(name: str) -> str:
    """The Polish name of what may differ about a visit."""
    return FIELDS[name]


def plural(number: int, one: str, few: str, many: str) -> str:
    """The form of a noun after a number: 1 postój, 2 postoje, 5 postojów, 12 postojów, 22 postoje."""
    if number == 1:
        return one
    return few if number % 10 in {2, 3, 4} and number % 100 not in {12, 13, 14} else many


def figure(number: int) -> str:
    """A number with its thousands set apart, from five digits on as Polish spelling asks."""
    return f"{number:,}".replace(",", NO_BREAK) if abs(number) >= 10_000 else str(number)


def decimal(number: float, places: int | None = None) -> str:
    """A number as Polish writes it: `12,5`; without `places` with as many as it needs, three at the most."""
    text = f"{number:.3f}".rstrip("0").rstrip(".") if places is None else f"{number:.{places}f}"
    whole, _, fraction = text.partition(".")
    sign, digits = ("−", whole[1:]) if whole.startswith("-") else ("", whole)
    if not any(digit in "123456789" for digit in digits + fraction):
        sign = ""
    return sign + figure(int(digits)) + ("," + fraction if fraction else "")


def signed(number: float, places: int = 0) -> str:
    """A difference with its sign; nothing is `0`."""
    text = decimal(number, places)
    is_nothing = not any(digit in "123456789" for digit in text)
    return text if is_nothing or text.startswith("−") else "+" + text


def counted(number: int, one: str, few: str, many: str) -> str:
    """The number and the noun in its form."""
    return figure(number) + NO_BREAK + plural(number, one, few, many)


def long_day(day: date) -> str:
    """A day as in `23 listopada 2026`."""
    return f"{day.day}{NO_BREAK}{MONTHS[day.month - 1]} {day.year}"


def days_from_to(first: date, last: date) -> str:
    """A span of days, without repeating the month or the year: `23-29 listopada 2026`."""
    if first.year != last.year:
        return f"{long_day(first)} – {long_day(last)}"
    if first.month != last.month:
        return f"{first.day}{NO_BREAK}{MONTHS[first.month - 1]} – {long_day(last)}"
    return f"{first.day}–{long_day(last)}"


ISO_DAY = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")


def polish_days(text: str) -> str:
    """A sentence with its days as Polish writes them: `21.12.2026` for `2026-12-21`."""
    return ISO_DAY.sub(lambda found: f"{int(found[3])}.{found[2]}.{found[1]}", text)


def weekday(day: date) -> str:
    """The name of the weekday."""
    return WEEKDAYS[day.weekday()]


def short_weekday(day: date) -> str:
    """The usual abbreviation of the weekday."""
    return SHORT_WEEKDAYS[day.weekday()]


def short_day(day: date) -> str:
    """A day without its year: `23.11`."""
    return f"{day.day}.{day.month:02}"


def month(day: date) -> str:
    """The name of the month by itself, with the year: `listopad 2026`."""
    return f"{MONTH_NAMES[day.month - 1]}{NO_BREAK}{day.year}"


def quarter(day: date) -> str:
    """The number of the calendar quarter, as it is written in Polish: `IV`."""
    return QUARTERS[(day.month - 1) // 3]


def hour(instant: datetime) -> str:
    """The time of day in Poland: `9:00`."""
    local = instant.astimezone(WARSAW)
    return f"{local.hour}:{local.minute:02}"


def seconds(instant: datetime) -> str:
    """The time of day in Poland to the second: `9:00:05`."""
    local = instant.astimezone(WARSAW)
    return f"{local.hour}:{local.minute:02}:{local.second:02}"


def moment(instant: datetime) -> str:
    """Day and time in Poland: `23.11, 9:00`."""
    return f"{short_day(local_day(instant))},{NO_BREAK}{hour(instant)}"


def lasting(time: timedelta) -> str:
    """How long something took or takes, in the two largest units: `0,4 s`, `12 min`, `3 godz. 20 min`, `2 dni`."""
    whole = int(time.total_seconds())
    if whole < 60:
        return f"{time.total_seconds():.1f}{NO_BREAK}s".replace(".", ",") if whole < 10 else f"{whole}{NO_BREAK}s"
    days, hours, minutes = whole // 86_400, whole // 3_600 % 24, whole // 60 % 60
    named = (
        (days, plural(days, "dzień", "dni", "dni")),
        (hours, "godz."),
        (minutes, "min"),
    )
    told = [f"{number}{NO_BREAK}{unit}" for number, unit in named if number]
    return " ".join(told[:2])


def milliseconds(number: int) -> str:
    """A number of milliseconds as `lasting` tells a time."""
    return lasting(timedelta(milliseconds=number))


def local_day(instant: datetime) -> date:
    """The day in Poland."""
    return instant.astimezone(WARSAW).date()


def iso_week(day: date) -> str:
    """The ISO week as the address of the first page takes it: `2026-W48`."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def install(app: Flask) -> None:
    """Gives these words to all templates."""
    for each in (
        word, one, to_do, field, plural, figure, decimal, signed, counted, long_day, days_from_to, weekday,
        short_weekday, short_day, month, quarter, hour, seconds, moment, lasting, milliseconds, local_day, iso_week,
        polish_days,
    ):  # fmt: skip
        app.add_template_filter(each)
