"""Sites, units and women due from tables that users bring.

All rows are checked before any is stored, and nothing is stored unless all are right. What is known by its code is
updated with the cells that are filled in; an empty cell changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.base import Versioned
from mobile_units.models.service_places import ServicePlace
from mobile_units.models.sites import Site, SiteDemand
from mobile_units.models.units import MobileUnit
from mobile_units.planning.demand import ASSUMPTIONS, estimate_women_due, share_out
from mobile_units.rules.programmes import Programme
from mobile_units.rules.sites import require_stay, require_window, teryt_of
from mobile_units.rules.units import require_working_day
from mobile_units.services import sites, tables, units
from mobile_units.services.actors import Actor, audit
from mobile_units.services.import_columns import (
    DEMAND_COLUMNS,
    FIELDS,
    SITE_COLUMNS,
    UNIT_COLUMNS,
    Listing,
    site_listings,
    unit_listings,
)
from mobile_units.services.nfz_tables import Gmina, read_gminas
from mobile_units.services.sites import Demand
from mobile_units.services.tables import Problem, Record


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
class FleetImportResult(ImportResult):
    """The counts are of sites or of units.

    `sites_without_teryt` are the codes of active sites where the units that are limited to voivodeships cannot come,
    because nobody knows in which one they lie.
    """

    sites_without_teryt: Sequence[str]


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


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: the values of its cells by column, and what its lists hold by the name of the part."""

    number: int
    values: Mapping[str, Any]
    parts: Mapping[str, Sequence[Any]]


def _rows(records: Iterable[Record], listings: Sequence[Listing], problems: list[Problem]) -> list[_Row]:
    """The rows with their lists read; a list in an empty cell is absent. What is wrong joins the problems."""
    rows = []
    for record in records:
        filled = [listing for listing in listings if listing.column in record.values]
        parts = {listing.part: _items(record, listing, problems) for listing in filled}
        columns = {listing.column for listing in filled}
        values = {column: value for column, value in record.values.items() if column not in columns}
        rows.append(_Row(record.row, values, parts))
    return rows


def _items(record: Record, listing: Listing, problems: list[Problem]) -> list[Any]:
    found = []
    for item in record.values[listing.column]:
        try:
            found.append(listing.read(item))
        except DomainError as error:
            problems.append(tables.problem(record.row, listing.column, error))
    if len(set(map(listing.key, found))) < len(found):
        problems.append(tables.problem(record.row, listing.column, DomainError("given_twice")))
    return found


def _different(entity: object, row: _Row, listings: Iterable[Listing]) -> dict[str, Sequence[Any]]:
    """The parts of the row that are not those of the entity."""
    filled = (listing for listing in listings if listing.part in row.parts)
    return {each.part: row.parts[each.part] for each in filled if _differ(entity, row.parts[each.part], each)}


def _differ(entity: object, wanted: Sequence[Any], listing: Listing) -> bool:
    names = [each.name for each in fields(listing.kind)]
    known = [listing.kind(**{name: getattr(part, name) for name in names}) for part in getattr(entity, listing.part)]
    return known != list(wanted) if listing.ordered else set(known) != set(wanted)


def _unread(problems: Iterable[Problem]) -> set[tuple[int, str | None]]:
    """The cells that could not be read, by row and column."""
    return {(each.row, each.column) for each in problems}


def _problem_of(row: _Row, column: str, judge: Callable[..., None], *facts: Any) -> Iterator[Problem]:
    """What a rule says of a row, told at one of its columns."""
    try:
        judge(*facts)
    except DomainError as error:
        yield tables.problem(row.number, column, error)


def import_sites(session: Session, actor: Actor, command: SiteImport) -> FleetImportResult:
    """Creates or updates sites by their codes; blackouts, if filled in, replace all that were known.

    The mobile points of a changed one are handed over again.

    Raises:
        DomainError: `import_refused` with the fact `problems`; `table_too_large`, `table_unreadable`, `table_empty`.
    """
    records, problems = tables.parse(tables.read(command.content), SITE_COLUMNS)
    problems += tables.repeated(records, "code", _value_of("code"))
    known, listings = _sites_by_code(session, actor), site_listings()
    rows = _rows(records, listings, problems)
    unread = _unread(problems)
    for row in rows:
        problems += _problems_of_stay(row, known.get(row.values.get("code", "")), unread)
    _refuse_if_any(problems)
    with _storing(session, actor, "site", command):
        return _fleet(session, actor, [_save_site(session, actor, known, row, command) for row in rows])


