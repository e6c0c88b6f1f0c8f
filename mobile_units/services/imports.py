"""Sites, units and women due from tables that users bring.

All rows are checked before any is stored, and nothing is stored unless all are right. What is known by its code is
updated with the cells that are filled in; an empty cell changes nothing.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from enum import StrEnum
from operator import attrgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from mobile_units.errors import DomainError
from mobile_units.models.base import Versioned
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site, SiteDemand
from mobile_units.models.units import MobileUnit, UnitProgramme
from mobile_units.planning.demand import ASSUMPTIONS, estimate_women_due, share_out
from mobile_units.rules.places import LATITUDES, LONGITUDES
from mobile_units.rules.programmes import Programme
from mobile_units.rules.service_places import require_setting
from mobile_units.rules.units import require_mobile, require_working_day
from mobile_units.services import sites, tables
from mobile_units.services.actors import Actor, audit
from mobile_units.services.nfz_tables import Gmina, read_gminas
from mobile_units.services.queries import replace_parts
from mobile_units.services.sites import Demand
from mobile_units.services.tables import Column, Problem, Record
from mobile_units.services.units import NewUnitProgramme


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A file to be imported; with `dry_run` everything is tried and nothing stays."""

    content: bytes = field(repr=False)
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteImport(Import):
    """Sites; `estimate` asks for women due from population where no other number is known, as of `today`."""

    today: date
    estimate: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NfzDemandImport(Import):
    """The NFZ's table of a month, which itself names neither its programme nor its month (any day of it)."""

    programme: Programme
    month: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """How many rows were read, and what became of the objects that they speak of."""

    rows: int
    created: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NfzImportResult(ImportResult):
    """The counts are of women due at sites; the women of `gminas_without_site` were given to none.

    `sites_without_gmina` are the codes of active sites whose gmina is not known or not in the table.
    """

    gminas_without_site: Sequence[Gmina]
    sites_without_gmina: Sequence[str]


class _Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


def _degrees(frame: tuple[float, float]) -> tables.Parse:
    lowest, highest = frame

    def parse_degrees(cell: str) -> float:
        value: float = tables.number(-180, 180)(cell)
        if not lowest <= value <= highest:
            raise DomainError("outside_poland")
        return value

    return parse_degrees


def _weekdays(cell: str) -> list[int]:
    return sorted({tables.whole(1, 7)(part) for part in re.split(r"[;,\s]+", cell) if part})


_SITE_COLUMNS = (
    Column("code", tables.text(40), required=True),
    Column("name", tables.text(200), required=True),
    Column("locality", tables.text(200), required=True),
    Column("landmark", tables.text(200)),
    Column("street", tables.text(200)),
    Column("gmina", tables.text(200)),
    Column("teryt", tables.teryt),
    Column("lat", _degrees(LATITUDES), required=True),
    Column("lon", _degrees(LONGITUDES), required=True),
    Column("population", tables.whole(0, 50_000_000)),
    Column("telephone", tables.text(40)),
    Column("days_max", tables.whole(1, 92)),
    Column("source", tables.text(200)),
)
_UNIT_COLUMNS = (
    Column("code", tables.text(40), required=True),
    Column("name", tables.text(200), required=True),
    Column("base_lat", _degrees(LATITUDES), required=True),
    Column("base_lon", _degrees(LONGITUDES), required=True),
    Column("weekdays", _weekdays, required=True),
    Column("opens", tables.clock, required=True),
    Column("closes", tables.clock, required=True),
    Column("setup_minutes", tables.whole(0, 480)),
    Column("programmes", tables.items),
)
_DEMAND_COLUMNS = (
    Column("site_code", tables.text(40), required=True),
    Column("programme", tables.one_of(Programme), required=True),
    Column("women_due", tables.whole(0, 5_000_000), required=True),
    Column("as_of", tables.day, required=True),
    Column("source", tables.text(200), required=True),
    Column("estimated", tables.flag),
)
_FIELDS = {"lat": "latitude", "lon": "longitude", "base_lat": "base_latitude", "base_lon": "base_longitude"}
"""Fields whose columns have another name."""


