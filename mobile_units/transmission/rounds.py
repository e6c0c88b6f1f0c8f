"""Something that is done again and again beside the workers, in a thread of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rounds:
    """Does `action` every `seconds` until `stop` is set; an error is logged, and the next round comes all the same."""

    name: str
    action: Callable[[], object]
    seconds: float
    stop: Event

    def run(self) -> None:
        """Goes round; a round that has begun is ended by the action itself, which knows `stop`."""
        while not self.stop.is_set():
            try:
                self.action()
            except Exception:
                log.exception("round_failed", round=self.name)
            self.stop.wait(self.seconds)