def _problems_of_stay(row: _Row, site: Site | None, unread: Set[tuple[int, str | None]]) -> Iterator[Problem]:
    """Judges the stays that the site will allow, where their cells can be read."""
    values = row.values

    def of(column: str, default: Any = None) -> Any:
        return values.get(column, getattr(site, column) if site else default)

    if unread.isdisjoint({(row.number, "days_min"), (row.number, "days_max")}):
        yield from _problem_of(row, "days_min", require_stay, of("days_min", 1), of("days_max", 5))
    if unread.isdisjoint({(row.number, "earliest"), (row.number, "latest")}):
        yield from _problem_of(row, "latest", require_window, of("earliest"), of("latest"))


def _save_site(session: Session, actor: Actor, known: Mapping[str, Site], row: _Row, command: SiteImport) -> _Outcome:
    site, new = _known_or_new(session, known.get(row.values["code"]), lambda: Site(provider_id=actor.provider_id))
    before = _handed_over(site)
    located = site.latitude, site.longitude
    changed = _set(site, {name: value for name, value in row.values.items() if name != "location_confidence"})
    if (site.latitude, site.longitude) != located:
        site.location_confidence = row.values.get("location_confidence")
    site.teryt, before_teryt = teryt_of(site.teryt, site.gmina), site.teryt
    sites.replace(site, different := _different(site, row, site_listings()))
    changed |= bool(different) or site.teryt != before_teryt
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


def import_units(session: Session, actor: Actor, command: Import) -> FleetImportResult:
    """Creates or updates mobile units by their codes; lists, if filled in, replace all that were known.

    Raises:
        DomainError: as `import_sites`.
    """
    records, problems = tables.parse(tables.read(command.content), UNIT_COLUMNS)
    problems += tables.repeated(records, "code", _value_of("code"))
    known = _units_by_code(session, actor)
    listings = unit_listings(_places_by_cell(session, actor), _site_ids(session, actor))
    rows = _rows(records, listings, problems)
    unread = _unread(problems)
    for row in rows:
        problems += _problems_of_unit(row, known.get(row.values.get("code", "")), unread)
    _refuse_if_any(problems)
    with _storing(session, actor, "unit", command):
        return _fleet(session, actor, [_save_unit(session, actor, known, row, listings) for row in rows])


def _problems_of_unit(row: _Row, unit: MobileUnit | None, unread: Set[tuple[int, str | None]]) -> Iterator[Problem]:
    """Judges the working day and the capacities that the unit will have, where their cells can be read."""
    values = row.values
    programmes = row.parts.get("programmes", unit.programmes if unit else ())
    if {"opens", "closes"} <= values.keys():
        setup_minutes = values.get("setup_minutes", unit.setup_minutes if unit else 0)
        longest = max((each.minutes_per_woman for each in programmes), default=0)
        day = values["opens"], values["closes"], setup_minutes, longest
        yield from _problem_of(row, "closes", require_working_day, *day)
    if (row.number, "programmes") not in unread:
        capacities = row.parts.get("capacities", unit.capacities if unit else ())
        column = "capacities" if "capacities" in row.parts else "programmes"
        yield from _problem_of(row, column, units.check_capacities, capacities, programmes)


def _save_unit(
    session: Session, actor: Actor, known: Mapping[str, MobileUnit], row: _Row, listings: Sequence[Listing]
) -> _Outcome:
    unit, new = _known_or_new(session, known.get(row.values["code"]), lambda: MobileUnit(provider_id=actor.provider_id))
    changed = _set(unit, row.values)
    units.replace(unit, different := _different(unit, row, listings))
    return _outcome(unit, new=new, changed=changed or bool(different))


def import_demand(session: Session, actor: Actor, command: Import) -> ImportResult:
    """Sets women due by site code and programme; they are counted ones unless the column `estimated` says otherwise.

    Raises:
        DomainError: as `import_sites`.
    """
    records, problems = tables.parse(tables.read(command.content), DEMAND_COLUMNS)
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
    query = select(Site).where(Site.provider_id == actor.provider_id).options(*sites.with_parts())
    return {site.code: site for site in session.scalars(query.order_by(Site.code))}


def _units_by_code(session: Session, actor: Actor) -> dict[str, MobileUnit]:
    query = select(MobileUnit).where(MobileUnit.provider_id == actor.provider_id)
    return {unit.code: unit for unit in session.scalars(query.options(*units.with_parts()))}


def _site_ids(session: Session, actor: Actor) -> dict[str, int]:
    rows = session.execute(select(Site.code, Site.id).where(Site.provider_id == actor.provider_id))
    return {row.code: row.id for row in rows}


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
    values = {FIELDS.get(column, column): value for column, value in cells.items()}
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


def _fleet(session: Session, actor: Actor, outcomes: Sequence[_Outcome]) -> FleetImportResult:
    session.flush()
    lacking = sites.without_voivodeship(session, actor.provider_id)
    return FleetImportResult(**asdict(_counted(outcomes)), sites_without_teryt=lacking)
