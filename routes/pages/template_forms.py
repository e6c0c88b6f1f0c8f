"""The form of a schedule template: what it shows of one, and the template that it makes, or what is wrong where.

Lists have as many lines as their fields say, plus those that were asked for; empty lines are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from werkzeug.datastructures import MultiDict

from mobile_units.errors import DomainError
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.sessions import Resource
from mobile_units.rules.templates import (
    Blocking,
    Examination,
    HeldBack,
    Hours,
    Overbooking,
    Rooms,
    SharedResources,
    Template,
)
from routes.pages import fields, hours_fields
from routes.pages.words import WEEKDAYS

Form = MultiDict[str, str]
Part = TypeVar("Part")

OWN, SHARED = "own", "shared"
NAME_LETTERS, NOTE_LETTERS, CREW_LETTERS = 200, 1000, 200
LONGEST_MINUTES, LONGEST_SETUP, HEAVIEST, MOST_PLACES = 240, 480, 1000, 20
MOST_WOMEN, MOST_HELD, MOST_EXTRA, MOST_TIMES, MOST_RESOURCES = 1000, 500, 100, 10, 20
MINUTES_OF_DAY = 1440

AT_FAULT: Mapping[str, str] = {
    "already_exists": "name",
    "rooms_own_or_shared": "examinations",
    "rooms_of_one_programme": "examinations",
    "shared_not_overbooked": "overbooking",
    "overbooking_without_reason": "overbooking",
    "quotas_above_all": "quotas",
    "path_without_resources": "resources",
    "session_too_varied": "resources",
    "given_twice": "resources",
}
"""Beside which part of the form a refusal is told; all others are told above it."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a form says; the template is there if nothing is wrong with it; `faults` are told by part of the form."""

    name: str | None
    template: Template | None
    faults: Mapping[str, str]


def sentence(error: DomainError) -> str:
    """A refusal as it is told beside a field."""
    return f"{error.sentence('pl')} {error.way_out('pl')}".strip()


def part_of(error: DomainError) -> str:
    """The part of the form beside which a refusal belongs; empty, if it belongs above all."""
    if error.code == "opening_hours_overlap":
        return f"week-{error.facts['weekday']}"
    return AT_FAULT.get(error.code, "")


# what is shown


def blank() -> Form:
    """A usual week: mammography from 8 to 15."""
    form = Form({"kind": OWN, "setup_minutes": "0", "minutes-mammography": "10", "places-breast": "1"})
    for day in range(1, 6):
        form[f"opens-{day}-0"], form[f"closes-{day}-0"] = "08:00", "15:00"
    return _with_usual(form)


def _with_usual(form: Form) -> Form:
    usual = {
        "held_slots": "0", "held_percent": "0", "every": "0", "last_minutes": "0", "overbooking_places": "0",
        "places-breast": "1", "places-cervical": "1",
        **{f"weight-{path}": "1" for path in Path}, **{f"quota-{channel}": "0" for channel in BookingChannel},
    }  # fmt: skip
    for name, value in usual.items():
        form.setdefault(name, value)
    return form


def of_template(name: str, template: Template) -> Form:
    """The form as a template fills it in."""
    form = Form({"name": name, "kind": SHARED if template.shared else OWN, "crew": template.crew})
    form["setup_minutes"] = str(template.setup_minutes)
    for day, hours in template.week.items():
        _show_hours(form, day, hours)
    for rooms in template.rooms:
        _show_rooms(form, rooms)
    if template.shared:
        _show_shared(form, template.shared)
    form["held_slots"], form["held_percent"] = str(template.held_back.slots), str(template.held_back.percent)
    form["every"], form["last_minutes"] = str(template.blocking.every), str(template.blocking.last_minutes)
    for channel, percent in template.quotas.items():
        form[f"quota-{channel}"] = str(percent)
    if template.overbooking:
        form["overbooking_places"] = str(template.overbooking.places)
        form["overbooking_reason"] = template.overbooking.reason
    return _with_usual(form)


