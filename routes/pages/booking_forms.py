"""Reads the forms of booking: who a woman is, what she declares, where she wants to come, and on which terms."""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from werkzeug.datastructures import MultiDict

from mobile_units.errors import DomainError
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path
from mobile_units.rules.wording import Language
from mobile_units.services.queries import Paging
from mobile_units.services.slot_search import Place, SlotFilter, SlotOrder
from mobile_units.services.women import Declaration, DeclaredExamination, Identity, NewWoman
from routes.pages import fields

Word = TypeVar("Word", bound=StrEnum)
Form = MultiDict[str, str]

LONGEST_NAME = 200
LONGEST_REASON = 1000
SLOTS_SHOWN = 80
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2150, 12, 31)
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,40}")
CODE = re.compile(r"[a-z0-9_]{1,60}")
CHANNELS = (BookingChannel.DESK, BookingChannel.TELEPHONE)
"""Where women ask us; those who book in the central e-registration come from there."""


class Step(StrEnum):
    """What one click on a time does."""

    HOLD = "hold"
    BOOK = "book"


# who she is


def identity(form: Form) -> Identity:
    """A PESEL, or country and number of a foreign document.

    Raises:
        DomainError: `invalid_input`, neither or both were given, or more than any number has.
    """
    pesel, country, number = (form.get(name, "").strip() for name in ("pesel", "country", "document_number"))
    if max(map(len, (pesel, country, number))) > LONGEST_NAME or bool(pesel) is bool(country or number):
        raise DomainError("invalid_input", problem="numer PESEL albo kraj i numer dokumentu")
    return Identity(pesel=pesel) if pesel else Identity(country=country, document_number=number)


def new_woman(form: Form) -> NewWoman:
    """All that is typed in to register a woman.

    Raises:
        DomainError: `invalid_input`.
    """
    birth_date = form.get("birth_date", "").strip()
    return NewWoman(
        identity=identity(form),
        birth_date=fields.day(form, "birth_date", "data urodzenia") if birth_date else None,
        declaration=declaration(form),
        **contact(form),
    )


def contact(form: Form) -> dict[str, Any]:
    """Names, how she is reached, and her consents, as `NewWoman` and a change take them.

    Raises:
        DomainError: `invalid_input`.
    """
    return {
        "given_name": fields.line(form, "given_name", "imię", LONGEST_NAME),
        "family_name": fields.line(form, "family_name", "nazwisko", LONGEST_NAME),
        "telephone": fields.line(form, "telephone", "telefon", 40, 0) or None,
        "email": fields.line(form, "email", "e-mail", 254, 0) or None,
        "language": word(form, "language", "język", Language, Language.POLISH),
        "sms_consent": form.get("sms_consent") == "1",
        "email_consent": form.get("email_consent") == "1",
    }


def declaration(form: Form, kept: Iterable[Mapping[str, str]] = ()) -> Declaration:
    """What she declares; of the examinations `kept` those before the last one on each path stay.

    Raises:
        DomainError: `invalid_input`.
    """
    told = [
        DeclaredExamination(path=path, performed_on=fields.day(form, f"last_{path}", f"badanie: {path.name_pl}"))
        for path in Path
        if form.get(f"last_{path}", "").strip()
    ]
    before = [
        DeclaredExamination(path=Path(each["path"]), performed_on=date.fromisoformat(each["performed_on"]))
        for each in kept
        if each["performed_on"] != last_examinations(kept).get(each["path"])
    ]
    return Declaration(
        risk_groups=_codes(form, "risk_groups"), exclusions=_codes(form, "exclusions"), examinations=[*before, *told]
    )


