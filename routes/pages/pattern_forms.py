"""The form for many slots at once: what it shows first, and the command that it makes."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from werkzeug.datastructures import MultiDict

from mobile_units.errors import DomainError
from mobile_units.rules.admission import Reservation
from mobile_units.rules.programmes import Path
from mobile_units.services.slot_patterns import PatternAct, PatternCommand, SlotPattern
from routes.pages import fields

Form = MultiDict[str, str]

ACTS: Mapping[PatternAct, str] = {
    PatternAct.BLOCK: "zablokuj",
    PatternAct.UNBLOCK: "odblokuj",
    PatternAct.RESERVE: "zarezerwuj dla",
    PatternAct.RELEASE: "zwolnij rezerwację",
}
VERBS: Mapping[PatternAct, str] = {
    PatternAct.BLOCK: "Zablokuj",
    PatternAct.UNBLOCK: "Odblokuj",
    PatternAct.RESERVE: "Zarezerwuj",
    PatternAct.RELEASE: "Zwolnij",
}
DONE: Mapping[PatternAct, str] = {
    PatternAct.BLOCK: "Zablokowane terminy",
    PatternAct.UNBLOCK: "Odblokowane terminy",
    PatternAct.RESERVE: "Zarezerwowane terminy",
    PatternAct.RELEASE: "Terminy, które są znów dla wszystkich",
}
MOST = 1000


def blank(first: date, last: date) -> Form:
    """The form for all slots of the days."""
    return MultiDict(
        {
            "act": PatternAct.BLOCK.value,
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
            "every": "1",
            "beginning_with": "1",
        }
    )


def read(form: Form, stop_id: int | None, service_place_id: int | None) -> PatternCommand:
    """The command.

    Raises:
        DomainError: `invalid_input`, a field cannot be read.
    """
    act = _one_of(form, "act", "czynność", PatternAct)
    reserve_for = _one_of(form, "reserve_for", "dla kogo", Reservation) if act is PatternAct.RESERVE else None
    pattern = SlotPattern(
        first_day=fields.day(form, "first_day", "od dnia"),
        last_day=fields.day(form, "last_day", "do dnia"),
        stop_id=stop_id,
        service_place_id=service_place_id,
        weekdays=sorted(
            {fields.whole({"day": text}, "day", "dzień tygodnia", 1, 7) for text in form.getlist("weekday")}
        ),
        since=fields.clock_time_if_any(form, "since", "od godziny"),
        before=fields.clock_time_if_any(form, "before", "przed godziną"),
        every=fields.whole(form, "every", "co który termin", 1, MOST),
        beginning_with=fields.whole(form, "beginning_with", "od którego", 1, MOST),
        path=_one_of(form, "path", "badanie", Path) if form.get("path") else None,
        reserved_for=_one_of(form, "reserved_for", "rezerwacja", Reservation) if form.get("reserved_for") else None,
    )
    skip_visits = form.get("skip_visits") == "1"
    return PatternCommand(pattern=pattern, act=act, reserve_for=reserve_for, skip_visits=skip_visits)


def _one_of(form: Form, name: str, label: str, vocabulary: Any) -> Any:
    """A value of a vocabulary.

    Raises:
        DomainError: `invalid_input`, it is none.
    """
    try:
        return vocabulary(form.get(name, ""))
    except ValueError as error:
        raise DomainError("invalid_input", problem=label) from error
