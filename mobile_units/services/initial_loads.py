"""Initial loads (zasilInicjalnie): visits that were booked before the integration, from a file to the central system.

The whole file is checked first, and nothing is stored unless every row is right. Then each row is a visit in its slot,
and the visits go in chunks, each a message of the outbox: whatever is interrupted is resumed there. A row that the
central system refuses keeps its visit; corrected, it is sent as any other.

The locks are those of `services.visits`, of many women and slots at once: first the women, then the slots, each by id.
"""

import csv
import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func, insert, or_, select, text
from sqlalchemy.orm import Session, joinedload, load_only

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.contracts import ContractRange
from mobile_units.models.initial_loads import InitialLoad, InitialLoadChunk, InitialLoadRow, LoadedRowState
from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.service_places import ServicePlace, ServicePlaceStatus
from mobile_units.models.sites import Site
from mobile_units.models.slots import CLOSED, Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.models.women import Woman
from mobile_units.rules import eligibility as rule_book
from mobile_units.rules.calendar import local_day, local_instant
from mobile_units.rules.eligibility import EligibilityRule, ExaminationSource, Exclusion, PastExamination
from mobile_units.rules.product_codes import choose_range
from mobile_units.rules.programmes import Path, Programme
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ACTIVE, OCCUPYING, VisitSource, VisitStatus
from mobile_units.services import eligibility as eligibility_data
from mobile_units.services import mixed_sessions, slot_places, slots, tables, women
from mobile_units.services import visit_steps as steps
from mobile_units.services.actors import Actor, audit
from mobile_units.services.contracts import ranges_on_path
from mobile_units.services.queries import Page, Paging, get_owned, page_of
from mobile_units.services.tables import Column, Problem, Record
from mobile_units.transmission import outbox

CHUNK = 500
"""Visits in one message, unless told otherwise; the contract takes 1,000 at the most."""

_PART = 1000
"""How many values one query asks for."""

Item = TypeVar("Item")

_COLUMNS = (
    Column("cell_code", tables.text(10), required=True),
    Column("day", tables.day, required=True),
    Column("time", tables.clock, required=True),
    Column("path", tables.one_of(Path), required=True),
    Column("urgent", tables.flag),
    Column("pesel", tables.text(20)),
    Column("document_country", tables.text(2)),
    Column("document_number", tables.text(40)),
    Column("birth_date", tables.day),
    Column("given_name", tables.text(200), required=True),
    Column("family_name", tables.text(200), required=True),
    Column("telephone", tables.text(40)),
    Column("override_reason", tables.text(1000)),
    Column("site_code", tables.text(40)),
)
_OF_WOMAN = {
    "pesel_invalid": "pesel",
    "pesel_not_a_woman": "pesel",
    "document_invalid": "document_number",
    "birth_date_invalid": "birth_date",
}
"""The columns that refusals of a woman speak of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLoad:
    """A file of visits; with `dry_run` it is checked and nothing is stored."""

    file_name: str
    content: bytes = field(repr=False)
    chunk_size: int = CHUNK
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What was taken in; nothing was stored where `load_id` is None."""

    load_id: int | None
    rows: int
    chunks: int
    women_registered: int


@dataclass(frozen=True, slots=True)
class LoadFilter:
    """Which part of the list is wanted."""

    paging: Paging = Paging()


@dataclass(frozen=True, slots=True)
class ChunkStatus:
    """How far one message got."""

    number: int
    rows: int
    state: MessageState