def _show_hours(form: Form, day: int, hours: Sequence[Hours]) -> None:
    for number, each in enumerate(sorted(hours, key=lambda time: time.opens)):
        form[f"opens-{day}-{number}"] = f"{each.opens:%H:%M}"
        form[f"closes-{day}-{number}"] = f"{each.closes:%H:%M}"
        form[f"breaks-{day}-{number}"] = hours_fields.breaks_words(each.breaks)


def _show_rooms(form: Form, rooms: Rooms) -> None:
    for each in rooms.examinations:
        form[f"minutes-{each.path}"], form[f"weight-{each.path}"] = str(each.minutes), str(each.weight)
    form[f"places-{rooms.programme}"] = str(rooms.places)
    form[f"women-{rooms.programme}"] = "" if rooms.women_per_day is None else str(rooms.women_per_day)


def _show_shared(form: Form, shared: SharedResources) -> None:
    for path, minutes in shared.minutes.items():
        form[f"minutes-{path}"] = str(minutes)
    for what, resources in (("room", shared.rooms), ("person", shared.crew)):
        for number, each in enumerate(resources):
            form[f"{what}-{number}"] = each.name
            form.setlist(f"{what}-serves-{number}", sorted(path.value for path in each.serves))


def lines(form: Form, prefix: str, most: int) -> int:
    """How many lines a list of fields has: at least one, and one more if that was asked for."""
    filled = [number for number in range(most) if f"{prefix}-{number}" in form]
    more = 1 if form.get("step") == f"more-{prefix}" else 0
    return min(most, max([number + 1 for number in filled], default=0) + more) or 1


def copy_monday(form: Form) -> Form:
    """The form with the hours of Monday on all days until Friday."""
    for day in range(2, 6):
        for name in [name for name in form if name.startswith((f"opens-{day}-", f"closes-{day}-", f"breaks-{day}-"))]:
            del form[name]
        for number in range(lines(form, "opens-1", MOST_TIMES)):
            for what in ("opens", "closes", "breaks"):
                form[f"{what}-{day}-{number}"] = form.get(f"{what}-1-{number}", "")
    return form


# what is read


@dataclass
class _Reader:
    """Reads part after part, and goes on where one is wrong, so that all faults are told at once."""

    form: Form
    faults: dict[str, str] = field(default_factory=dict)

    def part(self, name: str, read: Callable[[], Part]) -> Part | None:
        """What `read` reads; what it refuses is told beside the part `name`, or where it belongs."""
        try:
            return read()
        except DomainError as error:
            self.faults.setdefault(part_of(error) or name, sentence(error))
            return None


def read(form: Form) -> Read:
    """The name and the template of a form, or what is wrong with it."""
    reader = _Reader(form)
    name = reader.part("name", lambda: fields.line(form, "name", "nazwa", NAME_LETTERS))
    given: dict[str, Any] = {
        "week": _week(reader),
        "crew": reader.part("crew", lambda: fields.line(form, "crew", "zespół", CREW_LETTERS, 0)),
        "setup_minutes": reader.part(
            "setup", lambda: fields.whole(form, "setup_minutes", "rozstawienie", 0, LONGEST_SETUP)
        ),
        "held_back": reader.part("held", lambda: _held_back(form)),
        "quotas": reader.part("quotas", lambda: _quotas(form)),
        "overbooking": reader.part("overbooking", lambda: _overbooking(form)),
        "blocking": reader.part("blocking", lambda: _blocking(form)),
        **_rooms(reader),
    }
    sound = not reader.faults.keys() - {"name"}
    template = reader.part("examinations", lambda: Template(**given)) if sound else None
    return Read(name, template, reader.faults)


def _week(reader: _Reader) -> dict[int, Sequence[Hours]]:
    week = {}
    for day in range(1, 8):
        found = reader.part(f"week-{day}", lambda day=day: _times(reader.form, day))  # type: ignore[misc]  # bound now
        if found:
            week[day] = found
    if not week and not reader.faults.keys() - {"name"}:
        reader.faults["week"] = "Podaj godziny pracy co najmniej jednego dnia."
    return week


