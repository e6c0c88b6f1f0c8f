"""Addresses as they are looked up, and how far an answer can be relied on."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

from mobile_units.rules.places import LATITUDES, LONGITUDES

DOUBTFUL_BELOW = 0.7
"""A place that was found with less confidence waits for a person to confirm or correct it."""
ELSEWHERE = 0.05
"""Degrees; answers that lie further from each other mean different places."""
RIVALLED = 0.5
"""What is left of the confidence where another answer is as good and lies elsewhere."""
WRONG_GMINA = 0.3
UNKNOWN_LOCALITY = 0.8
_STREET = re.compile(r"^(ul|ulica)\b\.?\s*", re.IGNORECASE)


class Precision(Enum):
    """What an answer points at; its value is the confidence in it where nothing more precise was asked."""

    HOUSE = 1.0
    STREET = 0.8
    LOCALITY = 0.6
    UNKNOWN = 0.4


@dataclass(frozen=True, slots=True)
class Address:
    """What is asked: a locality, with street and number if there are any; or, without a locality, text as `street`.

    `gmina` and `teryt` (7 digits) tell places of one name from each other.
    """

    locality: str | None
    street: str | None = None
    gmina: str | None = None
    teryt: str | None = None

    @property
    def text(self) -> str:
        """Locality, street and number, as Polish services read it."""
        parts = (self.locality, _STREET.sub("", self.street or ""))
        return ", ".join(" ".join(part.split()) for part in parts if part and part.strip())

    @property
    def key(self) -> str:
        """The address in lower case and with single spaces; what is known of its gmina is part of it."""
        gmina = f"gmina {self.gmina}" if self.gmina else ""
        parts = (self.text, " ".join(gmina.split()), self.teryt or "")
        return "; ".join(part.casefold() for part in parts if part)

    @property
    def precision(self) -> Precision:
        """What the best answer could point at."""
        if re.search(r"[0-9]", self.street or ""):
            return Precision.HOUSE
        return Precision.STREET if self.street and self.locality else Precision.LOCALITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One answer of a service; `accuracy` is its own opinion, from 0 to 1, if it has one."""

    latitude: float
    longitude: float
    label: str
    precision: Precision
    locality: str | None = None
    gmina: str | None = None
    teryt: str | None = None
    accuracy: float = 1.0

    @property
    def in_poland(self) -> bool:
        """Whether it lies in the frame around the country; where coordinates are swapped it does not."""
        return LATITUDES[0] <= self.latitude <= LATITUDES[1] and LONGITUDES[0] <= self.longitude <= LONGITUDES[1]


@dataclass(frozen=True, slots=True)
class Found:
    """Where an address is, as far as it is known; `confidence` goes from 0 to 1."""

    latitude: float
    longitude: float
    confidence: float
    label: str


def best(asked: Address, candidates: Iterable[Candidate]) -> Found | None:
    """The answer that fits best; one that is rivalled by another place of the same standing is worth half."""
    judged = [(confidence(asked, each), each) for each in candidates if each.in_poland]
    if not judged:
        return None
    value, chosen = max(judged, key=lambda pair: pair[0])
    rivalled = any(other == value and _elsewhere(chosen, each) for other, each in judged)
    return Found(chosen.latitude, chosen.longitude, value * RIVALLED if rivalled else value, chosen.label)


def confidence(asked: Address, found: Candidate) -> float:
    """From 0 to 1: how precise the answer is, times how well its place agrees with the one that was asked for.

    An answer less precise than the question is worth half of what it would be worth otherwise.
    """
    precise = found.precision.value * (0.5 if found.precision.value < asked.precision.value else 1.0)
    return round(precise * found.accuracy * _same_locality(asked, found) * _same_gmina(asked, found), 3)


def _same_locality(asked: Address, found: Candidate) -> float:
    if found.locality is None:
        return UNKNOWN_LOCALITY
    one, other = folded(asked.locality or asked.text), folded(found.locality)
    if one == other or (asked.locality is None and f" {other} " in f" {one} "):
        return 1.0
    if set(one.split()) < set(other.split()) or set(other.split()) < set(one.split()):
        return 0.6  # a part of a town, or a longer name of the same kind: Kazimierz and Kazimierz Dolny
    return 0.5 if SequenceMatcher(None, one, other).ratio() > 0.8 else 0.2


def _same_gmina(asked: Address, found: Candidate) -> float:
    """The last digit of TERYT, the kind of gmina, is left out: a town and its surroundings differ in it alone."""
    if asked.teryt and found.teryt and re.match(r"[0-9]{6}", found.teryt):
        return 1.0 if asked.teryt[:6] == found.teryt[:6] else WRONG_GMINA
    if asked.gmina and found.gmina:
        return 1.0 if folded(asked.gmina) == folded(found.gmina) else WRONG_GMINA
    return 1.0


def _elsewhere(one: Candidate, other: Candidate) -> bool:
    return max(abs(one.latitude - other.latitude), abs(one.longitude - other.longitude)) > ELSEWHERE


def folded(name: str) -> str:
    """A name as it is compared: words in lower case without diacritics, and without the word gmina."""
    letters = unicodedata.normalize("NFKD", name.casefold().replace("ł", "l"))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(word for word in re.findall(r"[a-z0-9]+", plain) if word != "gmina")