@dataclass(frozen=True, slots=True)
class LoadStatus:
    """How far a load got: rows by what the central system said of them, and its messages."""

    load: InitialLoad
    rows: int
    waiting: int
    accepted: int
    refused: int
    chunks: Sequence[ChunkStatus]

    @property
    def done(self) -> bool:
        """Whether no row waits any more."""
        return self.waiting == 0


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that the central system refused; `passed` tells whether it took the visit later."""

    id: int
    row: int
    visit_id: int
    code: str | None
    rule: str | None
    description: str | None
    passed: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """A slot as a row finds it."""

    slot_id: int
    starts_at: datetime
    schedule_id: int
    path: Path
    programme: Programme
    site_code: str | None
    place: ServicePlace


@dataclass(slots=True)
class _Row:
    """A row on its way to a visit."""

    record: Record
    path: Path
    woman: Woman
    registered: bool = True
    starts_at: datetime | None = None
    place: _Place | None = None
    rule_id: int | None = None
    override: str | None = field(default=None, repr=False)
    range_id: int = 0


@dataclass(slots=True)
class _Check:
    """The rows of a file and all that is wrong with them."""

    rows: list[_Row]
    problems: list[Problem]
    sessions: Mapping[int, int] = field(default_factory=dict)

    def refuse(self, row: _Row | Record, column: str | None, error: DomainError) -> None:
        """Notes that something is wrong with a row."""
        record = row.record if isinstance(row, _Row) else row
        self.problems.append(tables.problem(record.row, column, error))


def load(session: Session, actor: Actor, command: NewLoad, now: datetime) -> LoadResult:
    """Makes visits of a file of booked visits and has them handed over in chunks.

    Raises:
        DomainError: `file_loaded_before`; `import_refused` with the fact `problems`; `table_too_large`,
            `table_unreadable`, `table_empty`.
    """
    digest = hashlib.sha256(command.content).hexdigest()
    _require_new_file(session, actor, digest)
    records, problems = tables.parse(tables.read(command.content), _COLUMNS)
    check = _Check([], problems)
    _name_women(session, actor, check, records, local_day(now))
    _find_women(session, actor, check)
    _find_slots(session, actor, check, now)
    _judge(session, actor, check)
    if check.problems:
        in_order = sorted(check.problems, key=lambda each: each.row)
        raise DomainError("import_refused", count=len(in_order), problems=in_order)
    rows = sorted(check.rows, key=lambda row: (row.starts_at, row.record.row))
    made = None if command.dry_run else _stored(session, actor, command, digest, rows)
    new = len({row.woman.identity_hash for row in rows if row.registered})
    chunks = -(-len(rows) // command.chunk_size)
    return LoadResult(load_id=made, rows=len(rows), chunks=chunks, women_registered=new)


def _require_new_file(session: Session, actor: Actor, digest: str) -> None:
    query = select(InitialLoad.id).where(InitialLoad.provider_id == actor.provider_id, InitialLoad.digest == digest)
    known = session.scalar(query)
    if known is not None:
        raise DomainError("file_loaded_before", load_id=known)


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


# whose visits


def _name_women(session: Session, actor: Actor, check: _Check, records: Iterable[Record], today: date) -> None:
    """Rows with the women that they name; a row of the same woman in the same programme is the same visit."""
    first: dict[tuple[bytes, Programme], int] = {}
    named: dict[bytes, Woman] = {}
    for record in records:
        woman = _woman(session, actor, check, record, today)
        if woman is None or "path" not in record.values:
            continue
        row = _Row(record, record.values["path"], named.setdefault(woman.identity_hash, woman))
        key = woman.identity_hash, row.path.programme
        if first.setdefault(key, record.row) != record.row:
            check.refuse(row, None, DomainError("row_repeated", first=first[key]))
        check.rows.append(row)


def _woman(session: Session, actor: Actor, check: _Check, record: Record, today: date) -> Woman | None:
    values = record.values
    if not {"given_name", "family_name"} <= values.keys():
        return None
    if ("pesel" in values) == ("document_number" in values):
        twice = "pesel" in values
        check.refuse(record, "pesel", DomainError("given_twice" if twice else "value_missing"))
        return None
    identity = women.Identity(
        pesel=values.get("pesel"),
        country=values.get("document_country"),
        document_number=values.get("document_number"),
    )
    named: dict[str, Any] = {
        name: values.get(name) for name in ("given_name", "family_name", "birth_date", "telephone")
    }
    try:
        return women.prepared(session, actor, women.NewWoman(identity=identity, **named), today)
    except DomainError as error:
        check.refuse(record, _OF_WOMAN.get(error.code, "pesel"), error)
        return None


def _find_women(session: Session, actor: Actor, check: _Check) -> None:
    """Puts the women who are known in the place of those whom the rows name; their rows are locked, by id.

    A row that names a woman who was kept twice gets the one with whom she was merged.
    """
    hashes = sorted({row.woman.identity_hash for row in check.rows})
    kept = func.coalesce(Woman.merged_into_id, Woman.id)
    found_under: dict[bytes, int] = {
        identity: woman_id
        for part in _parts(hashes, _PART)
        for identity, woman_id in session.execute(
            select(Woman.identity_hash, kept).where(
                Woman.provider_id == actor.provider_id, Woman.identity_hash.in_(part)
            )
        )
    }
    ids = sorted(set(found_under.values()))
    query = select(Woman).options(load_only(Woman.identity_hash, Woman.birth_date, Woman.declaration))
    query = query.order_by(Woman.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    known = {
        woman.id: woman for part in _parts(ids, _PART) for woman in session.scalars(query.where(Woman.id.in_(part)))
    }
    for row in check.rows:
        found = known.get(found_under.get(row.woman.identity_hash, 0))
        if found is not None:
            row.woman, row.registered = found, False


# where and when


def _find_slots(session: Session, actor: Actor, check: _Check, now: datetime) -> None:
    """Gives each row its slot, if the slot can still take her."""
    for row in check.rows:
        row.starts_at = _starts_at(check, row)
    offered = _offered(session, actor, check)
    for row in check.rows:
        row.place = _place(check, row, offered)
    _take_places(session, check, now)


def _starts_at(check: _Check, row: _Row) -> datetime | None:
    values = row.record.values
    if not {"cell_code", "day", "time"} <= values.keys():
        return None
    try:
        return local_instant(values["day"], values["time"])
    except DomainError as error:
        check.refuse(row, "time", error)
        return None


def _offered(session: Session, actor: Actor, check: _Check) -> Mapping[tuple[str, datetime], list[_Place]]:
    """The slots of the provider at the times that the rows name, by cell code and instant."""
    instants = sorted({row.starts_at for row in check.rows if row.starts_at})
    query = (
        select(Slot.id, Slot.starts_at, Slot.schedule_id, Schedule.path, Schedule.programme, Site.code, ServicePlace)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .join(ServicePlace, ServicePlace.id == Schedule.service_place_id)
        .outerjoin(MobilePoint, MobilePoint.id == Schedule.mobile_point_id)
        .outerjoin(Stop, Stop.id == MobilePoint.stop_id)
        .outerjoin(Site, Site.id == Stop.site_id)
        .where(Schedule.provider_id == actor.provider_id, Slot.status != SlotStatus.WITHDRAWN)
        .order_by(Slot.id)
    )
    offered: dict[tuple[str, datetime], list[_Place]] = defaultdict(list)
    for part in _parts(instants, _PART):
        for found in session.execute(query.where(Slot.starts_at.in_(part))):
            place = _Place(*found)
            offered[place.place.cell_code, place.starts_at].append(place)
    return offered


def _place(check: _Check, row: _Row, offered: Mapping[tuple[str, datetime], list[_Place]]) -> _Place | None:
    """The slot of the schedule for her path, else of her programme."""
    if row.starts_at is None:
        return None
    values = row.record.values
    there = [each for each in offered.get((values["cell_code"], row.starts_at), ()) if _is_at(each, values)]
    fitting = [each for each in there if each.path == row.path]
    fitting = fitting or [each for each in there if each.programme == row.path.programme]
    if not fitting:
        check.refuse(row, "time", DomainError("no_slot_there"))
        return None
    if len({each.site_code for each in fitting}) > 1:
        check.refuse(row, "time", DomainError("slot_ambiguous"))
        return None
    return fitting[0]


def _is_at(place: _Place, values: Mapping[str, Any]) -> bool:
    return values.get("site_code") in {None, place.site_code}


def _take_places(session: Session, check: _Check, now: datetime) -> None:
    """Locks the slots, by id, and counts whether each has room for all rows that name it."""
    ids = sorted({row.place.slot_id for row in check.rows if row.place})
    check.sessions = _lock_sessions(session, ids)
    ids = sorted({*ids, *_slots_of(session, check.sessions)})
    query = select(Slot.id, Slot.status, Slot.capacity - Slot.taken).order_by(Slot.id).with_for_update(key_share=True)
    found = (slot for part in _parts(ids, _PART) for slot in session.execute(query.where(Slot.id.in_(part))))
    room = {slot_id: free if status is SlotStatus.OPEN else None for slot_id, status, free in found}
    for row in check.rows:
        if row.place is not None:
            _take_place(check, row, row.place, room, now)
    _fit_into_sessions(session, check)


def _lock_sessions(session: Session, slot_ids: Sequence[int]) -> Mapping[int, int]:
    """The mixed sessions of the slots, by slot; their rows are locked, by id, before any slot is."""
    query = select(Slot.id, Slot.session_id).where(Slot.session_id.is_not(None))
    sessions = {
        slot_id: session_id
        for part in _parts(slot_ids, _PART)
        for slot_id, session_id in session.execute(query.where(Slot.id.in_(part)))
        if session_id is not None
    }
    mixed_sessions.lock(session, sessions.values())
    return sessions


def _slots_of(session: Session, sessions: Mapping[int, int]) -> Iterable[int]:
    """All slots that share rooms and crew with those of the rows: what fits in them changes too."""
    if not sessions:
        return ()
    return session.scalars(select(Slot.id).where(Slot.session_id.in_(sorted(set(sessions.values())))))


def _fit_into_sessions(session: Session, check: _Check) -> None:
    """Refuses rows for which rooms or crew have no time beside what is booked and the rows before."""
    booked = {each: mixed_sessions.booked(session, each) for each in sorted(set(check.sessions.values()))}
    for row in check.rows:
        session_id = check.sessions.get(row.place.slot_id) if row.place else None
        if session_id is None or row.place is None:
            continue
        try:
            booked[session_id] = booked[session_id].with_one_more(row.path, row.place.starts_at)
        except DomainError as error:
            check.refuse(row, "time", error)


def _take_place(check: _Check, row: _Row, place: _Place, room: dict[int, int | None], now: datetime) -> None:
    free = room.get(place.slot_id)
    if place.starts_at <= now:
        check.refuse(row, "day", DomainError("slot_in_the_past"))
    elif free is None:
        check.refuse(row, "time", DomainError("slot_not_open"))
    elif free < 1:
        check.refuse(row, "time", DomainError("slot_full"))
    else:
        room[place.slot_id] = free - 1


# whether she may


@dataclass(frozen=True, slots=True)
class _Book:
    """What judging asks for, read once."""

    rules: Mapping[Path, Sequence[EligibilityRule]]
    exclusions: Sequence[Exclusion]
    performed: Mapping[int, Sequence[PastExamination]]
    active: Mapping[tuple[int, Programme], int]


def _judge(session: Session, actor: Actor, check: _Check) -> None:
    """Eligibility by the right of the one who loads, no second visit in a programme, and a range for each."""
    paths = {row.path for row in check.rows}
    known = sorted({row.woman.id for row in check.rows if not row.registered})
    book = _Book(
        {path: eligibility_data.rules_of_path(session, path) for path in paths},
        eligibility_data.exclusions(session),
        _performed(session, known),
        _active(session, known),
    )
    ranges = {path: ranges_on_path(session, actor.provider_id, path) for path in paths}
    for row in check.rows:
        if row.place is not None:
            _judge_row(actor, check, row, row.place, book)
            _find_range(check, row, row.place, ranges[row.path])


def _performed(session: Session, known: Sequence[int]) -> Mapping[int, list[PastExamination]]:
    query = select(Visit.woman_id, Visit.path, Slot.starts_at).join(Slot, Slot.id == Visit.slot_id)
    query = query.where(Visit.status == VisitStatus.PERFORMED)
    performed: dict[int, list[PastExamination]] = defaultdict(list)
    for part in _parts(known, _PART):
        for woman_id, path, starts_at in session.execute(query.where(Visit.woman_id.in_(part))):
            performed[woman_id].append(PastExamination(path, local_day(starts_at), ExaminationSource.VISIT))
    return performed


def _active(session: Session, known: Sequence[int]) -> Mapping[tuple[int, Programme], int]:
    query = select(Visit.woman_id, Visit.programme, Visit.slot_id).where(Visit.status.in_(sorted(ACTIVE)))
    return {
        (woman_id, programme): slot_id
        for part in _parts(known, _PART)
        for woman_id, programme, slot_id in session.execute(query.where(Visit.woman_id.in_(part)))
    }


def _judge_row(actor: Actor, check: _Check, row: _Row, place: _Place, book: _Book) -> None:
    held = None if row.registered else book.active.get((row.woman.id, row.path.programme))
    if held is not None:
        check.refuse(row, None, DomainError("visit_known" if held == place.slot_id else "parallel_visit"))
        return
    performed = () if row.registered else book.performed.get(row.woman.id, ())
    candidate = women.candidate_of(row.woman, performed)
    day = local_day(place.starts_at)
    assessment = rule_book.assess(candidate, row.path, day, book.rules[row.path], book.exclusions)
    row.rule_id = assessment.rule_id
    if not assessment.eligible:
        row.override = row.record.values.get("override_reason")
        _require_override(actor, check, row)


def _require_override(actor: Actor, check: _Check, row: _Row) -> None:
    """Who loads is no midwife, so what is wrong with a woman tells nothing of her health."""
    if not row.override:
        words = {"reason_pl": "zob. ocenę uprawnień pacjentki.", "reason_en": "see her assessment."}
        unknown = {"next_eligible_pl": "zob. ocenę uprawnień", "next_eligible_en": "see the assessment"}
        check.refuse(row, None, DomainError("not_eligible", **words, **unknown))
    elif Role.MIDWIFE not in actor.roles:
        check.refuse(row, "override_reason", DomainError("not_allowed", roles=Role.MIDWIFE.value))


def _find_range(
    check: _Check, row: _Row, place: _Place, of_path: tuple[list[ContractRange], list[Any], list[Any]]
) -> None:
    _, entries, ranges = of_path
    where, day = place.place, local_day(place.starts_at)
    try:
        row.range_id = choose_range(row.path, where.setting, where.mobility, day, where.id, entries, ranges).id
    except DomainError as error:
        check.refuse(row, "path", error)


# storing


def _stored(session: Session, actor: Actor, command: NewLoad, digest: str, rows: Sequence[_Row]) -> int:
    made = InitialLoad(
        provider_id=actor.provider_id, file_name=command.file_name, digest=digest, loaded_by=actor.user_id
    )
    session.add(made)
    session.flush()
    new = _register(session, rows)
    booked = _book(session, actor, rows)
    _keep_history(session, actor, new, booked)
    audit(session, actor, "load", "initial_load", made.id)
    for number, part in enumerate(_parts(list(zip(rows, booked, strict=True)), command.chunk_size), start=1):
        _send(session, actor, made, number, part)
    return made.id


def _register(session: Session, rows: Iterable[_Row]) -> list[Woman]:
    new = list({row.woman.identity_hash: row.woman for row in rows if row.registered}.values())
    session.add_all(new)
    session.flush()
    return new


def _book(session: Session, actor: Actor, rows: Sequence[_Row]) -> list[Visit]:
    places = Counter(row.place.slot_id for row in rows if row.place)
    session.execute(_TAKE, {"slots": list(places), "counts": list(places.values())})
    made = [_visit(actor, row, row.place) for row in rows if row.place]
    session.add_all(made)
    session.flush()
    _tell_places(session, places)
    return made


def _tell_places(session: Session, slot_ids: Iterable[int]) -> None:
    """Works out what still fits beside the new visits; slots with places that nobody knew of are told again."""
    for part in _parts(sorted(slot_ids), _PART):
        shared = select(Slot.session_id).where(Slot.id.in_(part), Slot.session_id.is_not(None)).distinct()
        for session_id in sorted(filter(None, session.scalars(shared))):
            slot_places.refresh_session(session, session_id)
        closed = select(Slot.schedule_id).where(Slot.id.in_(part), CLOSED).distinct()
        for schedule_id in sorted(session.scalars(closed).all()):
            slots.tell(session, schedule_id)


_TAKE = text("""
UPDATE slots SET taken = taken + wanted.count
FROM unnest(CAST(:slots AS bigint[]), CAST(:counts AS integer[])) AS wanted (slot_id, count)
WHERE slots.id = wanted.slot_id
""")


def _visit(actor: Actor, row: _Row, place: _Place) -> Visit:
    return Visit(
        provider_id=actor.provider_id,
        woman_id=row.woman.id,
        slot_id=place.slot_id,
        programme=row.path.programme,
        path=row.path,
        contract_range_id=row.range_id,
        status=VisitStatus.BOOKED,
        urgent=row.record.values.get("urgent", False),
        eligibility_rule_id=row.rule_id,
        override_reason=row.override,
        source=VisitSource.INITIAL_LOAD,
    )


def _keep_history(session: Session, actor: Actor, new: Iterable[Woman], booked: Sequence[Visit]) -> None:
    changes = [{"visit_id": visit.id, "to_status": visit.status, "user_id": actor.user_id} for visit in booked]
    session.execute(insert(VisitChange), changes)
    acts = [("register", woman.id) for woman in new] + [("visit_load", visit.woman_id) for visit in booked]
    entry = {"provider_id": actor.provider_id, "user_id": actor.user_id, "request_id": actor.request_id}
    entries = [entry | {"action": action, "subject": "woman", "subject_id": woman_id} for action, woman_id in acts]
    session.execute(insert(AuditEntry), entries)


def _send(session: Session, actor: Actor, made: InitialLoad, number: int, part: Sequence[tuple[_Row, Visit]]) -> None:
    """Stores a chunk and its message, behind the slots, the activation of their places, and who made room."""
    chunk = InitialLoadChunk(provider_id=actor.provider_id, load_id=made.id, number=number)
    session.add(chunk)
    session.flush()
    rows = [{"chunk_id": chunk.id, "row": row.record.row, "visit_id": visit.id} for row, visit in part]
    session.execute(insert(InitialLoadRow), [each | {"state": LoadedRowState.WAITING} for each in rows])
    places = [row.place for row, _ in part if row.place]
    outbox.enqueue(
        session,
        provider_id=actor.provider_id,
        kind=MessageKind.LOAD_VISITS,
        subject_id=chunk.id,
        service_day=local_day(min(place.starts_at for place in places)),
        after=[*_awaited(places), *_made_room(session, part)],
    )


def _awaited(places: Sequence[_Place]) -> Iterator[tuple[MessageKind, int]]:
    for schedule_id in sorted({place.schedule_id for place in places}):
        yield MessageKind.SAVE_SLOTS, schedule_id
    waiting = {place.place.id for place in places if place.place.status is not ServicePlaceStatus.ACTIVE}
    for place_id in sorted(waiting):
        yield MessageKind.ACTIVATE_SERVICE_PLACE, place_id


def _made_room(session: Session, part: Sequence[tuple[_Row, Visit]]) -> list[tuple[MessageKind, int]]:
    """What `visit_steps` waits for before one visit, for all of a chunk."""
    own = [visit.id for _, visit in part]
    over: ColumnElement[bool] = Visit.woman_id.in_({visit.woman_id for _, visit in part}) & Visit.status.not_in(
        sorted(ACTIVE)
    )
    left = Visit.slot_id.in_({visit.slot_id for _, visit in part}) & Visit.status.not_in(sorted(OCCUPYING))
    return outbox.unaccepted_of_visits(session, Visit.id.not_in(own), or_(over, left))


# what became of it


def find(session: Session, actor: Actor, criteria: LoadFilter) -> Page[InitialLoad]:
    """Loads of the provider, the latest first."""
    query = select(InitialLoad).where(InitialLoad.provider_id == actor.provider_id)
    return page_of(session, query.order_by(InitialLoad.id.desc()), criteria.paging)


def status(session: Session, actor: Actor, load_id: int) -> LoadStatus:
    """How far a load got.

    Raises:
        DomainError: `not_found`.
    """
    found = get_owned(session, actor, InitialLoad, load_id)
    of_load = InitialLoadRow.chunk_id.in_(select(InitialLoadChunk.id).where(InitialLoadChunk.load_id == load_id))
    counts = select(InitialLoadRow.state, func.count()).where(of_load).group_by(InitialLoadRow.state)
    counted = Counter(dict(iter(session.execute(counts))))
    return LoadStatus(
        load=found,
        rows=counted.total(),
        waiting=counted[LoadedRowState.WAITING],
        accepted=counted[LoadedRowState.ACCEPTED],
        refused=counted[LoadedRowState.REFUSED],
        chunks=_chunks(session, load_id),
    )


def _chunks(session: Session, load_id: int) -> list[ChunkStatus]:
    rows = select(func.count()).where(InitialLoadRow.chunk_id == InitialLoadChunk.id).scalar_subquery()
    message = (
        select(OutboxMessage.state)
        .where(OutboxMessage.kind == MessageKind.LOAD_VISITS, OutboxMessage.subject_id == InitialLoadChunk.id)
        .order_by(OutboxMessage.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(InitialLoadChunk.number, rows, message).where(InitialLoadChunk.load_id == load_id)
    return [ChunkStatus(*found) for found in session.execute(query.order_by(InitialLoadChunk.number))]


def refused_rows(session: Session, actor: Actor, load_id: int) -> list[RefusedRow]:
    """The rows that the central system refused, in the order of the file.

    Raises:
        DomainError: `not_found`.
    """
    get_owned(session, actor, InitialLoad, load_id)
    query = select(InitialLoadRow).join(InitialLoadChunk, InitialLoadChunk.id == InitialLoadRow.chunk_id)
    query = query.where(InitialLoadChunk.load_id == load_id, InitialLoadRow.state == LoadedRowState.REFUSED)
    return [_refused(row) for row in session.scalars(query.options(_VISIT).order_by(InitialLoadRow.row))]


_VISIT = joinedload(InitialLoadRow.visit).load_only(Visit.passed_at)


def _refused(row: InitialLoadRow) -> RefusedRow:
    passed = row.visit.passed_at is not None
    return RefusedRow(row.id, row.row, row.visit_id, row.code, row.rule, row.description, passed)


REPORT = ("row", "visit_id", "code", "rule", "description", "passed")


def as_csv(rows: Iterable[RefusedRow]) -> str:
    """The refused rows as a table for a spreadsheet; nothing in it names a woman."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(REPORT)
    writer.writerows([_cell(getattr(row, name)) for name in REPORT] for row in rows)
    return out.getvalue()


