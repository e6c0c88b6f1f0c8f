"""The statement that finds slots instead of one that cannot be had; what it is for tells `slot_search.alternatives`.

What comes first is told by hours and kilometres together, so no index has the slots in order. A few schedules, those of
the nearest sites, are asked first: nothing farther away, in either sense, than the worst of the answers wanted need be
looked at. Then all that is as near is asked.
"""

from functools import lru_cache
from math import degrees
from string import Template

from sqlalchemy import TextualSelect, text

from mobile_units.models.slots import WITH_ROOM
from mobile_units.services.slot_columns import COLUMNS, DISTANCE_FROM, EARTH_RADIUS_KM, PLACES, SLOTS
from mobile_units.services.slot_statements import branches

DAYS = 28
KM = 100
"""Alternatives are at the most so many days and kilometres away."""

FIRST = 8
"""So many schedules are asked first."""

_STATEMENT = Template(
    """
WITH origin AS MATERIALIZED (
    SELECT slots.starts_at, slots.service_place_id, mobile_points.stop_id, sites.latitude, sites.longitude,
        schedules.path, CAST(slots.starts_at AT TIME ZONE 'Europe/Warsaw' AS date) AS day
    FROM slots $places WHERE slots.id = :slot_id AND schedules.provider_id = :provider_id
), around AS MATERIALIZED (
    SELECT sites.id, $distance AS distance_km FROM origin
    JOIN sites ON sites.latitude BETWEEN origin.latitude - $degrees AND origin.latitude + $degrees
    WHERE sites.provider_id = :provider_id AND $distance <= $km
), first AS MATERIALIZED (
    $first
), reach AS MATERIALIZED (
    SELECT coalesce(max(away), $km) AS km, coalesce(least(max(away) / 24 + 1, $days), $days) AS days
    FROM (SELECT away FROM ($in_first) AS hits ORDER BY at_place DESC, away LIMIT :wanted) AS hits
    HAVING count(*) = :wanted
    UNION ALL SELECT $km, $days LIMIT 1
), near AS MATERIALIZED (
    $all
    UNION ALL
    SELECT schedules.id, 0, true, schedules.path = :path
    FROM origin JOIN schedules ON schedules.service_place_id = origin.service_place_id
    WHERE origin.stop_id IS NULL AND NOT schedules.mobile AND $of_path AND $in_days
), hits AS MATERIALIZED (
    SELECT id, distance_km, row_number() OVER (ORDER BY at_place DESC, away, starts_at, id) AS number
    FROM ($in_near) AS hits ORDER BY number LIMIT :wanted
)
$slots, 0 FROM hits JOIN slots ON slots.id = hits.id $places ORDER BY hits.number
"""
)
_SCHEDULES = Template(
    """SELECT schedules.* FROM origin CROSS JOIN ($sites) AS around $reach CROSS JOIN LATERAL (
        SELECT schedules.id, around.distance_km, coalesce(stops.id = origin.stop_id, false) AS same_place,
            schedules.path = :path AS of_her_path
        FROM stops JOIN mobile_points ON mobile_points.stop_id = stops.id
        JOIN schedules ON schedules.mobile_point_id = mobile_points.id
        WHERE stops.site_id = around.id AND $of_path AND $in_days OFFSET 0) AS schedules"""
)
_HITS = Template(
    """SELECT slots.id, slots.starts_at, near.distance_km,
        near.same_place AND CAST(slots.starts_at AT TIME ZONE 'Europe/Warsaw' AS date) = origin.day AS at_place,
        abs(extract(epoch FROM slots.starts_at - origin.starts_at)) / 3600 + near.distance_km AS away
    FROM origin CROSS JOIN $near AS near CROSS JOIN LATERAL ($branches) AS slots WHERE slots.id <> :slot_id"""
)
_OF_PATH = (
    "schedules.provider_id = :provider_id AND schedules.path IN (:path, origin.path) AND schedules.valid_to >= :today"
)
_IN_DAYS = Template("schedules.valid_from <= origin.day + $days AND schedules.valid_to >= origin.day - $days")


@lru_cache(maxsize=16)
def alternatives(reservations: tuple[str, ...], wanted: int) -> TextualSelect:
    """The nearest slots to one that cannot be had."""
    distance = DISTANCE_FROM.substitute(
        radius=EARTH_RADIUS_KM, latitude="origin.latitude", longitude="origin.longitude"
    )
    of_path, in_days = _OF_PATH, _IN_DAYS.substitute(days=DAYS)
    first = _SCHEDULES.substitute(
        sites="SELECT * FROM around ORDER BY distance_km", reach="", of_path=of_path, in_days=in_days
    )
    within = _SCHEDULES.substitute(
        sites="SELECT around.* FROM around, reach WHERE distance_km <= reach.km ORDER BY distance_km",
        reach="CROSS JOIN reach",
        of_path=of_path,
        in_days=f"(stops.id = origin.stop_id OR {_IN_DAYS.substitute(days='CAST(reach.days AS integer)')})",
    )
    sql = _STATEMENT.substitute(
        places=PLACES,
        distance=distance,
        degrees=degrees(KM / EARTH_RADIUS_KM) * (1 + 1e-9),
        km=KM,
        days=DAYS,
        first=f"{first} LIMIT {FIRST}",
        in_first=_hits("first", reservations),
        all=within,
        of_path=of_path,
        in_days=in_days,
        in_near=_hits("near", reservations),
        slots=SLOTS.substitute(expired="0", distance="hits.distance_km"),
    )
    return text(sql.replace(":wanted", str(wanted))).columns(*COLUMNS)


def _hits(near: str, reservations: tuple[str, ...]) -> str:
    """The soonest slots after the one that cannot be had and the last ones before, of each schedule.

    Where rooms and crew are shared, that a slot fits one more is known of the path of its schedule alone.
    """
    wanted = [WITH_ROOM, "capacity - taken > 0", "slots.schedule_id = near.id", "slots.starts_at > :now"]
    wanted.append("(slots.session_id IS NULL OR near.of_her_path)")
    later, earlier = [*wanted, "slots.starts_at >= origin.starts_at"], [*wanted, "slots.starts_at < origin.starts_at"]
    slots = (
        branches(reservations, later, "slots.starts_at", "1 + :wanted"),
        branches(reservations, earlier, "slots.starts_at DESC", "1 + :wanted"),
    )
    return _HITS.substitute(near=near, branches=" UNION ALL ".join(slots))