def _times(form: Form, day: int) -> Sequence[Hours]:
    numbers = range(lines(form, f"opens-{day}", MOST_TIMES))
    found = [hours_fields.read(form, f"-{day}-{number}", WEEKDAYS[day - 1]) for number in numbers]
    return tuple(each for each in found if each)


def _minutes(form: Form) -> dict[Path, int]:
    """The examinations that are done, and how long each takes."""
    label = "minuty badania: {}"
    found = {
        path: fields.whole_if_any(form, f"minutes-{path}", label.format(path.name_pl), 1, LONGEST_MINUTES)
        for path in Path
    }
    return {path: minutes for path, minutes in found.items() if minutes}


def _rooms(reader: _Reader) -> dict[str, Any]:
    form = reader.form
    minutes = reader.part("examinations", lambda: _minutes(form)) or {}
    if not minutes:
        reader.faults.setdefault("examinations", "Podaj minuty co najmniej jednego badania.")
    if form.get("kind") == SHARED:
        rooms = reader.part("resources", lambda: _resources(form, "room", "sala"))
        crew = reader.part("resources", lambda: _resources(form, "person", "osoba"))
        if not (rooms and crew and minutes):
            reader.faults.setdefault("resources", "Podaj co najmniej jedną salę i jedną osobę.")
            return {}
        return {"shared": reader.part("resources", lambda: SharedResources(minutes, tuple(rooms), tuple(crew)))}
    programmes = sorted({path.programme for path in minutes})
    own = [reader.part("examinations", lambda each=each: _own(form, each, minutes)) for each in programmes]  # type: ignore[misc]  # bound now
    return {"rooms": tuple(each for each in own if each)}


def _own(form: Form, programme: Programme, minutes: Mapping[Path, int]) -> Rooms:
    about = programme.name_pl
    examinations = tuple(
        Examination(path, length, fields.whole(form, f"weight-{path}", f"waga: {path.name_pl}", 0, HEAVIEST))
        for path, length in sorted(minutes.items())
        if path.programme is programme
    )
    places = fields.whole(form, f"places-{programme}", f"ile kobiet naraz: {about}", 1, MOST_PLACES)
    women = fields.whole_if_any(form, f"women-{programme}", f"kobiety dziennie: {about}", 0, MOST_WOMEN)
    return Rooms(examinations, places, women)


def _resources(form: Form, what: str, label: str) -> list[Resource]:
    found = []
    for number in range(lines(form, what, MOST_RESOURCES)):
        serves = form.getlist(f"{what}-serves-{number}")
        if not form.get(f"{what}-{number}", "").strip() and not serves:
            continue
        name = fields.line(form, f"{what}-{number}", f"nazwa: {label}", NAME_LETTERS)
        if not serves or not set(serves) <= {path.value for path in Path}:
            raise DomainError("invalid_input", problem=f"{label} {name} (zaznacz badania)")
        found.append(Resource(name, frozenset(map(Path, serves))))
    return found


def _held_back(form: Form) -> HeldBack:
    return HeldBack(
        fields.whole(form, "held_slots", "terminy dla pilnych", 0, MOST_HELD),
        fields.whole(form, "held_percent", "odsetek dla pilnych", 0, 100),
    )


def _quotas(form: Form) -> dict[BookingChannel, int]:
    found = {channel: fields.whole(form, f"quota-{channel}", channel.name_pl, 0, 100) for channel in BookingChannel}
    if sum(found.values()) > 100:
        raise DomainError("quotas_above_all", percent=sum(found.values()))
    return {channel: percent for channel, percent in found.items() if percent}


def _overbooking(form: Form) -> Overbooking | None:
    places = fields.whole(form, "overbooking_places", "nadliczbowe", 0, MOST_EXTRA)
    reason = fields.line(form, "overbooking_reason", "powód nadliczbowych", NOTE_LETTERS, 0)
    return Overbooking(places, reason) if places or reason else None


def _blocking(form: Form) -> Blocking:
    return Blocking(
        fields.whole(form, "every", "co który termin", 0, MOST_HELD),
        fields.whole(form, "last_minutes", "ostatnie minuty", 0, MINUTES_OF_DAY),
    )
