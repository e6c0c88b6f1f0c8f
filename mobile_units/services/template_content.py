"""The content of a template as it is kept: JSON that says the same in the same words, read back strictly."""

from collections.abc import Iterable, Mapping
from datetime import time
from typing import Any

from mobile_units.errors import DomainError
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.programmes import Path
from mobile_units.rules.sessions import Resource
from mobile_units.rules.templates import (
    Blocking,
    Break,
    Examination,
    HeldBack,
    Hours,
    Overbooking,
    Rooms,
    SharedResources,
    Template,
)


def content_of(template: Template) -> dict[str, Any]:
    """What is kept of a template; every field is written, weekdays and paths in order."""
    return {
        "week": {str(day): hours_content(hours) for day, hours in sorted(template.week.items())},
        "rooms": [_rooms_content(each) for each in template.rooms],
        "shared": template.shared and _shared_content(template.shared),
        "crew": template.crew,
        "setup_minutes": template.setup_minutes,
        "held_back": {"slots": template.held_back.slots, "percent": template.held_back.percent},
        "quotas": {channel.value: percent for channel, percent in sorted(template.quotas.items())},
        "overbooking": template.overbooking
        and {"places": template.overbooking.places, "reason": template.overbooking.reason},
        "blocking": {"every": template.blocking.every, "last_minutes": template.blocking.last_minutes},
    }


def template_of(content: Mapping[str, Any]) -> Template:
    """The template that is kept.

    Raises:
        DomainError: what `rules.templates` refuses; `template_unreadable`, a field is missing, unknown or of no
            meaning.
    """
    try:
        return _template(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DomainError("template_unreadable") from error


def hours_content(hours: Iterable[Hours]) -> list[dict[str, Any]]:
    """Working times of a day as they are kept, in order of time."""
    return [
        {
            "opens": _clock(each.opens),
            "closes": _clock(each.closes),
            "breaks": [{"starts": _clock(pause.starts), "ends": _clock(pause.ends)} for pause in each.breaks],
        }
        for each in sorted(hours, key=lambda each: each.opens)
    ]


def hours_of(content: Iterable[Mapping[str, Any]]) -> tuple[Hours, ...]:
    """Working times of a day from what is kept of them; raises KeyError or ValueError for anything else."""
    return tuple(map(_one_time, content))


def _one_time(content: Mapping[str, Any]) -> Hours:
    opens, closes, breaks = _exactly(content, "opens", "closes", "breaks")
    return Hours(_time(opens), _time(closes), tuple(map(_break, breaks)))


def _break(content: Mapping[str, Any]) -> Break:
    return Break(*map(_time, _exactly(content, "starts", "ends")))


def _template(content: Mapping[str, Any]) -> Template:
    week, rooms, shared, crew, setup, held_back, quotas, overbooking, blocking = _exactly(content, *_FIELDS)
    return Template(
        week={int(day): hours_of(hours) for day, hours in week.items()},
        rooms=tuple(map(_rooms, rooms)),
        shared=shared and _shared(shared),
        crew=_text(crew),
        setup_minutes=_number(setup),
        held_back=HeldBack(*map(_number, _exactly(held_back, "slots", "percent"))),
        quotas={BookingChannel(channel): _number(percent) for channel, percent in quotas.items()},
        overbooking=overbooking and _overbooking(overbooking),
        blocking=Blocking(*map(_number, _exactly(blocking, "every", "last_minutes"))),
    )


_FIELDS = ("week", "rooms", "shared", "crew", "setup_minutes", "held_back", "quotas", "overbooking", "blocking")


def _overbooking(content: Mapping[str, Any]) -> Overbooking:
    places, reason = _exactly(content, "places", "reason")
    return Overbooking(_number(places), _text(reason))


def _rooms_content(rooms: Rooms) -> dict[str, Any]:
    examinations = sorted(rooms.examinations, key=lambda each: each.path)
    return {
        "examinations": [
            {"path": each.path.value, "minutes": each.minutes, "weight": each.weight} for each in examinations
        ],
        "places": rooms.places,
        "women_per_day": rooms.women_per_day,
    }


def _rooms(content: Mapping[str, Any]) -> Rooms:
    examinations, places, women_per_day = _exactly(content, "examinations", "places", "women_per_day")
    limit = None if women_per_day is None else _number(women_per_day)
    return Rooms(tuple(map(_examination, examinations)), _number(places), limit)


def _examination(content: Mapping[str, Any]) -> Examination:
    path, minutes, weight = _exactly(content, "path", "minutes", "weight")
    return Examination(Path(path), _number(minutes), _number(weight))


def _shared_content(shared: SharedResources) -> dict[str, Any]:
    return {
        "minutes": {path.value: minutes for path, minutes in sorted(shared.minutes.items())},
        "rooms": [_resource_content(each) for each in shared.rooms],
        "crew": [_resource_content(each) for each in shared.crew],
    }


def _resource_content(resource: Resource) -> dict[str, Any]:
    return {"name": resource.name, "serves": sorted(path.value for path in resource.serves)}


def _shared(content: Mapping[str, Any]) -> SharedResources:
    minutes, rooms, crew = _exactly(content, "minutes", "rooms", "crew")
    lengths = {Path(path): _number(each) for path, each in minutes.items()}
    return SharedResources(lengths, tuple(map(_resource, rooms)), tuple(map(_resource, crew)))


def _resource(content: Mapping[str, Any]) -> Resource:
    name, serves = _exactly(content, "name", "serves")
    return Resource(_text(name), frozenset(map(Path, serves)))


def _exactly(content: Mapping[str, Any], *names: str) -> list[Any]:
    """The values of the names; ValueError if there are others."""
    if unknown := content.keys() - set(names):
        raise ValueError(f"unknown: {sorted(unknown)}")
    return [content[name] for name in names]


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"no number: {value!r}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"no text: {value!r}")
    return value


def _time(value: str) -> time:
    return time.fromisoformat(value)


def _clock(at: time) -> str:
    return at.isoformat("minutes")
