"""The vocabulary of the hand-over to the central e-registration."""

from enum import StrEnum


class MessageKind(StrEnum):
    """The steps of the hand-over; each kind has one encoder."""

    SAVE_SERVICE_PLACE = "save_service_place"
    IMPORT_MOBILE_POINTS = "import_mobile_points"
    SAVE_SCHEDULE = "save_schedule"
    SAVE_SLOTS = "save_slots"
    ACTIVATE_SERVICE_PLACE = "activate_service_place"
    SAVE_VISIT = "save_visit"
    CANCEL_VISIT = "cancel_visit"
