"""The life of a bulk move: proposed, then applied as a whole, then perhaps undone as a whole."""

from enum import StrEnum


class BulkMoveStatus(StrEnum):
    """Where a bulk move stands."""

    PROPOSED = "proposed"
    APPLIED = "applied"
    UNDONE = "undone"
    DISCARDED = "discarded"

    @property
    def name_pl(self) -> str:
        """The Polish name of the status."""
        return _NAMES_PL[self]


_NAMES_PL = {
    BulkMoveStatus.PROPOSED: "propozycja",
    BulkMoveStatus.APPLIED: "wykonane",
    BulkMoveStatus.UNDONE: "cofnięte",
    BulkMoveStatus.DISCARDED: "odrzucone",
}
