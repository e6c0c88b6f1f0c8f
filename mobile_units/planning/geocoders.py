"""Services that know where addresses are, as geopy speaks to them: GUGiK's UUG, and Nominatim."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from geopy.adapters import AdapterHTTPError, BaseSyncAdapter
from geopy.exc import GeocoderParseError, GeocoderServiceError, GeocoderTimedOut, GeopyError
from geopy.extra.rate_limiter import RateLimiter
from geopy.geocoders import Nominatim
from geopy.geocoders.base import DEFAULT_SENTINEL, Geocoder
from geopy.location import Location

from mobile_units.errors import DomainError
from mobile_units.planning.http import Patience, ServiceError, UnreachableError, fetch
from mobile_units.rules.addresses import Address, Candidate, Precision

PATIENCE = Patience(connect_seconds=5.0, read_seconds=10.0, most_bytes=1024 * 1024)
PAUSE_SECONDS = {"uug": 0.5, "nominatim": 1.0}
"""The least time between two questions; once a second is what the public Nominatim allows."""
MOST_CANDIDATES = 20

Ask = Callable[[Address], list[Candidate]]
"""Asks a service of an address; raises `geocoder_failed`."""


class BoundedAdapter(BaseSyncAdapter):  # type: ignore[misc]  # geopy ships no type information
    """What geopy's geocoders ask through: answers are bounded in time and size, redirects are not followed."""

    def __init__(self, *, proxies: object, ssl_context: object) -> None:
        super().__init__(proxies=proxies, ssl_context=ssl_context)
        self._session = requests.Session()

    def get_text(self, url: str, *, timeout: float, headers: Mapping[str, str]) -> str:
        """The body of an answer."""
        try:
            status, content = fetch(self._session, url, headers, replace(PATIENCE, read_seconds=timeout))
        except UnreachableError as error:
            raise GeocoderTimedOut(error.reason) from None
        except ServiceError as error:
            raise GeocoderServiceError(error.reason) from None
        if status != requests.codes.ok:
            raise AdapterHTTPError(f"HTTP {status}", status_code=status, headers={}, text="")
        return content.decode("utf-8", "replace")

    def get_json(self, url: str, *, timeout: float, headers: Mapping[str, str]) -> object:
        """The body of an answer, which has to be JSON."""
        try:
            return json.loads(self.get_text(url, timeout=timeout, headers=headers))
        except (ValueError, RecursionError):
            raise GeocoderParseError("no JSON") from None


class Uug(Geocoder):  # type: ignore[misc]  # geopy ships no type information
    """GUGiK's Usługa Uniwersalna Geokodowania: addresses in Poland, without a key.

    That `x` is the longitude and `y` the latitude is known; the names of the other fields are not confirmed, so
    whatever of them is missing or is not as expected is done without.
    """

    def __init__(self, url: str, *, user_agent: str | None = None) -> None:
        super().__init__(user_agent=user_agent, timeout=PATIENCE.read_seconds, adapter_factory=BoundedAdapter)
        self.api = url.rstrip("?")

    def geocode(self, query: str, *, exactly_one: bool = True, timeout: object = DEFAULT_SENTINEL) -> Any:
        """The location of `locality, street number`, or with `exactly_one=False` all that fit; None for none."""
        question = urlencode({"request": "GetAddress", "address": query, "srid": "4326"})
        parse = partial(self._parse, exactly_one=exactly_one)
        return self._call_geocoder(f"{self.api}?{question}", parse, timeout=timeout)

    @staticmethod
    def _parse(answer: object, *, exactly_one: bool) -> Any:
        if not isinstance(answer, Mapping) or "results" not in answer:
            raise GeocoderParseError("no results")
        results = answer["results"] or []
        rows = list(results.values() if isinstance(results, Mapping) else results)[:MOST_CANDIDATES]
        found = [location for row in rows if isinstance(row, Mapping) and (location := _location(row))]
        if not found:
            return None
        return found[0] if exactly_one else found


def _location(row: Mapping[str, Any]) -> Location | None:
    latitude, longitude = _number(row.get("y")), _number(row.get("x"))
    if latitude is None or longitude is None:
        return None
    return Location(_label(row, ("city", "street", "number")), (latitude, longitude), dict(row))


def _number(value: object) -> float | None:
    try:
        number = float(str(value).replace(",", "."))
    except ValueError:
        return None
    return number if -180 <= number <= 180 else None


