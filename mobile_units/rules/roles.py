"""Roles of users; a user may have several."""

from enum import StrEnum


class Role(StrEnum):
    """What a user may do: plan, book, settle, or administer."""

    COORDINATOR = "coordinator"
    MIDWIFE = "midwife"
    SETTLEMENT = "settlement"
    ADMINISTRATOR = "administrator"
