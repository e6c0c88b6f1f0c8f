"""The statements of the search for slots: how they are put together; what they are for tells `services.slot_search`.

Each is built once for its `Shape` and kept, so that PostgreSQL prepares it, too. Numbers of rows are written into a
statement, because a plan for any number of rows is no plan for the first ones.

`free` are slots with room in the order wanted; `freed` those whose room is only behind holds that have run out. These
are few at any time: who books next, or the worker, releases them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from string import Template

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Double,
    Integer,
    String,
    TextClause,
    TextualSelect,
    bindparam,
    column,
    text,
)

from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import FOLDED, Site
from mobile_units.models.slots import BOOKABLE, RESERVATION, SEVERAL, WITH_ROOM, Slot

ALTERNATIVE_DAYS = 28
ALTERNATIVE_KM = 100
"""Alternatives are at the most so many days and kilometres away."""

EARTH_RADIUS_KM = 6371.0088
"""The mean radius; a sphere of it is within half a percent of the true distance."""

_DISTANCE = Template(
    "2 * $radius * asin(least(1, sqrt(sin(radians(sites.latitude - $latitude) / 2) ^ 2"
    " + cos(radians($latitude)) * cos(radians(sites.latitude))"
    " * sin(radians(sites.longitude - $longitude) / 2) ^ 2)))"
)
"""Kilometres from a point to the site, by the haversine formula."""
DISTANCE = _DISTANCE.substitute(radius=EARTH_RADIUS_KM, latitude=":latitude", longitude=":longitude")

_IN_BOX = "sites.latitude BETWEEN :south AND :north AND sites.longitude BETWEEN :west AND :east"
_LOCAL = {
    "programme": "schedules.programme = :programme",
    "path": "schedules.path = :path",
    "service_place_id": "schedules.service_place_id = :service_place_id",
}
_OF_SITE = {
    "teryt": "starts_with(sites.teryt, :teryt)",
    "gmina": Template("$folded = :gmina").substitute(folded=FOLDED.format("sites.gmina")),
    "distance": Template("$box AND $distance <= :radius_km").substitute(box=_IN_BOX, distance=DISTANCE),
}
_POINTS = Template(
    "SELECT mobile_points.id FROM sites JOIN stops ON stops.site_id = sites.id"
    " JOIN mobile_points ON mobile_points.stop_id = stops.id WHERE sites.provider_id = :provider_id AND $wanted"
)
_OF_STOP = "schedules.mobile_point_id IN (SELECT id FROM mobile_points WHERE stop_id = :stop_id)"
_OF_TEXT = Template(
    "schedules.id IN (SELECT named.id FROM schedules AS named JOIN service_places ON"
    " service_places.id = named.service_place_id WHERE service_places.provider_id = :provider_id AND $place LIKE :text"
    " UNION ALL SELECT named.id FROM schedules AS named WHERE named.mobile_point_id IN ($points))"
).substitute(
    place=FOLDED.format("service_places.name || ' ' || service_places.address"),
    points=_POINTS.substitute(wanted="sites.searchable LIKE :text"),
)
_FROM = "(slots.starts_at, slots.id) > (:from_at, :from_id)"
_UNTIL = "slots.starts_at < :until"
_AT_TIMES = "slots.starts_at <@ CAST(:times AS tstzmultirange)"
_IN_ONE_TIME = "(slots.starts_at, slots.id) > (times.lower, times.from_id) AND slots.starts_at < times.upper"
_AFTER = "($distance > :after_km OR (slots.starts_at, slots.id) > (:after_at, :after_id))"


@dataclass(frozen=True, slots=True)
class Shape:
    """What tells one statement from another: the criteria given, by name, and for whom slots may be reserved.

    `times` says whether only some times of the days are wanted, `several` whether more than one place is.
    """

    given: frozenset[str]
    reservations: tuple[str, ...]
    times: bool
    overbooking: bool
    several: bool

    @property
    def anywhere(self) -> bool:
        """Whether nothing tells where the slots are."""
        return not self.given & {"stop_id", "text", *_OF_SITE}


_BRANCH = Template(
    "(SELECT slots.id, slots.starts_at, slots.schedule_id FROM slots WHERE $wanted ORDER BY $order LIMIT $limit)"
)


def branches(reservations: Iterable[str], wanted: Iterable[str], order: str, limit: str) -> str:
    """The first slots of each reservation; they are asked for one by one because so the index gives them in order."""
    kinds = (f"{RESERVATION} = '{each}'" for each in reservations)
    return " UNION ALL ".join(
        _BRANCH.substitute(wanted=_all((kind, *wanted)), order=order, limit=limit) for kind in kinds
    )


def _all(conditions: Iterable[str]) -> str:
    return " AND ".join(conditions)


def _room(shape: Shape) -> str:
    return "slots.capacity + slots.extra - slots.taken" if shape.overbooking else "slots.capacity - slots.taken"


def _wanted(shape: Shape, predicate: str) -> list[str]:
    """What a slot of `free` is like, whenever it is; the predicate is that of the index that is to be used.

    The room is written so that no index is proven by it: the one by time must not be walked for a single schedule.
    """
    wanted = [predicate]
    if predicate == WITH_ROOM or shape.several:
        wanted.append(f"{_room(shape)} >= :places")
    if shape.several:
        wanted.append("slots.session_id IS NULL")
    return wanted


def _in_time(shape: Shape) -> list[str]:
    return [_FROM, _UNTIL, *([_AT_TIMES] if shape.times else [])]


def _of_schedule(shape: Shape) -> list[str]:
    """What the schedule of a slot is like."""
    wanted = ["schedules.provider_id = :provider_id"]
    wanted += [condition for name, condition in _LOCAL.items() if name in shape.given]
    if "stop_id" in shape.given:
        wanted.append(_OF_STOP)
    if "text" in shape.given:
        wanted.append(_OF_TEXT)
    of_site = [condition for name, condition in _OF_SITE.items() if name in shape.given]
    if of_site:
        wanted.append(f"schedules.mobile_point_id IN ({_POINTS.substitute(wanted=_all(of_site))})")
    return wanted


_SLOTS = Template(
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
_PLACES = """JOIN schedules ON schedules.id = slots.schedule_id
JOIN service_places ON service_places.id = schedules.service_place_id
LEFT JOIN mobile_points ON mobile_points.id = schedules.mobile_point_id
LEFT JOIN stops ON stops.id = mobile_points.stop_id LEFT JOIN sites ON sites.id = stops.site_id"""
_NO_DISTANCE = "CAST(NULL AS double precision)"

_STATEMENT = Template(
    """
