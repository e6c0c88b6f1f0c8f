"""Repair after a breakdown: what may be done with the stops of a unit that is out."""

from enum import StrEnum


class RepairKind(StrEnum):
    """What is done with the stops that are hit.

    `WITHDRAW` leaves out the days of the breakdown; `POSTPONE` moves them to later free days of the unit; `SHIFT` moves
    the unit's following stops, too, in their order; `TAKE_OVER` gives them to other units in their free days; `MIXED`
    takes whichever of these two is sooner.
    """

    WITHDRAW = "withdraw"
    POSTPONE = "postpone"
    SHIFT = "shift"
    TAKE_OVER = "take_over"
    MIXED = "mixed"
