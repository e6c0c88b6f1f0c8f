"""The woman's side of the central system (IKP): she books a free slot, moves her visit and cancels it.

What she does is checked by the rules of visits and told to the provider in the feed of changes.
"""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from lxml import etree
from lxml.etree import _Element as Element

from mobile_units import clock
from mobile_units.clock import WARSAW
from mobile_units.sandbox import visits
from mobile_units.sandbox.contract import Contract
from mobile_units.sandbox.operations import COMMON, TYPES
from mobile_units.sandbox.reading import only, text
from mobile_units.sandbox.rules import Rule, require
from mobile_units.sandbox.state import SandboxState

CENTRE = "2.25"
"""The OID root of what the centre numbers itself: UUIDs as decimal integers."""
PESEL = "2.16.840.1.113883.3.4424.1.1.616"
BREAST_SPECIALTY = "7940"
MESSAGES = "http://csioz.gov.pl/p1/cer/ws/v0"


class BadBookingError(ValueError):
    """What a woman gave is no visit; the text says where, without what she gave."""


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """A slot in which a woman can book."""

    id: str
    starts: datetime
    ends: datetime
    free: int
    product_code: str
    place: str


class Ikp:
    """What women can do; each call is one transaction."""

    def __init__(self, contract: Contract, state: SandboxState) -> None:
        self._contract = contract
        self._state = state

    def free_slots(self, limit: int = 200) -> list[FreeSlot]:
        """Slots of active places with room, the earliest first; those that are over only if there are no others."""
        with self._state.transaction() as state:
            found = state.execute(_FREE, (visits.CANCELLED, clock.now().timestamp(), limit)).fetchall()
            rows = found or state.execute(_FREE, (visits.CANCELLED, 0, limit)).fetchall()
        return [_free_slot(row) for row in rows]

    def book(self, given: object) -> str:
        """Books a visit from its fields `slot`, `patient`, `path` and, if wanted, `product_code`; its identifier.

        Raises:
            BadBookingError: a field lacks or cannot be.
            RuleBroken: the slot, its place or another visit of the woman forbids it.
        """
        identifier = f"{CENTRE}/{uuid4().int}"
        with self._state.transaction() as state:
            visit = self._visit(state, identifier, _Fields(given))
            _require_programme(state, visit)
            visits.keep(state, visit, None, _by_woman("IKP: umówienie"))
        return identifier

    def move(self, visit_id: str, slot: object) -> None:
        """Gives a booked visit another slot.

        Raises:
            BadBookingError: the slot is not named as root and extension.
            RuleBroken: there is no such visit, it is over, or the slot forbids it.
        """
        with self._state.transaction() as state:
            visit = _booked(state, visit_id)
            former = only(visit, "identyfikatorSlotu")
            visit.replace(former, _identifier("identyfikatorSlotu", slot))
            _require_programme(state, visit)
            visits.keep(state, visit, None, _by_woman("IKP: przełożenie"))

    def cancel(self, visit_id: str) -> None:
        """Cancels a booked visit; RuleBroken if there is none."""
        with self._state.transaction() as state:
            _booked(state, visit_id)
            visits.cancel(state, visit_id, None, visits.BY_WOMAN, _by_woman("IKP: odwołanie"))

    def _visit(self, state: sqlite3.Connection, identifier: str, fields: "_Fields") -> Element:
        """A visit made of what a woman gave, valid by the contract."""
        try:
            visit = _element(state, identifier, fields)
        except ValueError as wrong:
            raise BadBookingError(str(wrong)) from None
        request = etree.Element(f"{{{MESSAGES}}}zapiszWizyteReq")
        message = _identifier("identyfikatorKomunikatu", identifier)
        message.tag = "identyfikatorKomunikatu"
        request.append(message)
        request.append(visit)
        if problem := self._contract.problem(request):
            raise BadBookingError(problem)
        return visit


class _Fields:
    """The fields of an object from outside, each a text."""

    def __init__(self, given: object) -> None:
        if not isinstance(given, dict):
            raise BadBookingError("an object is wanted")
        self._given = given

    def text(self, name: str) -> str:
        """A field that is needed; BadBookingError."""
        value = self._given.get(name)
        if not isinstance(value, str) or not value.strip():
            raise BadBookingError(f"{name} is needed and is a text")
        return value.strip()

    def optional(self, name: str) -> str | None:
        """A field that need not be there."""
        return self.text(name) if self._given.get(name) else None

    def inside(self, name: str) -> "_Fields":
        """A field that is an object itself."""
        return _Fields(self._given.get(name))


