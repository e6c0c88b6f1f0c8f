"""What messages are about, in words that a person recognises: place, schedule, visit and time, never a name."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from mobile_units.clock import WARSAW
from mobile_units.models.contracts import ContractRange
from mobile_units.models.initial_loads import InitialLoad, InitialLoadChunk
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.transmissions import MessageKind

Key = tuple[MessageKind, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a message is about, each part None where it does not apply; `text_pl` is all of it in one line."""

    text_pl: str
    place: str | None = None
    cell_code: str | None = None
    point: str | None = None
    product_code: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    visit_id: int | None = None
    starts_at: datetime | None = None
    file: str | None = None


UNKNOWN = Subject(text_pl="obiekt usunięty lub nieznany")


def describe(session: Session, messages: Iterable[OutboxMessage]) -> Mapping[Key, Subject]:
    """The subjects of messages of one provider, by kind and key; one statement for each family of kinds."""
    wanted: dict[MessageKind, set[int]] = {}
    for message in messages:
        wanted.setdefault(message.kind, set()).add(message.subject_id)
    found: dict[Key, Subject] = {}
    for kind, keys in wanted.items():
        query, subject_of = _READERS[kind]
        for row in session.execute(query(keys)):
            found[kind, row[0]] = subject_of(*row)
    return found


def subject_of(subjects: Mapping[Key, Subject], message: OutboxMessage) -> Subject:
    """The subject of a message among those described."""
    return subjects.get((message.kind, message.subject_id), UNKNOWN)


def _line(parts: Sequence[str | None]) -> str:
    return ", ".join(part for part in parts if part)


def _days(first: date, last: date) -> str:
    return f"{first:%d.%m.%Y}" if first == last else f"{first:%d.%m.%Y}–{last:%d.%m.%Y}"


def _places(keys: Collection[int]) -> Select[*tuple[Any, ...]]:
    place = ServicePlace
    return select(place.id, place.name, place.cell_code).where(place.id.in_(keys))


def _place(_: int, name: str, cell: str) -> Subject:
    return Subject(text_pl=f"miejsce {name} (komórka {cell})", place=name, cell_code=cell)


def _points(keys: Collection[int]) -> Select[*tuple[Any, ...]]:
    point = MobilePoint
    return (
        select(point.id, point.name, point.valid_from, point.valid_to, ServicePlace.name, ServicePlace.cell_code)
        .join(point.service_place)
        .where(point.id.in_(keys))
    )


def _point(_: int, name: str, first: date, last: date, place: str, cell: str) -> Subject:
    text = _line([f"punkt mobilny {name}", _days(first, last), place])
    return Subject(text_pl=text, place=place, cell_code=cell, point=name, first_day=first, last_day=last)


def _schedules(keys: Collection[int]) -> Select[*tuple[Any, ...]]:
    schedule = Schedule
    columns = (schedule.id, ServicePlace.name, ServicePlace.cell_code, MobilePoint.name)
    return (
        select(*columns, ContractRange.product_code, schedule.valid_from, schedule.valid_to)
        .join(ServicePlace, ServicePlace.id == schedule.service_place_id)
        .join(ContractRange, ContractRange.id == schedule.contract_range_id)
        .outerjoin(MobilePoint, MobilePoint.id == schedule.mobile_point_id)
        .where(schedule.id.in_(keys))
    )


def _schedule(key: int, place: str, cell: str, point: str | None, code: str, first: date, last: date) -> Subject:  # noqa: PLR0913, PLR0917 -- a row
    text = _line([f"harmonogram {key}", _days(first, last), place, point, code])
    return Subject(
        text_pl=text, place=place, cell_code=cell, point=point, product_code=code, first_day=first, last_day=last
    )


def _visits(keys: Collection[int]) -> Select[*tuple[Any, ...]]:
    columns = (Visit.id, Slot.starts_at, ServicePlace.name, ServicePlace.cell_code, MobilePoint.name)
    return (
        select(*columns, ContractRange.product_code)
        .join(Visit.slot)
        .join(Slot.schedule)
        .join(ServicePlace, ServicePlace.id == Schedule.service_place_id)
        .join(ContractRange, ContractRange.id == Visit.contract_range_id)
        .outerjoin(MobilePoint, MobilePoint.id == Schedule.mobile_point_id)
        .where(Visit.id.in_(keys))
    )


def _visit(key: int, starts_at: datetime, place: str, cell: str, point: str | None, code: str) -> Subject:  # noqa: PLR0913, PLR0917 -- a row
    local = starts_at.astimezone(WARSAW)
    return Subject(
        text_pl=_line([f"wizyta {key}", f"{local:%d.%m.%Y %H:%M}", place, point, code]),
        place=place,
        cell_code=cell,
        point=point,
        product_code=code,
        first_day=local.date(),
        last_day=local.date(),
        visit_id=key,
        starts_at=starts_at,
    )


def _chunks(keys: Collection[int]) -> Select[*tuple[Any, ...]]:
    chunk = InitialLoadChunk
    return (
        select(chunk.id, chunk.number, InitialLoad.file_name)
        .join(InitialLoad, InitialLoad.id == chunk.load_id)
        .where(chunk.id.in_(keys))
    )


def _chunk(_: int, number: int, file_name: str) -> Subject:
    return Subject(text_pl=f"zasilenie inicjalne {file_name}, część {number}", file=file_name)


_OF_A_PLACE = (_places, _place)
_OF_A_SCHEDULE = (_schedules, _schedule)
_OF_A_VISIT = (_visits, _visit)
_READERS: dict[MessageKind, tuple[Callable[[Collection[int]], Any], Callable[..., Subject]]] = {
    MessageKind.SAVE_SERVICE_PLACE: _OF_A_PLACE,
    MessageKind.ACTIVATE_SERVICE_PLACE: _OF_A_PLACE,
    MessageKind.IMPORT_MOBILE_POINTS: (_points, _point),
    MessageKind.SAVE_SCHEDULE: _OF_A_SCHEDULE,
    MessageKind.WITHDRAW_SLOTS: _OF_A_SCHEDULE,
    MessageKind.SAVE_SLOTS: _OF_A_SCHEDULE,
    MessageKind.SAVE_VISIT: _OF_A_VISIT,
    MessageKind.CANCEL_VISIT: _OF_A_VISIT,
    MessageKind.LOAD_VISITS: (_chunks, _chunk),
}
