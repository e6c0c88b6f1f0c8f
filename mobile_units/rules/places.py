"""Where places may lie, and what they have of what units need."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from mobile_units.errors import DomainError

LATITUDES = (48.9, 55.0)
LONGITUDES = (14.0, 24.3)
"""A frame around the country, in degrees, with `LATITUDES`; coordinates outside it are a mistake."""

VOIVODESHIPS: Mapping[str, str] = MappingProxyType(
    {
        "02": "dolnośląskie",
        "04": "kujawsko-pomorskie",
        "06": "lubelskie",
        "08": "lubuskie",
        "10": "łódzkie",
        "12": "małopolskie",
        "14": "mazowieckie",
        "16": "opolskie",
        "18": "podkarpackie",
        "20": "podlaskie",
        "22": "pomorskie",
        "24": "śląskie",
        "26": "świętokrzyskie",
        "28": "warmińsko-mazurskie",
        "30": "wielkopolskie",
        "32": "zachodniopomorskie",
    }
)
"""Names of the voivodeships by the first two digits of TERYT."""


def require_in_poland(latitude: float, longitude: float) -> None:
    """Raises `outside_poland` for a place that cannot be there, as where latitude and longitude are swapped."""
    if not (LATITUDES[0] <= latitude <= LATITUDES[1] and LONGITUDES[0] <= longitude <= LONGITUDES[1]):
        raise DomainError("outside_poland")


def checked_voivodeships(codes: Iterable[str]) -> list[str]:
    """The codes in order and once.

    Raises:
        DomainError: `voivodeship_unknown`.
    """
    wanted = sorted(set(codes))
    for code in wanted:
        if code not in VOIVODESHIPS:
            raise DomainError("voivodeship_unknown", voivodeship=code, known=", ".join(VOIVODESHIPS))
    return wanted


def features(words: Iterable[str]) -> list[str]:
    """What places lack and units need, in order and once: in lower case with single spaces, so that both agree."""
    return sorted({" ".join(word.casefold().split()) for word in words} - {""})
