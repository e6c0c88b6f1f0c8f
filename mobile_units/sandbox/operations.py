"""What each operation of the contract does to the state, and the rules it obeys.

An operation is given a call, inside a transaction, and a request that the schema has found valid. It returns the
elements of its answer besides the result.
"""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree
from lxml.etree import _Element as Element

from mobile_units.clock import WARSAW
from mobile_units.sandbox import visits
from mobile_units.sandbox.reading import (
    Interval,
    every,
    identity,
    interval,
    interval_of,
    only,
    optional,
    text,
    values,
    whole,
)
from mobile_units.sandbox.rules import CODE, MEANINGS, Fault, Rule, RuleBroken, require, require_owner

State = sqlite3.Connection
Offered = tuple[str, Interval, int]
"""The identifier of a slot, when it is, and how many places it has."""

COMMON = "http://csioz.gov.pl/p1/wspolne/mt/v0"
TYPES = "http://csioz.gov.pl/p1/cer/mt/v0"
FIRST_DAY, LAST_DAY = "0001-01-01", "9999-12-31"


class DuplicateMessage(Exception):  # noqa: N818  # a fact about a request, answered and not handled as an error
    """A message with this identifier was accepted before."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request under way: the state, the RPWDL book of the provider that calls, the operation and the instant."""

    state: State
    book: str
    operation: str
    at: datetime

    def change(self, request: Element) -> visits.Change:
        """The change that a request makes to visits."""
        message = identity(request, "identyfikatorKomunikatu")
        return visits.Change(self.at, visits.BY_PROVIDER, self.operation, message)


Operation = Callable[[Call, Element], list[Element]]


def save_service_place(call: Call, request: Element) -> list[Element]:
    """Registers a MUŚ or changes its data; whether it is active stays as it was."""
    place = only(request, "daneMus")
    identifier = identity(place, "identyfikator")
    require_owner(text(only(place, "identyfikatorPodmiotu"), "extension") == call.book)
    _require_own_number(call, identifier)
    call.state.execute(
        "INSERT INTO service_place (id, owner, name, mobile) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, mobile = excluded.mobile",
        (identifier, call.book, text(place, "nazwa"), text(place, "rodzaj") == "MOBILNE"),
    )
    return []


def import_mobile_points(call: Call, request: Element) -> list[Element]:
    """Registers mobile points of registered places."""
    for point in every(request, "mobilnyPunktObslugi"):
        identifier, place = identity(point, "identyfikator"), identity(point, "identyfikatorMus")
        _require_place(call, place)
        _require_own(call, "mobile_point", identifier)
        name = f"{text(point, 'miejscowosc')}, {text(point, 'nazwa')}"
        call.state.execute("REPLACE INTO mobile_point VALUES (?, ?, ?, ?)", (identifier, call.book, place, name))
    return []


def save_schedule(call: Call, request: Element) -> list[Element]:
    """Keeps a schedule; slots that it has already and that have places must stay inside its working time."""
    schedule = only(request, "harmonogram")
    identifier, place = identity(schedule, "identyfikator"), identity(schedule, "identyfikatorMus")
    _require_place(call, place)
    _require_own(call, "schedule", identifier)
    point = _point_of(call, schedule, place)
    times = [interval(time) for time in every(schedule, "czasPracy")]
    slots = call.state.execute("SELECT starts, ends FROM slot WHERE schedule = ? AND capacity > 0", (identifier,))
    _require_inside([(starts, ends) for starts, ends in slots], times)
    call.state.execute(
        "REPLACE INTO schedule VALUES (?, ?, ?, ?, ?)",
        (identifier, call.book, place, point, text(schedule, "kodZakresu")),
    )
    call.state.execute("DELETE FROM working_time WHERE schedule = ?", (identifier,))
    call.state.executemany("INSERT INTO working_time VALUES (?, ?, ?)", [(identifier, *time) for time in times])
    return []


def save_slots(call: Call, request: Element) -> list[Element]:
    """Offers slots of a schedule, all or none; one without places is withdrawn."""
    schedule = identity(request, "identyfikatorHarmonogramu")
    _require_schedule_for_slots(call, schedule)
    slots = [_offered(slot) for slot in every(request, "slot")]
    times = call.state.execute("SELECT starts, ends FROM working_time WHERE schedule = ?", (schedule,))
    _require_inside([when for _, when, places in slots if places], [(starts, ends) for starts, ends in times])
    kept = call.state.executemany(
        "INSERT INTO slot VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET day = excluded.day,"
        " starts = excluded.starts, ends = excluded.ends, capacity = excluded.capacity"
        " WHERE slot.schedule = excluded.schedule",
        [(identifier, schedule, _day(when[0]), *when, places) for identifier, when, places in slots],
    )
    if kept.rowcount != len(slots):
        _require_own_slots(call, slots)
        raise RuleBroken(Rule.SLOT_OF_ANOTHER_SCHEDULE)
    _follow_slots(call, schedule)
    return []


