"""The statements of the search for slots: how they are put together; what they are for tells `services.slot_search`.

Each is built once for its `Shape` and kept, so that PostgreSQL prepares it, too. Numbers of rows are written into a
statement, because a plan for any number of rows is no plan for the first ones.

`free` are slots with room in the order wanted; `freed` those whose room is only behind holds that have run out. These
are few at any time: who books next, or the worker, releases them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from string import Template
from typing import NamedTuple

from sqlalchemy import TextClause, TextualSelect, text

from mobile_units.models.sites import FOLDED
from mobile_units.models.slots import BOOKABLE, ONLY_EXTRA, RESERVATION, SEVERAL, WITH_ROOM
from mobile_units.services.slot_columns import COLUMNS, DISTANCE, NO_DISTANCE, PLACES, SLOTS

MANY = 100
"""Of more schedules than that, slots are first looked for in order of time, as they are anywhere."""

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
_PLACE_NAMED = Template("service_places.provider_id = :provider_id AND $names LIKE :text").substitute(
    names=FOLDED.format("service_places.name || ' ' || service_places.address")
)
_SITE_NAMED = "sites.searchable LIKE :text"
_OF_STOP = "schedules.mobile_point_id IN (SELECT id FROM mobile_points WHERE stop_id = :stop_id)"
_OF_TEXT = Template(
    "schedules.id IN (SELECT named.id FROM schedules AS named JOIN service_places ON"
    " service_places.id = named.service_place_id WHERE $place"
    " UNION ALL SELECT named.id FROM schedules AS named WHERE named.mobile_point_id IN ($points))"
).substitute(place=_PLACE_NAMED, points=_POINTS.substitute(wanted=_SITE_NAMED))
_NAMED_PLACES = Template("SELECT id FROM service_places WHERE $place").substitute(place=_PLACE_NAMED)
_OF_TEXT_NEAR = f"(near.named OR schedules.service_place_id IN ({_NAMED_PLACES}))"
_FROM = "(slots.starts_at, slots.id) > (:from_at, :from_id)"
_UNTIL = "slots.starts_at < :until"
_AT_TIMES = "slots.starts_at <@ CAST(:times AS tstzmultirange)"
_IN_ONE_TIME = "(slots.starts_at, slots.id) > (times.lower, times.from_id) AND slots.starts_at < times.upper"
_AFTER = "($distance > :after_km OR (slots.starts_at, slots.id) > (:after_at, :after_id))"


class Counts(NamedTuple):
    """Numbers of rows: those of a page and one more, with those before it, and in order of time all looked at."""

    wanted: int
    enough: int
    offset: int
    walked: int


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

    @property
    def walks(self) -> bool:
        """Whether an index has such slots in order of time: not those where several come above the capacity."""
        return not (self.several and self.overbooking)


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
    wanted = _of_schedule_alone(shape)
    if "text" in shape.given:
        wanted.append(_OF_TEXT)
    of_site = _of_site(shape)
    if of_site:
        wanted.append(f"schedules.mobile_point_id IN ({_POINTS.substitute(wanted=_all(of_site))})")
    return wanted


def _of_schedule_alone(shape: Shape) -> list[str]:
    wanted = ["schedules.provider_id = :provider_id"]
    wanted += [condition for name, condition in _LOCAL.items() if name in shape.given]
    return [*wanted, _OF_STOP] if "stop_id" in shape.given else wanted


def _of_site(shape: Shape) -> list[str]:
    return [condition for name, condition in _OF_SITE.items() if name in shape.given]


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
), walked AS MATERIALIZED (
    $walked
), firsts AS MATERIALIZED (
    SELECT matching.id FROM matching CROSS JOIN LATERAL (
        SELECT id, starts_at FROM ($first) AS slots ORDER BY starts_at LIMIT 1) AS first
    WHERE (SELECT count(*) FROM walked) < :enough
    ORDER BY first.starts_at, first.id LIMIT :enough
), free AS MATERIALIZED (
    SELECT id, starts_at, CAST(NULL AS double precision) AS distance_km FROM walked
    WHERE (SELECT count(*) FROM walked) = :enough
    UNION ALL
    (SELECT slots.id, slots.starts_at, NULL FROM firsts CROSS JOIN LATERAL ($branches) AS slots
    ORDER BY slots.starts_at, slots.id LIMIT :enough)
)"""
)

_WALKED_OF_MANY = Template(
    """SELECT near.id, near.starts_at FROM ($near) AS near
    WHERE (SELECT count(*) FROM matching) > $many AND (near.schedule_id IN (SELECT id FROM matching)) IS TRUE
    ORDER BY near.starts_at, near.id LIMIT :enough"""
)
"""`IS TRUE` has it looked up in a hash table, whatever number of schedules is expected."""

_NOT_WALKED = "SELECT CAST(NULL AS bigint) AS id, CAST(NULL AS timestamptz) AS starts_at WHERE false"

_NEAREST = Template(
    """near AS MATERIALIZED (
    SELECT sites.id, $distance AS distance_km, $named AS named FROM sites
    WHERE sites.provider_id = :provider_id AND $sites AND $distance >= :after_km
), free AS MATERIALIZED (
    SELECT slots.id, slots.starts_at, near.distance_km
    FROM (SELECT * FROM near ORDER BY distance_km) AS near CROSS JOIN LATERAL (
        SELECT slots.* FROM stops JOIN mobile_points ON mobile_points.stop_id = stops.id
        JOIN schedules ON schedules.mobile_point_id = mobile_points.id CROSS JOIN LATERAL ($branches) AS slots
        WHERE stops.site_id = near.id AND $schedules AND $valid OFFSET 0) AS slots
    ORDER BY near.distance_km, slots.starts_at, slots.id LIMIT :enough
)"""
)
"""Sites come in order of distance, no more than are needed; `OFFSET 0` keeps the others from being joined first."""