def import_sites(session: Session, actor: Actor, command: SiteImport) -> ImportResult:
    """Creates or updates sites by their codes; the mobile points of a changed one are handed over again.

    Raises:
        DomainError: `import_refused` with the fact `problems`; `table_too_large`, `table_unreadable`, `table_empty`.
    """
    records, problems = tables.parse(tables.read(command.content), _SITE_COLUMNS)
    problems += tables.repeated(records, "code", _value_of("code"))
    _refuse_if_any(problems)
    known = _sites_by_code(session, actor)
    with _storing(session, actor, "site", command):
        return _counted([_save_site(session, actor, known, record, command) for record in records])


def _save_site(
    session: Session, actor: Actor, known: Mapping[str, Site], record: Record, command: SiteImport
) -> _Outcome:
    site, new = _known_or_new(session, known.get(record.values["code"]), lambda: Site(provider_id=actor.provider_id))
    before = _handed_over(site)
    changed = _set(site, record.values)
    if command.estimate and site.population is not None:
        changed |= _estimate(site, site.population, command.today)
    outcome = _outcome(site, new=new, changed=changed)
    if not new and _handed_over(site) != before:
        sites.tell_points(session, site, command.today)
    return outcome


def _handed_over(site: Site) -> list[Any]:
    return [getattr(site, name) for name in sorted(sites.HANDED_OVER)]


def _estimate(site: Site, population: int, as_of: date) -> bool:
    """Estimates where nothing is known and renews its own estimates; says whether a number changed."""
    known = {demand.programme: demand for demand in site.demands}
    changed = False
    for programme, assumption in ASSUMPTIONS.items():
        row, women_due = known.get(programme), estimate_women_due(population, programme)
        if row is None or (row.source == assumption.label_pl and row.women_due != women_due):
            _set_demand(site, Demand(programme, women_due, assumption.label_pl, as_of))
            changed = True
    return changed


def import_units(session: Session, actor: Actor, command: Import) -> ImportResult:
    """Creates or updates mobile units by their codes; programmes, if filled in, replace all that were known.

    Raises:
        DomainError: as `import_sites`.
    """
    records, problems = tables.parse(tables.read(command.content), _UNIT_COLUMNS)
    problems += tables.repeated(records, "code", _value_of("code"))
    known, places = _units_by_code(session, actor), _places_by_cell(session, actor)
    programmes = {record.row: _programmes(record, places, problems) for record in records}
    for record in records:
        problems += _problems_of_day(record, known.get(record.values.get("code", "")), programmes[record.row])
    _refuse_if_any(problems)
    with _storing(session, actor, "unit", command):
        return _counted([_save_unit(session, actor, known, record, programmes[record.row]) for record in records])


def _programmes(
    record: Record, places: Mapping[str, ServicePlace], problems: list[Problem]
) -> list[NewUnitProgramme] | None:
    """The programmes of a unit, None where the cell is empty; what is wrong with them joins `problems`."""
    if "programmes" not in record.values:
        return None
    found = []
    for item in record.values["programmes"]:
        try:
            found.append(_programme(item, places))
        except DomainError as error:
            problems.append(tables.problem(record.row, "programmes", error))
    if len({each.programme for each in found}) < len(found):
        problems.append(tables.problem(record.row, "programmes", DomainError("given_twice")))
    return found


def _programme(item: str, places: Mapping[str, ServicePlace]) -> NewUnitProgramme:
    """One programme written as programme:cell code:women a day:minutes:rooms."""
    parts = [part.strip() for part in item.split(":")]
    if len(parts) != 5:
        raise DomainError("value_not_programme")
    programme: Programme = tables.one_of(Programme)(parts[0])
    if parts[1] not in places:
        raise DomainError("unknown_cell_code", cell_code=parts[1])
    place = places[parts[1]]
    require_mobile(place.mobility, programme)
    require_setting(place.setting, [programme])
    return NewUnitProgramme(
        programme=programme,
        service_place_id=place.id,
        women_per_day=tables.whole(1, 1000)(parts[2]),
        minutes_per_woman=tables.whole(1, 240)(parts[3]),
        rooms=tables.whole(1, 20)(parts[4]),
    )


