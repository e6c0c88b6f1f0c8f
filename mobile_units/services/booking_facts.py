"""What a booking asks before it takes a place, in two statements: her row is locked, then all else is read at once.

Nothing that another booking of hers could change is read before her row is locked. The rules of eligibility and the
contracted ranges are read with every booking, so they are never out of date; as they seldom change, what was made of
the same text before is used again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeVar, cast

from sqlalchemy import Row, bindparam, column, inspect, select, text
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.attributes import instance_dict, set_committed_value

from mobile_units.errors import DomainError
from mobile_units.models.base import Base
from mobile_units.models.contracts import ContractRange
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.slots import Slot
from mobile_units.models.women import Woman
from mobile_units.rules import eligibility as rule_book
from mobile_units.rules.calendar import local_day
from mobile_units.rules.eligibility import Assessment, EligibilityRule, ExaminationSource, PastExamination
from mobile_units.rules.product_codes import CatalogueEntry, ContractedRange, choose_range
from mobile_units.rules.programmes import Mobility, Path, Programme, Setting
from mobile_units.services import eligibility as eligibility_data
from mobile_units.services import women
from mobile_units.services.actors import Actor

Columns = Row[*tuple[Any, ...]]
"""What a statement has selected, by name."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A woman whose row is locked, a slot, and all that tells whether and how she may be booked there on a path."""

    woman: Woman
    slot: Slot
    path: Path
    row: Columns

    @property
    def day(self) -> date:
        """The Polish day of the slot."""
        return local_day(self.slot.starts_at)

    @property
    def known(self) -> int | None:
        """The key of the visit that was booked under the same idempotency key before."""
        known: int | None = self.row.known
        return known

    @property
    def has_expired_hold(self) -> bool:
        """Whether a hold of hers in the programme is over, but not ended yet."""
        return bool(self.row.has_expired_hold)

    def assess(self, session: Session) -> Assessment:
        """Whether she may be examined on the path on that day."""
        performed = (
            PastExamination(Path(path), local_day(datetime.fromisoformat(at)), ExaminationSource.VISIT)
            for path, at in json.loads(self.row.performed or "[]")
        )
        candidate = women.candidate_of(self.woman, performed)
        exclusions = eligibility_data.exclusions(session) if candidate.exclusions else ()
        return rule_book.assess(candidate, self.path, self.day, _rules(self.row.rules), exclusions)

    def contract_range(self, session: Session) -> ContractRange:
        """The range that settles the examination.

        Raises:
            DomainError: `no_contracted_range`.
        """
        place = self.slot.schedule.service_place
        entries, ranges = _catalogue(self.row.ranges)
        chosen = choose_range(self.path, place.setting, place.mobility, self.day, place.id, entries, ranges)
        values = {"id": chosen.id, "product_code": chosen.product_code, "service_place_id": chosen.service_place_id}
        return stored(session, ContractRange, values)


def read(  # noqa: PLR0913, PLR0917 -- what a booking names
    session: Session, actor: Actor, woman_id: int, slot_id: int, path: Path, now: datetime, key: str | None
) -> Facts:
    """Locks the woman and reads the rest.

    Raises:
        DomainError: `not_found`, `woman_merged`.
    """
    session.flush()
    connection = session.connection()
    about = {"provider_id": actor.provider_id, "woman_id": woman_id}
    found = connection.execute(_WOMAN, about).one_or_none()
    if found is None:
        raise DomainError("not_found", what=f"Woman {woman_id}")
    woman = stored(session, Woman, dict(found._mapping))  # noqa: SLF001 -- the public way to a row's columns by name
    women.require_not_merged(woman)
    row = connection.execute(_FACTS, about | {"slot_id": slot_id, "path": path.value, "now": now, "key": key}).one()
    if row.slot_id is None:
        raise DomainError("not_found", what=f"Slot {slot_id}")
    return Facts(woman, _slot(session, actor, row), path, row)


def _slot(session: Session, actor: Actor, row: Columns) -> Slot:
    """The slot with its schedule and place, as far as they were read."""
    place = stored(session, ServicePlace, _of(row, "place_") | {"provider_id": actor.provider_id})
    schedule = stored(session, Schedule, _of(row, "schedule_") | {"provider_id": actor.provider_id})
    slot = stored(session, Slot, _of(row, "slot_"))
    set_committed_value(schedule, "service_place", place)
    set_committed_value(slot, "schedule", schedule)
    return slot


def _of(row: Columns, prefix: str) -> dict[str, Any]:
    names = _NAMES[prefix]
    return {name: getattr(row, prefix + name) for name in names}


Entity = TypeVar("Entity", bound=Base)


