"""Why a slot was orphaned: it would have gone, or taken fewer women, but for its visits."""

from enum import StrEnum


class Cause(StrEnum):
    """What was done that left a slot orphaned."""

    STOP_CHANGED = "stop_changed"
    STOP_WITHDRAWN = "stop_withdrawn"
    PLACE_CHANGED = "place_changed"
    ITINERARY_PUBLISHED = "itinerary_published"
    TEMPLATE_APPLIED = "template_applied"
    SLOT_WITHDRAWN = "slot_withdrawn"
    CAPACITY_CHANGED = "capacity_changed"

    @property
    def name_pl(self) -> str:
        """What was done, in Polish."""
        return _NAMES_PL[self]


_NAMES_PL = {
    Cause.STOP_CHANGED: "zmieniono postój",
    Cause.STOP_WITHDRAWN: "wycofano postój",
    Cause.PLACE_CHANGED: "zmieniono godziny pracowni",
    Cause.ITINERARY_PUBLISHED: "opublikowano nową wersję trasy",
    Cause.TEMPLATE_APPLIED: "zastosowano szablon",
    Cause.SLOT_WITHDRAWN: "wycofano termin",
    Cause.CAPACITY_CHANGED: "zmniejszono liczbę miejsc w terminie",
}