def last_examinations(kept: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The last day declared on each path."""
    return {each["path"]: each["performed_on"] for each in sorted(kept, key=lambda each: each["performed_on"])}


def _codes(form: Form, name: str) -> Sequence[str]:
    codes = form.getlist(name)
    if len(codes) > 50 or not all(CODE.fullmatch(code) for code in codes):
        raise DomainError("invalid_input", problem="oświadczenie")
    return codes


# where and when she wants to come


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms she asks for a place."""

    path: Path
    channel: BookingChannel
    urgent: bool
    overbooking: bool


def terms(args: Form, usual: Path) -> Terms:
    """The terms in an address.

    Raises:
        DomainError: `invalid_input`.
    """
    channel = word(args, "channel", "kanał", BookingChannel, BookingChannel.DESK)
    if channel not in CHANNELS:
        raise DomainError("invalid_input", problem="kanał")
    return Terms(
        path=word(args, "path", "badanie", Path, usual),
        channel=channel,
        urgent=args.get("urgent") == "1",
        overbooking=args.get("overbooking") == "1",
    )


def criteria(args: Form, asked: Terms) -> SlotFilter:
    """The search in an address.

    Raises:
        DomainError: `invalid_input`.
    """
    at = _coordinates(args)
    any_path = args.get("any_path") == "1"
    from_time, to_time = (fields.clock_time_if_any(args, name, "godziny") for name in ("from_time", "to_time"))
    if from_time and to_time and from_time >= to_time:
        raise DomainError("invalid_input", problem="godziny (najpierw wcześniejsza)")
    return SlotFilter(
        paging=Paging(page_size=SLOTS_SHOWN),
        after=_after(args),
        programme=asked.path.programme,
        path=None if any_path else asked.path,
        first_day=day_if_any(args, "first_day", "od dnia"),
        last_day=day_if_any(args, "last_day", "do dnia"),
        weekdays=weekdays(args),
        from_time=from_time,
        to_time=to_time,
        stop_id=fields.whole_if_any(args, "stop", "postój", 1, fields.LARGEST_KEY),
        text=fields.line(args, "text", "gdzie", LONGEST_NAME, 0) or None,
        **at,
        channel=asked.channel,
        urgent=asked.urgent,
        overbooking=asked.overbooking,
        order=SlotOrder.DISTANCE if at and args.get("order") == "distance" else SlotOrder.TIME,
    )


def weekdays(args: Form) -> Sequence[int]:
    """The ISO weekdays that are ticked; none means all.

    Raises:
        DomainError: `invalid_input`.
    """
    ticked = args.getlist("weekday")
    if not all(re.fullmatch("[1-7]", each) for each in ticked):
        raise DomainError("invalid_input", problem="dni tygodnia")
    return sorted({int(each) for each in ticked})


def day_if_any(args: Form, name: str, label: str) -> date | None:
    """A day of our times; None of an empty field.

    Raises:
        DomainError: `invalid_input`.
    """
    if not args.get(name, "").strip():
        return None
    found = fields.day(args, name, label)
    if not FIRST_DAY <= found <= LAST_DAY:
        raise DomainError("invalid_input", problem=label)
    return found


def _coordinates(args: Form) -> dict[str, Any]:
    if not any(args.get(name, "").strip() for name in ("latitude", "longitude")):
        return {}
    return {
        "latitude": _number(args, "latitude", "szerokość", -90, 90),
        "longitude": _number(args, "longitude", "długość", -180, 180),
        "radius_km": _number(args, "radius_km", "promień", 0, 1000) if args.get("radius_km") else 30.0,
    }


def _number(args: Form, name: str, label: str, least: float, most: float) -> float:
    text = args.get(name, "").strip().replace(",", ".")
    if not re.fullmatch(r"-?[0-9]{1,4}(\.[0-9]{1,12})?", text, re.ASCII) or not least <= float(text) <= most:
        raise DomainError("invalid_input", problem=f"{label} (liczba od {least:g} do {most:g})")
    return float(text)


def _after(args: Form) -> Place | None:
    written = args.get("after", "")
    try:
        return Place.parse(written) if written and len(written) <= 100 else None
    except ValueError:
        raise DomainError("invalid_input", problem="dalsze terminy") from None


# what is clicked


@dataclass(frozen=True, slots=True)
class Click:
    """A time that was clicked, and what is to be done with it, once for each `token`.

    With `override_reason` it is done even where the rules of eligibility refuse her.
    """

    slot_id: int
    step: Step
    token: str
    override_reason: str | None

    @property
    def key(self) -> str:
        """By which a repeated click is known."""
        return f"{self.token}-{self.step}-{self.slot_id}"


def click(form: Form) -> Click:
    """What was clicked.

    Raises:
        DomainError: `invalid_input`.
    """
    token = form.get("token", "")
    if not TOKEN.fullmatch(token):
        raise DomainError("invalid_input", problem="formularz")
    return Click(
        slot_id=fields.whole(form, "slot_id", "termin"),
        step=word(form, "step", "rezerwacja", Step, Step.HOLD),
        token=token,
        override_reason=reason(form, "override_reason"),
    )


def new_token() -> str:
    """What a page gives its form, so that it is carried out once."""
    return secrets.token_urlsafe(18)


def reason(form: Form, name: str = "reason") -> str | None:
    """A reason, None if nothing was typed.

    Raises:
        DomainError: `invalid_input`.
    """
    return fields.line(form, name, "powód", LONGEST_REASON, 0) or None


def word(form: Form, name: str, label: str, words: type[Word], usual: Word) -> Word:
    """A value of a vocabulary; the usual one of an empty field.

    Raises:
        DomainError: `invalid_input`.
    """
    text = form.get(name, "").strip()
    if not text:
        return usual
    if text not in {each.value for each in words}:
        raise DomainError("invalid_input", problem=label)
    return words(text)