def stored(session: Session, entity: type[Entity], values: Mapping[str, Any]) -> Entity:
    """An object as the mapper would have loaded it from these columns; the others are loaded when they are needed."""
    known = session.identity_map.get(inspect(entity).identity_key_from_primary_key((values["id"],)))
    if isinstance(known, entity):
        for name, value in values.items():
            set_committed_value(known, name, value)
        return known
    made = cast("Entity", inspect(entity).class_manager.new_instance())
    instance_dict(made).update(values)
    make_transient_to_detached(made)
    session.add(made)
    return made


@lru_cache(maxsize=64)
def _rules(told: str | None) -> tuple[EligibilityRule, ...]:
    return tuple(_made(EligibilityRule, each) for each in json.loads(told or "[]"))


@lru_cache(maxsize=1024)
def _catalogue(told: str | None) -> tuple[tuple[CatalogueEntry, ...], tuple[ContractedRange, ...]]:
    found = json.loads(told or "[]")
    entries = tuple(_made(CatalogueEntry, each["entry"]) for each in found)
    return entries, tuple(_made(ContractedRange, each["range"]) for each in found)


def _made(kind: type[Any], told: Mapping[str, Any]) -> Any:
    """A row of the rules from what the database tells of it, which may be more."""
    return kind(**{each.name: _value(each.name, told[each.name]) for each in fields(kind)})


def _value(name: str, told: Any) -> Any:
    return told if told is None or name not in _READ else _READ[name](told)


_READ = {
    "programme": Programme,
    "path": Path,
    "after_path": Path,
    "setting": Setting,
    "mobility": Mobility,
    "valid_from": date.fromisoformat,
    "valid_to": date.fromisoformat,
}

_WOMAN = (
    select(Woman.id, Woman.birth_date, Woman.declaration, Woman.merged_into_id)
    .where(Woman.id == bindparam("woman_id"), Woman.provider_id == bindparam("provider_id"))
    .with_for_update(key_share=True)
)
_NAMES = {
    "slot_": ("id", "uuid", "schedule_id", "service_place_id", "starts_at", "ends_at", "session_id", "mobile"),
    "schedule_": ("id", "service_place_id", "programme", "path"),
    "place_": ("id", "setting", "mobility", "status"),
}


def _columns(table: str, prefix: str) -> str:
    return ", ".join(f"{table}.{name} AS {prefix}{name}" for name in _NAMES[prefix])


_FACTS = text(f"""
SELECT {_columns("slots", "slot_")}, {_columns("schedules", "schedule_")}, {_columns("service_places", "place_")},
    (SELECT json_agg(json_build_array(visits.path, at.starts_at))::text
     FROM visits JOIN slots AS at ON at.id = visits.slot_id
     WHERE visits.woman_id = :woman_id AND visits.status = 'performed') AS performed,
    EXISTS (SELECT FROM visits WHERE visits.woman_id = :woman_id AND visits.programme = schedules.programme
        AND visits.status = 'held' AND visits.held_until <= :now) AS has_expired_hold,
    (SELECT json_agg(rule ORDER BY rule.id)::text FROM eligibility_rules AS rule WHERE rule.path = :path) AS rules,
    (SELECT json_agg(json_build_object('entry', to_json(entry), 'range', json_build_object(
         'id', contracted.id, 'product_code', contracted.product_code, 'valid_from', contracts.valid_from,
         'valid_to', contracts.valid_to, 'service_place_id', contracted.service_place_id)))::text
     FROM contracts JOIN contract_ranges AS contracted ON contracted.contract_id = contracts.id
     JOIN product_codes AS entry ON entry.code = contracted.product_code
     WHERE contracts.provider_id = :provider_id AND entry.path = :path
         AND (entry.provider_id IS NULL OR entry.provider_id = :provider_id)) AS ranges,
    asked.known
FROM (SELECT (SELECT id FROM visits WHERE provider_id = :provider_id AND idempotency_key = :key) AS known) AS asked
LEFT JOIN (slots JOIN schedules ON schedules.id = slots.schedule_id
    JOIN service_places ON service_places.id = schedules.service_place_id)
ON slots.id = :slot_id AND schedules.provider_id = :provider_id
""").columns(  # noqa: S608 -- put together from constants
    *(
        column(prefix + name, entity.__table__.c[name].type)
        for prefix, entity in (("slot_", Slot), ("schedule_", Schedule), ("place_", ServicePlace))
        for name in _NAMES[prefix]
    ),
    *(column(name) for name in ("performed", "has_expired_hold", "rules", "ranges", "known")),
)
"""All columns are named in their order: so the driver's description of a result is read once and not each time."""
