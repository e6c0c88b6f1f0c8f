"""What each operation of the contract does to the state, and the rules it obeys.

An operation is given the state, inside a transaction, and a request that the schema has found valid. It returns the
elements of its answer besides the result.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime

from lxml import etree
from lxml.etree import _Element as Element

from mobile_units.sandbox.rules import Rule, require

State = sqlite3.Connection
Interval = tuple[float, float]

CANCELLED = "ODWOLANA"
BOOKED = "UMOWIONA"
PROGRAMMES = {"MAMMOGRAFIA": "breast", "CYTOLOGIA_KLASYCZNA": "cervical", "HPV_LBC": "cervical"}
"""The programme of each examination; a woman cannot hold two visits in one programme."""


class DuplicateMessage(Exception):  # noqa: N818  # a fact about a request, answered and not handled as an error
    """A message with this identifier was accepted before."""


def save_service_place(state: State, request: Element) -> list[Element]:
    """Registers a MUŚ or changes its data; whether it is active stays as it was."""
    place = _only(request, "daneMus")
    state.execute(
        "INSERT INTO service_place (id, mobile) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET mobile = excluded.mobile",
        (_id(place, "identyfikator"), _text(place, "rodzaj") == "MOBILNE"),
    )
    return []


def import_mobile_points(state: State, request: Element) -> list[Element]:
    """Registers mobile points of registered places."""
    for point in _all(request, "mobilnyPunktObslugi"):
        place = _id(point, "identyfikatorMus")
        _require_place(state, place)
        state.execute(
            "REPLACE INTO mobile_point (id, service_place) VALUES (?, ?)", (_id(point, "identyfikator"), place)
        )
    return []


def save_schedule(state: State, request: Element) -> list[Element]:
    """Keeps a schedule; slots that it has already must stay inside its working time."""
    schedule = _only(request, "harmonogram")
    identifier, place = _id(schedule, "identyfikator"), _id(schedule, "identyfikatorMus")
    _require_place(state, place)
    point = _point_of(state, schedule, place)
    times = [_interval(time) for time in _all(schedule, "czasPracy")]
    slots = state.execute("SELECT starts, ends FROM slot WHERE schedule = ?", (identifier,))
    _require_inside([(starts, ends) for starts, ends in slots], times)
    state.execute(
        "REPLACE INTO schedule (id, service_place, mobile_point) VALUES (?, ?, ?)", (identifier, place, point)
    )
    state.execute("DELETE FROM working_time WHERE schedule = ?", (identifier,))
    state.executemany("INSERT INTO working_time VALUES (?, ?, ?)", [(identifier, *time) for time in times])
    return []


def save_slots(state: State, request: Element) -> list[Element]:
    """Offers slots of a schedule, all or none."""
    schedule = _id(request, "identyfikatorHarmonogramu")
    _require_schedule_for_slots(state, schedule)
    slots = [
        (_id(slot, "identyfikator"), _interval(slot), int(_text(slot, "liczbaMiejsc")))
        for slot in _all(request, "slot")
    ]
    times = state.execute("SELECT starts, ends FROM working_time WHERE schedule = ?", (schedule,))
    _require_inside([interval for _, interval, _ in slots], [(starts, ends) for starts, ends in times])
    kept = state.executemany(
        "INSERT INTO slot VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET starts = excluded.starts,"
        " ends = excluded.ends, capacity = excluded.capacity WHERE slot.schedule = excluded.schedule",
        [(identifier, schedule, *interval, capacity) for identifier, interval, capacity in slots],
    )
    require(kept.rowcount == len(slots), Rule.SLOT_OF_ANOTHER_SCHEDULE)
    _require_no_overfull_slot(state, schedule)
    return []


def activate_service_place(state: State, request: Element) -> list[Element]:
    """Opens a place that offers at least one slot."""
    place = _id(request, "identyfikatorMus")
    _require_place(state, place)
    offered = "SELECT 1 FROM slot JOIN schedule ON schedule.id = slot.schedule WHERE service_place = ? LIMIT 1"
    require(state.execute(offered, (place,)).fetchone(), Rule.NO_SLOTS)
    state.execute("UPDATE service_place SET active = 1 WHERE id = ?", (place,))
    return []


def save_visit(state: State, request: Element) -> list[Element]:
    """Keeps a visit in its present status."""
    visit = _only(request, "wizyta")
    identifier, slot, status = _id(visit, "identyfikator"), _id(visit, "identyfikatorSlotu"), _text(visit, "status")
    woman, programme = _id(_only(visit, "pacjent"), "identyfikator"), PROGRAMMES[_text(visit, "sciezka")]
    capacity = _capacity_of_active(state, slot)
    if status != CANCELLED:
        _require_room(state, slot, identifier, capacity)
    if status == BOOKED:
        _require_only_visit(state, woman, programme, identifier)
    state.execute(
        "REPLACE INTO visit VALUES (?, ?, ?, ?, ?, ?)",
        (identifier, slot, woman, programme, status, etree.tostring(visit)),
    )
    return []


def cancel_visit(state: State, request: Element) -> list[Element]:
    """Cancels a visit; cancelling it again changes nothing but by whom."""
    identifier = _id(request, "identyfikatorWizyty")
    visit = _visit(state, identifier)
    _only(visit, "status").text = CANCELLED
    for former in _all(visit, "odwolanaPrzez"):
        visit.remove(former)
    _append(visit, "odwolanaPrzez", _text(request, "odwolanaPrzez"))
    state.execute(
        "UPDATE visit SET status = ?, content = ? WHERE id = ?", (CANCELLED, etree.tostring(visit), identifier)
    )
    return []


def fetch_visit(state: State, request: Element) -> list[Element]:
    """Answers with a visit as it stands."""
    return [_visit(state, _id(request, "identyfikatorWizyty"))]


def fetch_message_state(state: State, request: Element) -> list[Element]:
    """Answers whether a message was accepted."""
    message = _id(request, "identyfikatorKomunikatu")
    known = state.execute("SELECT 1 FROM message WHERE id = ?", (message,)).fetchone()
    answer = etree.Element("stanKomunikatu")
    answer.text = "PRZYJETY" if known else "NIEZNANY"
    return [answer]


def once(operation: Callable[[State, Element], list[Element]]) -> Callable[[State, Element], list[Element]]:
    """The operation with the memory of messages: DuplicateMessage is raised for one that was accepted before."""

    def carry_out(state: State, request: Element) -> list[Element]:
        message = _id(request, "identyfikatorKomunikatu")
        if not state.execute("INSERT OR IGNORE INTO message VALUES (?)", (message,)).rowcount:
            raise DuplicateMessage
        return operation(state, request)

    return carry_out


OPERATIONS: dict[str, Callable[[State, Element], list[Element]]] = {
    "zapiszDaneMus": once(save_service_place),
    "importujMobilnePunktyObsługi": once(import_mobile_points),
    "zapiszHarmonogram": once(save_schedule),
    "zapiszSloty": once(save_slots),
    "aktywujMus": once(activate_service_place),
    "zapiszWizyte": once(save_visit),
    "anulujWizyte": once(cancel_visit),
    "pobierzWizyte": fetch_visit,
    "pobierzStanKomunikatu": fetch_message_state,
}
"""What is done for each operation of the contract."""


def _point_of(state: State, schedule: Element, place: str) -> str | None:
    """The registered mobile point of a schedule, None for a stationary one."""
    flagged = _text(schedule, "mobilnyPunktObslugi") in {"true", "1"}
    given = _all(schedule, "identyfikatorMobilnegoPunktuObslugi")
    require(flagged == bool(given), Rule.POINT_MISSING)
    if not given:
        return None
    point = _id(schedule, "identyfikatorMobilnegoPunktuObslugi")
    row = state.execute("SELECT service_place FROM mobile_point WHERE id = ?", (point,)).fetchone()
    require(row, Rule.UNKNOWN_POINT)
    require(row["service_place"] == place, Rule.POINT_OF_ANOTHER_PLACE)
    return point


def _require_place(state: State, place: str) -> None:
    known = state.execute("SELECT 1 FROM service_place WHERE id = ?", (place,)).fetchone()
    require(known, Rule.UNKNOWN_SERVICE_PLACE)


def _require_schedule_for_slots(state: State, schedule: str) -> None:
    row = state.execute(
        "SELECT mobile, mobile_point FROM schedule JOIN service_place ON service_place.id = service_place"
        " WHERE schedule.id = ?",
        (schedule,),
    ).fetchone()
    require(row, Rule.UNKNOWN_SCHEDULE)
    require(row["mobile"] or row["mobile_point"] is None, Rule.STATIONARY_ON_MOBILE_SCHEDULE)


def _require_inside(slots: list[Interval], times: list[Interval]) -> None:
    """Each slot lies within one working time."""
    for starts, ends in slots:
        inside = any(opens <= starts and ends <= closes for opens, closes in times)
        require(inside, Rule.OUTSIDE_WORKING_TIME)


def _require_no_overfull_slot(state: State, schedule: str) -> None:
    overfull = state.execute(
        "SELECT 1 FROM slot JOIN visit ON visit.slot = slot.id WHERE schedule = ? AND status <> ?"
        " GROUP BY slot.id HAVING count(*) > capacity LIMIT 1",
        (schedule, CANCELLED),
    )
    require(overfull.fetchone() is None, Rule.SLOT_FULL)


def _capacity_of_active(state: State, slot: str) -> int:
    row = state.execute(
        "SELECT capacity, active FROM slot JOIN schedule ON schedule.id = slot.schedule"
        " JOIN service_place ON service_place.id = schedule.service_place WHERE slot.id = ?",
        (slot,),
    ).fetchone()
    require(row, Rule.UNKNOWN_SLOT)
    require(row["active"], Rule.NOT_ACTIVE)
    return int(row["capacity"])


def _require_room(state: State, slot: str, visit: str, capacity: int) -> None:
    (taken,) = state.execute(
        "SELECT count(*) FROM visit WHERE slot = ? AND status <> ? AND id <> ?", (slot, CANCELLED, visit)
    ).fetchone()
    require(taken < capacity, Rule.SLOT_FULL)


def _require_only_visit(state: State, woman: str, programme: str, visit: str) -> None:
    other = state.execute(
        "SELECT 1 FROM visit WHERE woman = ? AND programme = ? AND status = ? AND id <> ?",
        (woman, programme, BOOKED, visit),
    )
    require(other.fetchone() is None, Rule.PARALLEL_VISIT)


def _visit(state: State, identifier: str) -> Element:
    row = state.execute("SELECT content FROM visit WHERE id = ?", (identifier,)).fetchone()
    require(row, Rule.UNKNOWN_VISIT)
    return etree.fromstring(row["content"])


def _all(element: Element, name: str) -> list[Element]:
    return element.findall(f"{{*}}{name}")


def _only(element: Element, name: str) -> Element:
    return _all(element, name)[0]


def _text(element: Element, name: str) -> str:
    return (_only(element, name).text or "").strip()


def _id(element: Element, name: str) -> str:
    identifier = _only(element, name)
    return f"{_text(identifier, 'root')}/{_text(identifier, 'extension')}"


def _interval(element: Element) -> Interval:
    starts, ends = (datetime.fromisoformat(_text(element, name)).timestamp() for name in ("od", "do"))
    require(starts < ends, Rule.ENDS_BEFORE_IT_STARTS)
    return starts, ends


def _append(parent: Element, name: str, text: str) -> None:
    child = etree.SubElement(parent, f"{{{etree.QName(parent[0]).namespace}}}{name}")
    child.text = text