def activate_service_place(call: Call, request: Element) -> list[Element]:
    """Opens a place that offers at least one slot."""
    place = identity(request, "identyfikatorMus")
    _require_place(call, place)
    offered = "SELECT 1 FROM slot JOIN schedule ON schedule.id = slot.schedule WHERE service_place = ? LIMIT 1"
    require(call.state.execute(offered, (place,)).fetchone(), Rule.NO_SLOTS)
    call.state.execute("UPDATE service_place SET active = 1 WHERE id = ?", (place,))
    return []


def save_visit(call: Call, request: Element) -> list[Element]:
    """Keeps a visit in its present status."""
    visits.keep(call.state, only(request, "wizyta"), call.book, call.change(request))
    return []


def cancel_visit(call: Call, request: Element) -> list[Element]:
    """Cancels a visit; cancelling it again changes nothing but by whom."""
    by = text(request, "odwolanaPrzez")
    visits.cancel(call.state, identity(request, "identyfikatorWizyty"), call.book, by, call.change(request))
    return []


def load_visits(call: Call, request: Element) -> list[Element]:
    """Keeps visits that were booked before, each by itself; one that is known stays as it is.

    So the message can be repeated, and the answer names the visits that are refused again.
    """
    _remember(call, request)
    change = call.change(request)
    refused = []
    for visit in every(request, "wizyta"):
        try:
            if not visits.is_known(call.state, visit, call.book):
                visits.keep(call.state, visit, call.book, change)
        except RuleBroken as broken:
            refused.append(_refused(visit, broken.rule))
    return refused


def fetch_visit(call: Call, request: Element) -> list[Element]:
    """Answers with a visit as it stands."""
    return [visits.find(call.state, identity(request, "identyfikatorWizyty"), call.book)]


def fetch_message_state(call: Call, request: Element) -> list[Element]:
    """Answers whether a message of this provider was accepted."""
    message = identity(request, "identyfikatorKomunikatu")
    known = call.state.execute("SELECT 1 FROM message WHERE owner = ? AND id = ?", (call.book, message)).fetchone()
    return [_leaf("stanKomunikatu", "PRZYJETY" if known else "NIEZNANY")]


def fetch_changes(call: Call, request: Element) -> list[Element]:
    """Answers with the provider's visits that changed after a cursor, each once in its last state."""
    after, limit = _cursor(optional(request, "znacznik")), int(text(request, "najwyzejZmian"))
    first, last = optional(request, "dzienOd") or FIRST_DAY, optional(request, "dzienDo") or LAST_DAY
    found = visits.changes(call.state, call.book, after, first[:10], last[:10], limit + 1)
    told = found[:limit]
    cursor = told[-1]["sequence"] if told else after
    more = "true" if len(found) > limit else "false"
    return [*map(_change, told), _leaf("znacznik", str(cursor)), _leaf("saNastepne", more)]


def once(operation: Operation) -> Operation:
    """The operation with the memory of messages: DuplicateMessage is raised for one that was accepted before."""

    def carry_out(call: Call, request: Element) -> list[Element]:
        if not _remember(call, request):
            raise DuplicateMessage
        return operation(call, request)

    return carry_out


ONCE: dict[str, Operation] = {
    "zapiszDaneMus": once(save_service_place),
    "importujMobilnePunktyObsługi": once(import_mobile_points),
    "zapiszHarmonogram": once(save_schedule),
    "zapiszSloty": once(save_slots),
    "aktywujMus": once(activate_service_place),
    "zapiszWizyte": once(save_visit),
    "anulujWizyte": once(cancel_visit),
}
"""The operations whose messages are carried out once."""

OPERATIONS: dict[str, Operation] = {
    **ONCE,
    "zasilInicjalnie": load_visits,
    "pobierzWizyte": fetch_visit,
    "pobierzStanKomunikatu": fetch_message_state,
    "pobierzZmiany": fetch_changes,
}
"""What is done for each operation of the contract."""


def _remember(call: Call, request: Element) -> bool:
    """Whether the message is a new one."""
    message = identity(request, "identyfikatorKomunikatu")
    written = call.state.execute(
        "INSERT OR IGNORE INTO message (owner, id, operation, at) VALUES (?, ?, ?, ?)",
        (call.book, message, call.operation, call.at.timestamp()),
    )
    return bool(written.rowcount)


def _point_of(call: Call, schedule: Element, place: str) -> str | None:
    """The registered mobile point of a schedule, None for a stationary one."""
    flagged = text(schedule, "mobilnyPunktObslugi") in {"true", "1"}
    given = every(schedule, "identyfikatorMobilnegoPunktuObslugi")
    require(flagged == bool(given), Rule.POINT_MISSING)
    if not given:
        return None
    point = whole(given[0])
    row = call.state.execute("SELECT owner, service_place FROM mobile_point WHERE id = ?", (point,)).fetchone()
    require(row, Rule.UNKNOWN_POINT)
    require_owner(row["owner"] == call.book)
    require(row["service_place"] == place, Rule.POINT_OF_ANOTHER_PLACE)
    return point


