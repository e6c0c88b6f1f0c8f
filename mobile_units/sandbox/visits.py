"""Visits: kept, cancelled and moved, by a provider or by the woman herself; and the feed of their changes."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from lxml import etree
from lxml.etree import _Element as Element

from mobile_units.sandbox.reading import append, every, identity, only, text
from mobile_units.sandbox.rules import Rule, require, require_owner

State = sqlite3.Connection

CANCELLED = "ODWOLANA"
BOOKED = "UMOWIONA"
BY_PROVIDER = "SWIADCZENIODAWCA"
BY_WOMAN = "PACJENT"
PROGRAMMES = {"MAMMOGRAFIA": "breast", "CYTOLOGIA_KLASYCZNA": "cervical", "HPV_LBC": "cervical"}
"""The programme of each examination; a woman cannot hold two visits in one programme."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a visit: when, by whom (as the feed says it), in which operation and message (None: in IKP)."""

    at: datetime
    by: str
    operation: str
    message: str | None = None


def keep(state: State, visit: Element, owner: str | None, change: Change) -> None:
    """Keeps a visit in the status that it gives.

    `owner` is the provider that may do so, None for the woman herself.

    Raises:
        RuleBroken: a rule of visits forbids it.
        Fault: the slot or the visit belongs to another provider.
    """
    identifier, slot = identity(visit, "identyfikator"), identity(visit, "identyfikatorSlotu")
    status = text(visit, "status")
    woman, programme = identity(only(visit, "pacjent"), "identyfikator"), PROGRAMMES[text(visit, "sciezka")]
    place = _place_of(state, slot, owner)
    known = state.execute("SELECT owner FROM visit WHERE id = ?", (identifier,)).fetchone()
    require_owner(known is None or known["owner"] == place["owner"])
    require(place["active"], Rule.NOT_ACTIVE)
    if status != CANCELLED:
        _require_room(state, slot, identifier, place["capacity"])
    if status == BOOKED:
        _require_only_visit(state, woman, programme, identifier)
    subject = (identifier, place["owner"], slot, place["day"], woman, programme, status, etree.tostring(visit))
    changed = (_next(state, identifier, status, change), change.at.timestamp(), change.by)
    state.execute("REPLACE INTO visit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", subject + changed)


def cancel(state: State, identifier: str, owner: str | None, by: str, change: Change) -> None:
    """Cancels a visit; cancelling it again changes nothing but by whom.

    Raises:
        RuleBroken: there is no such visit.
        Fault: it belongs to another provider.
    """
    visit = find(state, identifier, owner)
    only(visit, "status").text = CANCELLED
    for former in every(visit, "odwolanaPrzez"):
        visit.remove(former)
    append(visit, "odwolanaPrzez", by)
    sequence = _next(state, identifier, CANCELLED, change)
    state.execute(
        "UPDATE visit SET status = ?, content = ?, sequence = ?, changed_at = ?, changed_by = ? WHERE id = ?",
        (CANCELLED, etree.tostring(visit), sequence, change.at.timestamp(), change.by, identifier),
    )


def find(state: State, identifier: str, owner: str | None) -> Element:
    """A visit as it stands; RuleBroken if there is none, Fault if it is another provider's."""
    row = state.execute("SELECT owner, content FROM visit WHERE id = ?", (identifier,)).fetchone()
    require(row, Rule.UNKNOWN_VISIT)
    require_owner(owner in {None, row["owner"]})
    return etree.fromstring(row["content"])


def is_known(state: State, visit: Element, owner: str) -> bool:
    """Whether the provider has told this visit before; Fault if another one has."""
    row = state.execute("SELECT owner FROM visit WHERE id = ?", (identity(visit, "identyfikator"),)).fetchone()
    require_owner(row is None or row["owner"] == owner)
    return row is not None


def changes(  # noqa: PLR0913, PLR0917 -- the fields of the question
    state: State, owner: str, after: int, first_day: str, last_day: str, limit: int
) -> list[sqlite3.Row]:
    """The visits of a provider that changed after this number, each in its last state, in the order of the changes."""
    return state.execute(
        "SELECT sequence, changed_at, changed_by, content FROM visit"
        " WHERE owner = ? AND sequence > ? AND day BETWEEN ? AND ? ORDER BY sequence LIMIT ?",
        (owner, after, first_day, last_day, limit),
    ).fetchall()


def _next(state: State, visit: str, status: str, change: Change) -> int | None:
    """The number of this change, greater than that of any before."""
    written = state.execute(
        "INSERT INTO visit_message (visit, message, operation, status) VALUES (?, ?, ?, ?)",
        (visit, change.message, change.operation, status),
    )
    return written.lastrowid


def _place_of(state: State, slot: str, owner: str | None) -> sqlite3.Row:
    """What a visit needs to know of its slot: `day`, `capacity`, `active` and `owner`."""
    row: sqlite3.Row = state.execute(
        "SELECT slot.day, capacity, active, service_place.owner FROM slot JOIN schedule ON schedule.id = slot.schedule"
        " JOIN service_place ON service_place.id = schedule.service_place WHERE slot.id = ?",
        (slot,),
    ).fetchone()
    require(row, Rule.UNKNOWN_SLOT)
    require_owner(owner in {None, row["owner"]})
    return row


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
