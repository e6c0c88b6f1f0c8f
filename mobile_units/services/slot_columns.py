"""What is read of a slot wherever slots are looked for: where it is, what is free, and how far away."""

from string import Template

from sqlalchemy import BigInteger, Double, Integer, String, column, text

from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site
from mobile_units.models.slots import Slot

EARTH_RADIUS_KM = 6371.0088
"""The mean radius; a sphere of it is within half a percent of the true distance."""

DISTANCE_FROM = Template(
    "2 * $radius * asin(least(1, sqrt(sin(radians(sites.latitude - $latitude) / 2) ^ 2"
    " + cos(radians($latitude)) * cos(radians(sites.latitude))"
    " * sin(radians(sites.longitude - $longitude) / 2) ^ 2)))"
)
"""Kilometres from a point to the site, by the haversine formula."""
DISTANCE = DISTANCE_FROM.substitute(radius=EARTH_RADIUS_KM, latitude=":latitude", longitude=":longitude")

SLOTS = Template(
    """
SELECT slots.id, slots.uuid, slots.schedule_id, slots.starts_at, slots.ends_at, slots.status, slots.capacity,
    greatest(slots.capacity - slots.taken + $expired, 0) AS free,
    least(slots.extra, slots.capacity + slots.extra - slots.taken + $expired) AS extra, slots.reserved_for,
    CASE WHEN slots.capacity - slots.taken + $expired <= 0 THEN schedules.overbooking_reason END AS overbooking_reason,
    schedules.programme, schedules.path, slots.mobile, slots.service_place_id, service_places.name AS service_place,
    service_places.address, mobile_points.stop_id, sites.id AS site_id, sites.name AS site,
    sites.locality, sites.landmark, sites.street, sites.telephone, sites.latitude, sites.longitude,
    $distance AS distance_km"""
)
PLACES = """JOIN schedules ON schedules.id = slots.schedule_id
JOIN service_places ON service_places.id = schedules.service_place_id
LEFT JOIN mobile_points ON mobile_points.id = schedules.mobile_point_id
LEFT JOIN stops ON stops.id = mobile_points.stop_id LEFT JOIN sites ON sites.id = stops.site_id"""
NO_DISTANCE = "CAST(NULL AS double precision)"

_SITE, _PLACE, _SLOT, _SCHEDULE = Site.__table__.c, ServicePlace.__table__.c, Slot.__table__.c, Schedule.__table__.c
COLUMNS = (
    *(_SLOT[name] for name in ("id", "uuid", "schedule_id", "starts_at", "ends_at", "status", "capacity")),
    column("free", Integer),
    column("extra", Integer),
    _SLOT["reserved_for"],
    column("overbooking_reason", String),
    _SCHEDULE["programme"],
    _SCHEDULE["path"],
    _SLOT["mobile"],
    _SLOT["service_place_id"],
    column("service_place", String),
    _PLACE["address"],
    column("stop_id", BigInteger),
    column("site_id", BigInteger),
    column("site", String),
    *(_SITE[name] for name in ("locality", "landmark", "street", "telephone", "latitude", "longitude")),
    column("distance_km", Double),
    column("seen", Integer),
)
"""The columns of a row, in the order of the fields of `SlotAtPlace`; then how many of `free` were found."""

BY_IDS = text(
    Template(
        "$slots, 0 FROM slots $places WHERE slots.id = ANY(:ids) AND schedules.provider_id = :provider_id"
        " ORDER BY slots.starts_at, slots.id"
    ).substitute(slots=SLOTS.substitute(expired="0", distance=NO_DISTANCE), places=PLACES)
).columns(*COLUMNS)
"""The slots with these keys, bookable or not, by time."""