def _require_own_number(call: Call, place: str) -> None:
    """The number of a place begins with the book of its provider."""
    require_owner(place.rpartition("/")[2].startswith(f"{call.book}-"))


def _require_place(call: Call, place: str) -> None:
    _require_own_number(call, place)
    known = call.state.execute("SELECT 1 FROM service_place WHERE id = ?", (place,)).fetchone()
    require(known, Rule.UNKNOWN_SERVICE_PLACE)


def _require_own(call: Call, table: str, identifier: str) -> None:
    """An object that is known is the caller's."""
    row = call.state.execute(f"SELECT owner FROM {table} WHERE id = ?", (identifier,)).fetchone()  # noqa: S608 -- one of our tables
    require_owner(row is None or row["owner"] == call.book)


def _require_own_slots(call: Call, slots: Iterable[Offered]) -> None:
    for identifier, _, _ in slots:
        row = call.state.execute(
            "SELECT owner FROM slot JOIN schedule ON schedule.id = slot.schedule WHERE slot.id = ?", (identifier,)
        ).fetchone()
        require_owner(row is None or row["owner"] == call.book)


def _require_schedule_for_slots(call: Call, schedule: str) -> None:
    row = call.state.execute(
        "SELECT schedule.owner, mobile, mobile_point FROM schedule"
        " JOIN service_place ON service_place.id = service_place WHERE schedule.id = ?",
        (schedule,),
    ).fetchone()
    require(row, Rule.UNKNOWN_SCHEDULE)
    require_owner(row["owner"] == call.book)
    require(row["mobile"] or row["mobile_point"] is None, Rule.STATIONARY_ON_MOBILE_SCHEDULE)


def _offered(slot: Element) -> Offered:
    identifier, *_ = slot.iterchildren("*")
    _, opens, closes, places, _ = values(slot)
    return whole(identifier), interval_of(opens, closes), int(places)


def _require_inside(slots: list[Interval], times: list[Interval]) -> None:
    """Each slot lies within one working time."""
    for starts, ends in slots:
        inside = any(opens <= starts and ends <= closes for opens, closes in times)
        require(inside, Rule.OUTSIDE_WORKING_TIME)


def _follow_slots(call: Call, schedule: str) -> None:
    """Visits move with their slots; a slot cannot have fewer places than visits."""
    overfull = call.state.execute(
        "SELECT 1 FROM slot JOIN visit ON visit.slot = slot.id WHERE schedule = ? AND status <> ?"
        " GROUP BY slot.id HAVING count(*) > capacity LIMIT 1",
        (schedule, visits.CANCELLED),
    )
    require(overfull.fetchone() is None, Rule.SLOT_FULL)
    call.state.execute(
        "UPDATE visit SET day = slot.day FROM slot WHERE slot.id = visit.slot AND slot.schedule = ?"
        " AND visit.slot IN (SELECT id FROM slot WHERE schedule = ?) AND visit.day <> slot.day",
        (schedule, schedule),
    )


def _day(instant: float) -> str:
    """The Polish day of an instant."""
    return datetime.fromtimestamp(instant, WARSAW).date().isoformat()


def _cursor(given: str | None) -> int:
    if given is not None and not (given.isascii() and given.isdecimal() and len(given) < 19):
        raise Fault("niepoprawnyKomunikat", "Nieznany znacznik.")
    return int(given or 0)


def _change(row: sqlite3.Row) -> Element:
    change = etree.Element("zmiana")
    at = datetime.fromtimestamp(row["changed_at"], UTC).isoformat(timespec="milliseconds")
    for name, content in (("chwila", at), ("zmienionaPrzez", row["changed_by"])):
        etree.SubElement(change, f"{{{TYPES}}}{name}").text = content
    visit = etree.fromstring(row["content"])
    visit.tag = f"{{{TYPES}}}wizyta"
    change.append(visit)
    return change


def _refused(visit: Element, rule: Rule) -> Element:
    refused = etree.Element("odrzuconaWizyta")
    identifier = etree.SubElement(refused, f"{{{TYPES}}}identyfikator")
    for name, content in zip(("extension", "root"), values(only(visit, "identyfikator")), strict=True):
        etree.SubElement(identifier, f"{{{COMMON}}}{name}").text = content
    etree.SubElement(refused, f"{{{TYPES}}}kod").text = f"{CODE}minor:BladWeryfikacjiRegul"
    etree.SubElement(refused, f"{{{TYPES}}}komunikat").text = f"{rule}: {MEANINGS[rule]}"
    return refused


def _leaf(name: str, content: str) -> Element:
    leaf = etree.Element(name)
    leaf.text = content
    return leaf