WITH expired AS MATERIALIZED (
    SELECT slot_id, count(*) AS places FROM visits
    WHERE status = 'held' AND held_until < :now AND NOT EXISTS (
        SELECT FROM waiting_list_entries WHERE visit_id = visits.id AND waiting_list_entries.status = 'offered')
    GROUP BY slot_id
), $free, emptied AS MATERIALIZED (
    SELECT slots.id, slots.starts_at, slots.schedule_id FROM expired JOIN slots ON slots.id = slot_id
    WHERE slots.status = 'open' AND slots.fits AND NOT slots.kept_for_waiting
        AND $room < :places AND $room + expired.places >= :places AND $emptied
), freed AS (
    SELECT slots.id, slots.starts_at, schedule.distance_km
    FROM emptied AS slots CROSS JOIN LATERAL (
        SELECT $freed_distance AS distance_km FROM schedules
        LEFT JOIN mobile_points ON mobile_points.id = schedules.mobile_point_id
        LEFT JOIN stops ON stops.id = mobile_points.stop_id LEFT JOIN sites ON sites.id = stops.site_id
        WHERE schedules.id = slots.schedule_id AND $schedules LIMIT 1) AS schedule
    WHERE $freed
), hits AS MATERIALIZED (
    SELECT * FROM (SELECT id, starts_at, distance_km FROM free UNION ALL SELECT * FROM freed) AS found
    ORDER BY $order LIMIT :wanted OFFSET :offset
)
SELECT slot.*, (SELECT count(*) FROM free) AS seen
FROM hits CROSS JOIN LATERAL (
    $slots FROM slots $places LEFT JOIN expired ON expired.slot_id = slots.id WHERE slots.id = hits.id LIMIT 1) AS slot
