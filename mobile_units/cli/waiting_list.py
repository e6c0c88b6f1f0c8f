"""The waiting list within a worker: freed places are offered in order, and entries end that others decided."""

from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from mobile_units import clock, db
from mobile_units.config import Settings

if TYPE_CHECKING:
    from mobile_units.transmission.rounds import Rounds

EVERY_SECONDS = 3.0


def offers_of(settings: Settings, engine: Engine, stop: Event) -> "Rounds":
    """The rounds that offer places; any number of workers share the work."""
    from mobile_units.transmission.rounds import Rounds

    places = Places(engine, timedelta(hours=settings.offer_hours), stop)
    return Rounds("waiting_list", places.go_round, EVERY_SECONDS, stop)


@dataclass(frozen=True, slots=True)
class Places:
    """Offers places; `allowed` is how long by day a woman may think an offer over."""

    engine: Engine
    allowed: timedelta
    stop: Event

    def go_round(self) -> None:
        """One round, each step a transaction of its own."""
        from mobile_units.services import offers

        with db.transaction(self.engine) as session:
            offers.settle(session, clock.now())
            kept = offers.due(session)
        for slot_id in kept:
            self._offer(slot_id)

    def _offer(self, slot_id: int) -> None:
        """Offers the places of a slot one after the other, as long as there is one and somebody to take it."""
        from mobile_units.services import offers

        while not self.stop.is_set():
            with db.transaction(self.engine) as session:
                if offers.offer(session, slot_id, clock.now(), self.allowed) is not offers.Offered.TO_A_WOMAN:
                    return