_BY_TIME = "starts_at, id"
_BY_DISTANCE = "distance_km, starts_at, id"


@lru_cache(maxsize=512)
def walk(shape: Shape, counts: Counts) -> TextualSelect:
    """The soonest slots, looked for in order of time; fewer than wanted if many that are not wanted come first."""
    order = "" if shape.times else "ORDER BY near.starts_at, near.id"
    return _statement(
        shape, counts, _WALKED.substitute(near=_near(shape), schedules=_all(_of_schedule(shape)), order=order)
    )


@lru_cache(maxsize=512)
def walked(shape: Shape, counts: Counts) -> TextClause:
    """How many slots `walk` had to look at, if it found fewer than wanted."""
    sql = Template("SELECT count(*) FROM ($near) AS near").substitute(near=_near(shape))
    return text(_counted(sql, counts))


def _near(shape: Shape) -> str:
    """Slots in order of time, of all schedules; where only some times are wanted, time by time as they are given.

    These need no sorting, which would read a whole time before its first slot: nothing but a loop over them, in their
    order, can carry out a LATERAL.
    """
    kinds = [SEVERAL] if shape.several else [BOOKABLE, ONLY_EXTRA] if shape.overbooking else [BOOKABLE]
    when = [_IN_ONE_TIME] if shape.times else [_FROM, _UNTIL]
    order = "slots.starts_at, slots.id"
    slots = (branches(shape.reservations, [*_wanted(shape, kind), *when], order, ":walked") for kind in kinds)
    near = _NEAR.substitute(branches=" UNION ALL ".join(slots))
    return _NEAR_BY_TIMES.substitute(near=near) if shape.times else near


@lru_cache(maxsize=512)
def soonest(shape: Shape, counts: Counts) -> TextualSelect:
    """The soonest slots, looked for schedule by schedule, or in order of time first where schedules are many.

    So many slots as are wanted are in as many schedules at the most: those of which the first slot is the soonest.
    """
    wanted = [*_wanted(shape, WITH_ROOM), *_in_time(shape), "slots.schedule_id = {}.id"]
    matching, firsts = ([each.format(name) for each in wanted] for name in ("matching", "firsts"))
    walked = _WALKED_OF_MANY.substitute(near=_near(shape), many=MANY)
    free = _SOONEST.substitute(
        schedules=_all(_of_schedule(shape)),
        valid=_VALID,
        walked=walked if shape.walks and not shape.anywhere else _NOT_WALKED,
        first=branches(shape.reservations, matching, "slots.starts_at", "1"),
        branches=branches(shape.reservations, firsts, "slots.starts_at", ":enough"),
    )
    return _statement(shape, counts, free)


@lru_cache(maxsize=512)
def nearest(shape: Shape, counts: Counts) -> TextualSelect:
    """The nearest slots, looked for site by site, in order of distance."""
    after = Template(_AFTER).substitute(distance="near.distance_km")
    wanted = [*_wanted(shape, WITH_ROOM), *_in_time(shape), "slots.schedule_id = schedules.id", after]
    of_text = [_OF_TEXT_NEAR] if "text" in shape.given else []
    free = _NEAREST.substitute(
        distance=DISTANCE,
        named=_SITE_NAMED if of_text else "false",
        sites=_all(_of_site(shape)),
        schedules=_all([*_of_schedule_alone(shape), *of_text]),
        valid=_VALID,
        branches=branches(shape.reservations, wanted, "slots.starts_at", ":enough"),
    )
    return _statement(shape, counts, free, by_distance=True)


_VALID = "schedules.valid_to >= :first_day AND schedules.valid_from <= :last_day"


def _counted(sql: str, counts: Counts) -> str:
    for name, number in zip(Counts._fields, counts, strict=True):
        sql = sql.replace(f":{name}", str(number))
    return sql


def _statement(shape: Shape, counts: Counts, free: str, *, by_distance: bool = False) -> TextualSelect:
    reserved = ", ".join(f"'{each}'" for each in shape.reservations)
    emptied = [f"{RESERVATION} IN ({reserved})", *_in_time(shape)]
    if shape.several:
        emptied.append("slots.session_id IS NULL")
    after = Template(_AFTER).substitute(distance="schedule.distance_km")
    sql = _STATEMENT.substitute(
        free=free,
        emptied=_all(emptied),
        freed_distance=DISTANCE if by_distance else NO_DISTANCE,
        schedules=_all(_of_schedule(shape)),
        freed=f"schedule.distance_km >= :after_km AND {after}" if by_distance else "true",
        room=_room(shape),
        order=_BY_DISTANCE if by_distance else _BY_TIME,
        slots=SLOTS.substitute(
            expired="coalesce(expired.places, 0)", distance=DISTANCE if "distance" in shape.given else NO_DISTANCE
        ),
        places=PLACES,
        hits_order="hits.distance_km, hits.starts_at, hits.id" if by_distance else "hits.starts_at, hits.id",
    )
    return text(_counted(sql, counts)).columns(*COLUMNS)
