"""Where places may lie."""

from mobile_units.errors import DomainError

LATITUDES = (48.9, 55.0)
LONGITUDES = (14.0, 24.3)
"""A frame around the country, in degrees, with `LATITUDES`; coordinates outside it are a mistake."""


def require_in_poland(latitude: float, longitude: float) -> None:
    """Raises `outside_poland` for a place that cannot be there, as where latitude and longitude are swapped."""
    if not (LATITUDES[0] <= latitude <= LATITUDES[1] and LONGITUDES[0] <= longitude <= LONGITUDES[1]):
        raise DomainError("outside_poland")
