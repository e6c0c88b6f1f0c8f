"""The refusals of the domain: one stable code each, a Polish and an English sentence, and the way out.

A refusal is raised as `DomainError(code, **facts)`. The facts fill the sentences and are returned to the caller, so
they never hold personal data. HTTP statuses are given to the codes in `routes.errors`.
"""

import re
from typing import Any, Self

from mobile_units.errors import bulk_moves, contacts, diary, files, general, hand_over, planning
from mobile_units.errors.refusal import Refusal

__all__ = ["REFUSALS", "DomainError", "Refusal"]

REFUSALS: dict[str, Refusal] = {
    code: refusal
    for part in (general, planning, files, diary, bulk_moves, contacts, hand_over)
    for code, refusal in part.REFUSALS.items()
}


class DomainError(Exception):
    """A refused request or a broken rule; `code` is one of `REFUSALS`, `facts` fill its sentences."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.code = code
        self.facts = facts
        self.refusal = REFUSALS[code]
        super().__init__(code)

    def sentence(self, language: str = "en") -> str:
        """The sentence of the refusal, `language` being `pl` or `en`."""
        return (self.refusal.pl if language == "pl" else self.refusal.en).format(**self._words(language))

    def way_out(self, language: str = "en") -> str:
        """What to do next, or an empty string."""
        template = self.refusal.way_out_pl if language == "pl" else self.refusal.way_out_en
        return template.format(**self._words(language))

    @property
    def lists(self) -> dict[str, list[dict[str, Any]]]:
        """The facts that are lists of objects: the sentences only count them, so they are told beside these."""
        return {
            name: value
            for name, value in self.facts.items()
            if isinstance(value, list) and all(isinstance(each, dict) for each in value)
        }

    def _words(self, language: str) -> dict[str, Any]:
        """The facts as they are read: a value of a vocabulary by its name in the language, a day as Poles write it."""
        words = {fact: getattr(value, f"name_{language}", value) for fact, value in self.facts.items()}
        return {fact: _polish(word) for fact, word in words.items()} if language == "pl" else words

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets the error cross a process boundary with its facts."""
        return (self._rebuild, (self.code, self.facts))

    @classmethod
    def _rebuild(cls, code: str, facts: dict[str, Any]) -> Self:
        return cls(code, **facts)


_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


def _polish(word: Any) -> Any:
    found = _DAY.fullmatch(word) if isinstance(word, str) else None
    return f"{int(found[3])}.{found[2]}.{found[1]}" if found else word