ORDER BY $hits_order
"""
)

_WALKED = Template(
    """free AS MATERIALIZED (
    SELECT near.id, near.starts_at, CAST(NULL AS double precision) AS distance_km
    FROM ($near) AS near CROSS JOIN LATERAL (SELECT FROM schedules WHERE id = near.schedule_id AND $schedules LIMIT 1)
        AS schedule
    $order LIMIT :enough
)"""
)

_NEAR = Template("SELECT * FROM ($branches) AS slots ORDER BY starts_at, id LIMIT :walked")
_NEAR_BY_TIMES = Template(
    "SELECT slots.* FROM"
    " unnest(CAST(:lower AS timestamptz[]), CAST(:upper AS timestamptz[]), CAST(:from_ids AS bigint[]))"
    " WITH ORDINALITY AS times (lower, upper, from_id, number) CROSS JOIN LATERAL ($near) AS slots"
    " LIMIT :walked"
)

_SOONEST = Template(
    """matching AS MATERIALIZED (
    SELECT schedules.id FROM schedules WHERE $schedules AND $valid
), firsts AS MATERIALIZED (
    SELECT matching.id FROM matching CROSS JOIN LATERAL (
        SELECT id, starts_at FROM ($first) AS slots ORDER BY starts_at LIMIT 1) AS first
    ORDER BY first.starts_at, first.id LIMIT :enough
), free AS MATERIALIZED (
    SELECT slots.id, slots.starts_at, CAST(NULL AS double precision) AS distance_km
    FROM firsts CROSS JOIN LATERAL ($branches) AS slots
    ORDER BY slots.starts_at, slots.id LIMIT :enough
)"""
)

_NEAREST = Template(
    """near AS MATERIALIZED (
    SELECT schedules.id, $distance AS distance_km
    FROM sites JOIN stops ON stops.site_id = sites.id JOIN mobile_points ON mobile_points.stop_id = stops.id
    JOIN schedules ON schedules.mobile_point_id = mobile_points.id
    WHERE sites.provider_id = :provider_id AND $schedules AND $valid
        AND $near AND $distance >= :after_km
), free AS MATERIALIZED (
    SELECT slots.id, slots.starts_at, near.distance_km
    FROM (SELECT * FROM near ORDER BY distance_km) AS near
    CROSS JOIN LATERAL ($branches) AS slots
    ORDER BY near.distance_km, slots.starts_at, slots.id LIMIT :enough
)"""
)

_SITE, _PLACE, _SLOT, _SCHEDULE = Site.__table__.c, ServicePlace.__table__.c, Slot.__table__.c, Schedule.__table__.c
_COLUMNS = (
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

_BY_TIME = "starts_at, id"
_BY_DISTANCE = "distance_km, starts_at, id"


@lru_cache(maxsize=512)
def walk(shape: Shape) -> TextualSelect:
    """The soonest slots, looked for in order of time; fewer than wanted if many that are not wanted come first."""
    order = "" if shape.times else "ORDER BY near.starts_at, near.id"
    return _statement(shape, _WALKED.substitute(near=_near(shape), schedules=_all(_of_schedule(shape)), order=order))


@lru_cache(maxsize=512)
def walked(shape: Shape) -> TextClause:
    """How many slots `walk` had to look at, if it found fewer than wanted."""
    sql = Template("SELECT count(*) FROM ($near) AS near").substitute(near=_near(shape))
    return text(sql).bindparams(*_numbers(sql))


def _near(shape: Shape) -> str:
    """Slots in order of time, of all schedules; where only some times are wanted, time by time as they are given.

    These need no sorting, which would read a whole time before its first slot: nothing but a loop over them, in their
    order, can carry out a LATERAL.
    """
    wanted = _wanted(shape, SEVERAL if shape.several else BOOKABLE)
    wanted += [_IN_ONE_TIME] if shape.times else [_FROM, _UNTIL]
    slots = branches(shape.reservations, wanted, "slots.starts_at, slots.id", ":walked")
    near = _NEAR.substitute(branches=slots)
    return _NEAR_BY_TIMES.substitute(near=near) if shape.times else near


@lru_cache(maxsize=512)
def soonest(shape: Shape) -> TextualSelect:
    """The soonest slots, looked for schedule by schedule.

    So many slots as are wanted are in as many schedules at the most: those of which the first slot is the soonest.
    """
    wanted = [*_wanted(shape, WITH_ROOM), *_in_time(shape), "slots.schedule_id = {}.id"]
    matching, firsts = ([each.format(name) for each in wanted] for name in ("matching", "firsts"))
    free = _SOONEST.substitute(
        schedules=_all(_of_schedule(shape)),
        valid=_VALID,
        first=branches(shape.reservations, matching, "slots.starts_at", "1"),
        branches=branches(shape.reservations, firsts, "slots.starts_at", ":enough"),
    )
    return _statement(shape, free)


@lru_cache(maxsize=512)
def nearest(shape: Shape) -> TextualSelect:
    """The nearest slots, looked for site by site, in order of distance."""
    after = Template(_AFTER).substitute(distance="near.distance_km")
    wanted = [*_wanted(shape, WITH_ROOM), *_in_time(shape), "slots.schedule_id = near.id", after]
    elsewhere = replace(shape, given=shape.given - {"distance"})
    free = _NEAREST.substitute(
        distance=DISTANCE,
        schedules=_all(_of_schedule(elsewhere)),
        valid=_VALID,
        near=_OF_SITE["distance"],
        branches=branches(shape.reservations, wanted, "slots.starts_at", ":enough"),
    )
    return _statement(shape, free, by_distance=True)


_VALID = "schedules.valid_to >= :first_day AND schedules.valid_from <= :last_day"


def _statement(shape: Shape, free: str, *, by_distance: bool = False) -> TextualSelect:
    reserved = ", ".join(f"'{each}'" for each in shape.reservations)
    emptied = [f"{RESERVATION} IN ({reserved})", *_in_time(shape)]
    if shape.several:
        emptied.append("slots.session_id IS NULL")
    after = Template(_AFTER).substitute(distance="schedule.distance_km")
    sql = _STATEMENT.substitute(
        free=free,
        emptied=_all(emptied),
        freed_distance=DISTANCE if by_distance else _NO_DISTANCE,
        schedules=_all(_of_schedule(shape)),
        freed=f"schedule.distance_km >= :after_km AND {after}" if by_distance else "true",
        room=_room(shape),
        order=_BY_DISTANCE if by_distance else _BY_TIME,
        slots=_SLOTS.substitute(
            expired="coalesce(expired.places, 0)", distance=DISTANCE if "distance" in shape.given else _NO_DISTANCE
        ),
        places=_PLACES,
        hits_order="hits.distance_km, hits.starts_at, hits.id" if by_distance else "hits.starts_at, hits.id",
    )
    return text(sql).bindparams(*_numbers(sql)).columns(*_COLUMNS)


BY_IDS = text(
    Template(
        "$slots, 0 FROM slots $places WHERE slots.id = ANY(:ids) AND schedules.provider_id = :provider_id"
        " ORDER BY slots.starts_at, slots.id"
    ).substitute(slots=_SLOTS.substitute(expired="0", distance=_NO_DISTANCE), places=_PLACES)
).columns(*_COLUMNS)
"""The slots with these keys, bookable or not, by time."""

_ALTERNATIVES = Template(
    """