_FREE = """
SELECT slot.id, slot.starts, slot.ends, product_code, service_place.name,
    capacity - (SELECT count(*) FROM visit WHERE visit.slot = slot.id AND visit.status <> ?) AS free
FROM slot JOIN schedule ON schedule.id = slot.schedule JOIN service_place ON service_place.id = schedule.service_place
WHERE active AND free > 0 AND slot.starts >= ? ORDER BY slot.starts LIMIT ?
"""


def _free_slot(row: sqlite3.Row) -> FreeSlot:
    starts, ends = (datetime.fromtimestamp(row[name], UTC).astimezone(WARSAW) for name in ("starts", "ends"))
    return FreeSlot(row["id"], starts, ends, row["free"], row["product_code"], row["name"])


def _by_woman(operation: str) -> visits.Change:
    return visits.Change(clock.now(), visits.BY_WOMAN, operation)


def _booked(state: sqlite3.Connection, identifier: str) -> Element:
    visit = visits.find(state, identifier, None)
    require(text(visit, "status") == visits.BOOKED, Rule.VISIT_OVER)
    return visit


def _code_of(state: sqlite3.Connection, slot: str) -> str | None:
    """The product code of a slot's schedule."""
    row = state.execute(
        "SELECT product_code FROM slot JOIN schedule ON schedule.id = slot.schedule WHERE slot.id = ?", (slot,)
    ).fetchone()
    return row["product_code"] if row else None


def _require_programme(state: sqlite3.Connection, visit: Element) -> None:
    """The examination and its code belong to the programme of the schedule, which its code tells."""
    slot = "/".join(_parts(only(visit, "identyfikatorSlotu")))
    code = _code_of(state, slot)
    require(code, Rule.UNKNOWN_SLOT)
    programme = visits.PROGRAMMES[text(visit, "sciezka")]
    fits = {_programme_of(code or ""), _programme_of(text(visit, "kodZakresu"))} == {programme}
    require(fits, Rule.PATH_DOES_NOT_FIT)


def _programme_of(code: str) -> str:
    """The programme of a product code: mammography is a specialty of its own, the rest is cervical."""
    return "breast" if code.split(".")[1:2] == [BREAST_SPECIALTY] else "cervical"


def _parts(identifier: Element) -> tuple[str, str]:
    return text(identifier, "root"), text(identifier, "extension")


def _element(state: sqlite3.Connection, identifier: str, fields: _Fields) -> Element:
    slot, patient = fields.text("slot"), fields.inside("patient")
    require(code := _code_of(state, slot), Rule.UNKNOWN_SLOT)
    visit = etree.Element("wizyta")
    visit.append(_identifier("identyfikator", identifier))
    visit.append(_identifier("identyfikatorSlotu", slot))
    woman = etree.SubElement(visit, f"{{{TYPES}}}pacjent")
    woman.append(_identifier("identyfikator", f"{PESEL}/{patient.text('pesel')}"))
    for name, field in (("imie", "given_name"), ("nazwisko", "family_name"), ("dataUrodzenia", "birth_date")):
        _add(woman, name, patient.text(field))
    if telephone := patient.optional("telephone"):
        _add(woman, "telefon", telephone)
    _add(visit, "kodZakresu", fields.optional("product_code") or code or "")
    for name, value in (("sciezka", fields.text("path")), ("pilna", "false"), ("status", visits.BOOKED)):
        _add(visit, name, value)
    return visit


def _identifier(name: str, given: object) -> Element:
    """An identifier that was written as root/extension."""
    root, _, extension = given.partition("/") if isinstance(given, str) else ("", "", "")
    if not (root and extension):
        raise BadBookingError("an identifier is written root/extension")
    element = etree.Element(f"{{{TYPES}}}{name}")
    for part, value in (("extension", extension), ("root", root)):
        etree.SubElement(element, f"{{{COMMON}}}{part}").text = value
    return element


def _add(parent: Element, name: str, value: str) -> None:
    etree.SubElement(parent, f"{{{TYPES}}}{name}").text = value
