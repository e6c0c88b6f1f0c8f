"""How the demonstration tells what it does: a bar on a terminal, plain lines elsewhere, always on standard error."""

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tqdm import tqdm


@dataclass(slots=True)
class Progress:
    """Steps and counts of one run, with the seconds since it began."""

    started: float = field(default_factory=time.monotonic)
    interactive: bool = field(default_factory=sys.stderr.isatty)

    def step(self, title: str) -> None:
        """Says what begins now."""
        print(f"[{time.monotonic() - self.started:6.1f} s] {title}", file=sys.stderr, flush=True)  # noqa: T201 -- for people

    def count(self, title: str, total: int, done: Iterable[int]) -> None:
        """Follows a step that tells how much more is done."""
        self.step(f"{title}: {total}")
        if not total:
            return
        with tqdm(total=total, file=sys.stderr, disable=not self.interactive, leave=False) as bar:
            for more in done:
                bar.update(more)