def _problems_of_day(
    record: Record, unit: MobileUnit | None, programmes: Sequence[NewUnitProgramme] | None
) -> Iterator[Problem]:
    """Judges the working day that the unit will have, where its hours can be read."""
    values = record.values
    if not {"opens", "closes"} <= values.keys():
        return
    planned = programmes if programmes is not None else unit.programmes if unit else ()
    setup_minutes = values.get("setup_minutes", unit.setup_minutes if unit else 0)
    longest = max((each.minutes_per_woman for each in planned), default=0)
    try:
        require_working_day(values["opens"], values["closes"], setup_minutes, longest)
    except DomainError as error:
        yield tables.problem(record.row, "closes", error)


def _save_unit(
    session: Session,
    actor: Actor,
    known: Mapping[str, MobileUnit],
    record: Record,
    programmes: Sequence[NewUnitProgramme] | None,
) -> _Outcome:
    values = {name: value for name, value in record.values.items() if name != "programmes"}
    unit, new = _known_or_new(session, known.get(values["code"]), lambda: MobileUnit(provider_id=actor.provider_id))
    changed = _set(unit, values)
    if programmes is not None and _by_programme(programmes) != _by_programme(map(_as_command, unit.programmes)):
        replace_parts(unit.programmes, programmes, attrgetter("programme"), UnitProgramme)
        changed = True
    return _outcome(unit, new=new, changed=changed)


def _by_programme(programmes: Iterable[NewUnitProgramme]) -> dict[Programme, NewUnitProgramme]:
    return {each.programme: each for each in programmes}


def _as_command(row: UnitProgramme) -> NewUnitProgramme:
    return NewUnitProgramme(**{each.name: getattr(row, each.name) for each in fields(NewUnitProgramme)})


def import_demand(session: Session, actor: Actor, command: Import) -> ImportResult:
    """Sets women due by site code and programme; they are counted ones unless the column `estimated` says otherwise.

    Raises:
        DomainError: as `import_sites`.
    """
    records, problems = tables.parse(tables.read(command.content), _DEMAND_COLUMNS)
    problems += tables.repeated(records, "site_code", _site_and_programme)
    known = _sites_by_code(session, actor)
    problems += (
        tables.problem(record.row, "site_code", DomainError("unknown_site_code"))
        for record in records
        if record.values.get("site_code") not in {None, *known}
    )
    _refuse_if_any(problems)
    with _storing(session, actor, "site_demand", command):
        return _counted([_save_demand(*_demand(known, **record.values)) for record in records])


def _site_and_programme(record: Record) -> object:
    key = record.values.get("site_code"), record.values.get("programme")
    return None if None in key else key


def _demand(
    known: Mapping[str, Site], *, site_code: str, estimated: bool = False, **values: Any
) -> tuple[Site, Demand]:
    return known[site_code], Demand(estimated=estimated, **values)


def import_nfz_demand(session: Session, actor: Actor, command: NfzDemandImport) -> NfzImportResult:
    """Sets the women due of active sites from the NFZ's monthly table of gminas.

    Women due are the people who qualify; those of a gmina are shared among its active sites by
    `mobile_units.planning.demand.share_out`.

    Raises:
        DomainError: as `import_sites`.
    """
    gminas, problems = read_gminas(tables.read(command.content))
    _refuse_if_any(problems)
    active = [site for site in _sites_by_code(session, actor).values() if site.active]
    sites_of = {gmina.teryt: [site for site in active if site.teryt == gmina.teryt] for gmina in gminas}
    with _storing(session, actor, "site_demand", command):
        outcomes = [each for gmina in gminas for each in _share(gmina, sites_of[gmina.teryt], command)]
    return NfzImportResult(
        **asdict(_counted(outcomes)) | {"rows": len(gminas)},
        gminas_without_site=[gmina for gmina in gminas if not sites_of[gmina.teryt]],
        sites_without_gmina=[site.code for site in active if site.teryt not in sites_of],
    )