WITH origin AS MATERIALIZED (
    SELECT slots.starts_at, slots.service_place_id, mobile_points.stop_id, sites.latitude, sites.longitude,
        schedules.path, CAST(slots.starts_at AT TIME ZONE 'Europe/Warsaw' AS date) AS day
    FROM slots $places WHERE slots.id = :slot_id AND schedules.provider_id = :provider_id
), near AS MATERIALIZED (
    SELECT schedules.id, CASE WHEN schedules.mobile THEN coalesce(mobile_points.stop_id = origin.stop_id, false)
            ELSE origin.stop_id IS NULL AND schedules.service_place_id = origin.service_place_id END AS same_place,
        CASE WHEN schedules.mobile THEN $distance
            WHEN origin.stop_id IS NULL AND schedules.service_place_id = origin.service_place_id THEN 0
            END AS distance_km
    FROM origin JOIN schedules
        ON schedules.valid_from <= origin.day + $days AND schedules.valid_to >= origin.day - $days
    LEFT JOIN mobile_points ON mobile_points.id = schedules.mobile_point_id
    LEFT JOIN stops ON stops.id = mobile_points.stop_id LEFT JOIN sites ON sites.id = stops.site_id
    WHERE schedules.provider_id = :provider_id AND schedules.path IN (:path, origin.path)
        AND schedules.valid_to >= :today
), hits AS MATERIALIZED (
    SELECT slots.id, near.distance_km, row_number() OVER (ORDER BY
        near.same_place AND CAST(slots.starts_at AT TIME ZONE 'Europe/Warsaw' AS date) = origin.day DESC,
        abs(extract(epoch FROM slots.starts_at - origin.starts_at)) / 3600 + near.distance_km,
        slots.starts_at, slots.id) AS number
    FROM origin CROSS JOIN near CROSS JOIN LATERAL ($branches) AS slots
    WHERE near.distance_km <= $radius AND slots.id <> :slot_id
    ORDER BY number LIMIT :wanted
)
$slots, 0 FROM hits JOIN slots ON slots.id = hits.id $places ORDER BY hits.number
"""
)


@lru_cache(maxsize=16)
def alternatives(reservations: tuple[str, ...]) -> TextualSelect:
    """The nearest slots to one that cannot be had: the soonest ones after it and the last ones before, by schedule."""
    wanted = [WITH_ROOM, "capacity - taken > 0", "slots.schedule_id = near.id", "slots.starts_at > :now"]
    later = branches(reservations, [*wanted, "slots.starts_at >= origin.starts_at"], "slots.starts_at", "1 + :wanted")
    earlier = branches(
        reservations, [*wanted, "slots.starts_at < origin.starts_at"], "slots.starts_at DESC", "1 + :wanted"
    )
    sql = _ALTERNATIVES.substitute(
        branches=f"{later} UNION ALL {earlier}",
        days=ALTERNATIVE_DAYS,
        radius=ALTERNATIVE_KM,
        places=_PLACES,
        distance=_DISTANCE.substitute(radius=EARTH_RADIUS_KM, latitude="origin.latitude", longitude="origin.longitude"),
        slots=_SLOTS.substitute(expired="0", distance="hits.distance_km"),
    )
    return text(sql).bindparams(*_numbers(sql)).columns(*_COLUMNS)


def _numbers(sql: str) -> list[BindParameter[int]]:
    """The numbers of rows, to be written into the statement."""
    return [
        bindparam(name, type_=Integer, literal_execute=True)
        for name in ("enough", "wanted", "offset", "walked")
        if f":{name}" in sql
    ]
