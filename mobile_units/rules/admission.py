"""Who may book a slot: where it is booked, and for whom it is reserved."""

from enum import StrEnum


class BookingChannel(StrEnum):
    """Where a woman books: in the central e-registration (IKP), at the provider's desk, or by telephone."""

    CENTRAL = "central"
    DESK = "desk"
    TELEPHONE = "telephone"

    @property
    def name_pl(self) -> str:
        """The Polish name of the channel."""
        return _CHANNELS_PL[self]


_CHANNELS_PL = {
    BookingChannel.CENTRAL: "centralna e-rejestracja (IKP)",
    BookingChannel.DESK: "rejestracja na miejscu",
    BookingChannel.TELEPHONE: "telefon",
}


class Reservation(StrEnum):
    """For whom alone a slot is: urgent cases, by whichever channel they come, or those who book by one channel."""

    URGENT = "urgent"
    CENTRAL = "central"
    DESK = "desk"
    TELEPHONE = "telephone"

    @property
    def name_pl(self) -> str:
        """The Polish name of those who may book."""
        return "przypadki pilne" if self is Reservation.URGENT else BookingChannel(self.value).name_pl


def reservations_open_to(channel: BookingChannel, *, urgent: bool) -> frozenset[Reservation]:
    """The reservations under which a woman may book; a slot that is not reserved is open to everybody."""
    own = Reservation(channel.value)
    return frozenset({own, Reservation.URGENT} if urgent else {own})


def is_public(reserved_for: Reservation | None) -> bool:
    """Whether women may book the slot themselves, in the central e-registration."""
    return reserved_for in {None, Reservation.CENTRAL}