def _share(gmina: Gmina, there: Sequence[Site], command: NfzDemandImport) -> list[_Outcome]:
    if not there:
        return []
    source, as_of = f"NFZ {command.month:%Y-%m}", command.month.replace(day=1)
    shares = share_out(gmina.women_due, [site.population for site in there])
    return [
        _save_demand(site, Demand(command.programme, women_due, source, as_of, estimated=False))
        for site, women_due in zip(there, shares, strict=True)
    ]


def _sites_by_code(session: Session, actor: Actor) -> dict[str, Site]:
    query = select(Site).where(Site.provider_id == actor.provider_id).options(selectinload(Site.demands))
    return {site.code: site for site in session.scalars(query.order_by(Site.code))}


def _units_by_code(session: Session, actor: Actor) -> dict[str, MobileUnit]:
    query = select(MobileUnit).where(MobileUnit.provider_id == actor.provider_id)
    return {unit.code: unit for unit in session.scalars(query.options(selectinload(MobileUnit.programmes)))}


def _places_by_cell(session: Session, actor: Actor) -> dict[str, ServicePlace]:
    query = select(ServicePlace).where(ServicePlace.provider_id == actor.provider_id)
    return {place.cell_code: place for place in session.scalars(query)}


def _value_of(column: str) -> Callable[[Record], object]:
    return lambda record: record.values.get(column)


def _refuse_if_any(problems: Sequence[Problem]) -> None:
    if problems:
        in_order = sorted(problems, key=lambda each: each.row)
        raise DomainError("import_refused", count=len(problems), problems=in_order)


@contextmanager
def _storing(session: Session, actor: Actor, subject: str, command: Import) -> Iterator[None]:
    """Stores what is done inside, or only tries whether the database takes it."""
    savepoint = session.begin_nested()
    yield
    session.flush()
    if command.dry_run:
        savepoint.rollback()
    else:
        audit(session, actor, "import", subject, None)
        savepoint.commit()


def _known_or_new(session: Session, known: Any, make: Callable[[], Any]) -> tuple[Any, bool]:
    if known is not None:
        return known, False
    made = make()
    session.add(made)
    return made, True


def _set(entity: object, cells: Mapping[str, Any]) -> bool:
    """Sets the fields of the columns; says whether that changed anything."""
    values = {_FIELDS.get(column, column): value for column, value in cells.items()}
    changed = {name: value for name, value in values.items() if getattr(entity, name) != value}
    for name, value in changed.items():
        setattr(entity, name, value)
    return bool(changed)


def _save_demand(site: Site, demand: Demand) -> _Outcome:
    outcome = _set_demand(site, demand)
    if outcome is not _Outcome.UNCHANGED:
        site.version += 1
    return outcome


def _set_demand(site: Site, demand: Demand) -> _Outcome:
    row = next((each for each in site.demands if each.programme == demand.programme), None)
    new = row is None
    if row is None:
        row = SiteDemand()
        site.demands.append(row)
    changed = _set(row, asdict(demand))
    return _Outcome.CREATED if new else _Outcome.UPDATED if changed else _Outcome.UNCHANGED


def _outcome(entity: Versioned, *, new: bool, changed: bool) -> _Outcome:
    if new:
        return _Outcome.CREATED
    if changed:
        entity.version += 1
    return _Outcome.UPDATED if changed else _Outcome.UNCHANGED


def _counted(outcomes: Sequence[_Outcome]) -> ImportResult:
    counts = Counter(outcomes)
    return ImportResult(rows=len(outcomes), **{each.value: counts[each] for each in _Outcome})