def _word(row: Mapping[str, Any], *names: str) -> str | None:
    """The first of these fields that holds a word."""
    words = (_plain(str(row[name])) for name in names if isinstance(row.get(name), str | int))
    return next((word for word in words if word), None)


def _plain(text: str) -> str:
    """Text that can be stored and shown."""
    return "".join(letter for letter in text if letter.isprintable()).strip()[:200]


def _label(row: Mapping[str, Any], names: Iterable[str]) -> str:
    return ", ".join(word for name in names if (word := _word(row, name)))


def asker(kind: str, url: str, user_agent: str | None, pause_seconds: float | None = None) -> Ask:
    """Asks `uug` or `nominatim` at an address; all who ask the same one in this process share its pauses.

    Raises:
        DomainError: `geocoder_off` for any other kind.
    """
    if kind not in PAUSE_SECONDS:
        raise DomainError("geocoder_off")
    return _asker(kind, url, user_agent, PAUSE_SECONDS[kind] if pause_seconds is None else pause_seconds)


@lru_cache(maxsize=16)
def _asker(kind: str, url: str, user_agent: str | None, pause_seconds: float) -> Ask:
    geocode, read = (_uug if kind == "uug" else _nominatim)(url, user_agent)
    limited = RateLimiter(
        geocode,
        min_delay_seconds=pause_seconds,
        max_retries=0,
        error_wait_seconds=max(pause_seconds, 1.0),
        swallow_exceptions=False,
    )

    def ask(address: Address) -> list[Candidate]:
        try:
            return list(read(limited(address) or []))
        except (GeopyError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise DomainError("geocoder_failed", reason=_reason(error)) from None

    return ask


def _reason(error: Exception) -> str:
    """What went wrong, in a few words that hold nothing of the answer."""
    status = getattr(error.__cause__, "status_code", None)
    return f"HTTP {status}" if status else type(error).__name__.removeprefix("Geocoder")


Geocode = Callable[[Address], list[Location] | None]
Read = Callable[[list[Location]], Iterator[Candidate]]


def _uug(url: str, user_agent: str | None) -> tuple[Geocode, Read]:
    geocoder = Uug(url, user_agent=user_agent or "mobile-units")
    return lambda address: geocoder.geocode(address.text, exactly_one=False), lambda found: map(_of_uug, found)


def _of_uug(location: Location) -> Candidate:
    row = location.raw
    accuracy = _number(row.get("accuracy"))
    precision = Precision.LOCALITY if _word(row, "city") else Precision.UNKNOWN
    if _word(row, "street"):
        precision = Precision.STREET
    if _word(row, "number"):
        precision = Precision.HOUSE
    return Candidate(
        latitude=location.latitude,
        longitude=location.longitude,
        label=location.address,
        precision=precision,
        locality=_word(row, "city"),
        gmina=_word(row, "commune"),
        teryt=_word(row, "teryt"),
        accuracy=accuracy if accuracy is not None and 0 < accuracy <= 1 else 1.0,
    )


def _nominatim(url: str, user_agent: str | None) -> tuple[Geocode, Read]:
    address = urlsplit(url)
    geocoder = Nominatim(
        scheme=address.scheme,
        domain=address.netloc + address.path,
        user_agent=user_agent,
        timeout=PATIENCE.read_seconds,
        adapter_factory=BoundedAdapter,
    )
    options = {"exactly_one": False, "limit": 5, "addressdetails": True, "country_codes": "pl", "language": "pl"}
    return lambda asked: geocoder.geocode(_query(asked), **options), lambda found: map(_of_nominatim, found)


def _query(address: Address) -> str:
    """Nominatim tells gminas from each other by their names."""
    return ", ".join(part for part in (address.text, f"gmina {address.gmina}" if address.gmina else "") if part)


def _of_nominatim(location: Location) -> Candidate:
    given = location.raw.get("address")
    row = given if isinstance(given, Mapping) else {}
    locality = _word(row, "village", "hamlet", "town", "city")
    precision = Precision.LOCALITY if locality else Precision.UNKNOWN
    if _word(row, "road"):
        precision = Precision.STREET
    if _word(row, "house_number"):
        precision = Precision.HOUSE
    return Candidate(
        latitude=location.latitude,
        longitude=location.longitude,
        label=_plain(str(location.address)),
        precision=precision,
        locality=locality,
        gmina=_word(row, "municipality"),
    )