def as_json(rows: Iterable[RefusedRow]) -> str:
    """The refused rows for a program."""
    return json.dumps([{name: getattr(row, name) for name in REPORT} for row in rows], ensure_ascii=False, indent=2)


def _cell(value: object) -> object:
    """A spreadsheet takes text with such a beginning for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def resend(session: Session, actor: Actor, load_id: int, row_id: int) -> RefusedRow:
    """Has the visit of a refused row handed over as any other visit is, once what was wrong is corrected.

    Raises:
        DomainError: `not_found`, `row_not_refused`; `visit_over`, it was cancelled or moved.
    """
    query = select(InitialLoadRow).join(InitialLoadChunk, InitialLoadChunk.id == InitialLoadRow.chunk_id)
    query = query.where(InitialLoadChunk.provider_id == actor.provider_id, InitialLoadChunk.load_id == load_id)
    row = session.scalars(query.where(InitialLoadRow.id == row_id)).one_or_none()
    if row is None:
        raise DomainError("not_found", what=f"InitialLoadRow {row_id}")
    visit = steps.locked_visit(session, actor, row.visit_id)
    session.refresh(row)
    if row.state is not LoadedRowState.REFUSED:
        raise DomainError("row_not_refused", state=row.state.value)
    if visit.status not in OCCUPYING:
        raise DomainError("visit_over", status=visit.status.value)
    steps.pass_on(session, visit)
    audit(session, actor, "resend", "initial_load_row", row.id)
    session.flush()
    return _refused(row)
