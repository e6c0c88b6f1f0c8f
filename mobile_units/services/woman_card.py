"""All that is needed of one woman at once to book: for what she may be screened, her visits, what she waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.eligibility import Assessment
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.visits import ACTIVE
from mobile_units.services import slot_search, visits, waiting_list, waiting_places, women
from mobile_units.services.actors import Actor
from mobile_units.services.queries import Paging
from mobile_units.services.slot_search import SlotAtPlace
from mobile_units.services.visits import VisitFilter
from mobile_units.services.waiting_list import EntryFilter, EntryInQueue

LISTED = Paging(page_size=200)


@dataclass(frozen=True, slots=True)
class VisitAtPlace:
    """A visit, and where it is."""

    visit: Visit
    place: SlotAtPlace


@dataclass(frozen=True, slots=True)
class EntryAtPlace:
    """An entry on the waiting list, for which stop or area it is, and the place that is or was offered last."""

    queued: EntryInQueue
    where: str
    offered: SlotAtPlace | None


@dataclass(frozen=True, slots=True)
class WomanCard:
    """A woman; visits to come are in order, `past` ones the last first."""

    woman: Woman
    assessments: Mapping[Path, Assessment]
    to_come: Sequence[VisitAtPlace]
    past: Sequence[VisitAtPlace]
    entries: Sequence[EntryAtPlace]

    def active_in(self, programme: Programme) -> VisitAtPlace | None:
        """Her one visit to come in a programme."""
        return next((each for each in self.to_come if each.visit.programme is programme), None)


def read(session: Session, actor: Actor, woman_id: int, today: date) -> WomanCard:
    """A woman with all that is known of her here; the reading is noted in the audit log.

    Raises:
        DomainError: `not_found`, `woman_merged`.
    """
    woman = women.get(session, actor, woman_id)
    booked = visits_of(session, actor, woman_id)
    queued = waiting_list.find(session, actor, EntryFilter(paging=LISTED, woman_id=woman_id)).items
    return WomanCard(
        woman=woman,
        assessments={path: women.assess(session, woman, path, today) for path in Path},
        to_come=[each for each in booked if each.visit.status in ACTIVE],
        past=[each for each in reversed(booked) if each.visit.status not in ACTIVE],
        entries=at_places(session, actor, queued),
    )


def visits_of(session: Session, actor: Actor, woman_id: int) -> Sequence[VisitAtPlace]:
    """Her visits by time, with their places; noted in the audit log."""
    found = visits.find(session, actor, VisitFilter(paging=LISTED, woman_id=woman_id)).items
    places = {slot.id: slot for slot in slot_search.get_many(session, actor, {visit.slot_id for visit in found})}
    return [VisitAtPlace(visit, places[visit.slot_id]) for visit in found]


def at_places(session: Session, actor: Actor, queued: Sequence[EntryInQueue]) -> Sequence[EntryAtPlace]:
    """Entries with the names of what the women wait for, and with what is offered to them."""
    entries = [each.entry for each in queued]
    named = waiting_places.names(session, actor, entries)
    slot_ids = {entry.visit.slot_id for entry in entries if entry.visit is not None}
    offered = {slot.id: slot for slot in slot_search.get_many(session, actor, slot_ids)} if slot_ids else {}
    return [
        EntryAtPlace(each, named[each.entry.id], offered.get(each.entry.visit.slot_id) if each.entry.visit else None)
        for each in queued
    ]
