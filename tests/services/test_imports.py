"""Imports of sites, units and women due."""

from collections.abc import Sequence
from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.sites import Site, SiteDemand
from mobile_units.models.units import MobileUnit
from mobile_units.rules.programmes import Mobility, Programme
from mobile_units.rules.units import HomeRule
from mobile_units.services import imports, service_places
from mobile_units.services.actors import Actor
from mobile_units.services.imports import Import, ImportResult, NfzDemandImport, SiteImport
from tests import factories
from tests.services.test_tables import xlsx

TODAY = date(2026, 9, 7)
SITES = "code,name,locality,lat,lon,population,teryt\n"
UNITS = "code,name,base_lat,base_lon,weekdays,opens,closes,setup_minutes,programmes\n"
DEMAND = "site_code,programme,women_due,as_of,source,estimated\n"


def sites_from(text: str, **options: Any) -> SiteImport:
    """A file of sites under the usual heading."""
    return SiteImport(content=(SITES + text).encode(), today=TODAY, **options)


def counts(result: ImportResult) -> tuple[int, int, int]:
    """Created, updated, unchanged."""
    return result.created, result.updated, result.unchanged


def problems_of(caught: pytest.ExceptionInfo[DomainError]) -> list[tuple[int, str | None, str]]:
    """Where and why a file was refused."""
    assert caught.value.code == "import_refused"
    assert str(caught.value.facts["count"]) in caught.value.sentence("pl")
    return [(each.row, each.column, each.code) for each in caught.value.facts["problems"]]


def site(session: Session, actor: Actor, code: str) -> Site:
    """A site as the database has it."""
    session.expire_all()
    return session.scalars(select(Site).where(Site.code == code, Site.provider_id == actor.provider_id)).one()


def places(session: Session, actor: Actor) -> Sequence[int]:
    """A mobile place with cell code 010 and a stationary one with 011, both without a setting."""
    made = [
        service_places.NewServicePlace(name=code, cell_code=code, specialty_code="7940", mobility=kind, address="Łódź")
        for code, kind in (("010", Mobility.MOBILE), ("011", Mobility.STATIONARY))
    ]
    return [service_places.create(session, actor, command).id for command in made]


def test_sites_are_created_with_estimated_women_due(session: Session, actor: Actor) -> None:
    """A population gives an estimate for both programmes, marked as such; without one there is none."""
    command = sites_from('A,Plac,Wieluń,51.22,"18,57",24000,1017093\nB,Rynek,Osjaków,51.29,18.78,,\n')
    assert counts(imports.import_sites(session, actor, command)) == (2, 0, 0)
    wielun = site(session, actor, "A")
    assert (wielun.longitude, wielun.teryt, wielun.active, wielun.days_max, wielun.version) == (
        18.57,
        "1017093",
        True,
        5,
        1,
    )
    assert {d.programme: (d.women_due, d.estimated, d.as_of) for d in wielun.demands} == {
        Programme.BREAST: (600, True, TODAY),
        Programme.CERVICAL: (540, True, TODAY),
    }
    assert site(session, actor, "B").demands == []


def test_sites_without_teryt_are_named_where_a_unit_needs_it(session: Session, actor: Actor) -> None:
    """Only if a unit is limited to voivodeships; a gmina's identifier in place of its name will do."""
    heading = b"code,name,locality,lat,lon,gmina\n"
    rows = b"A,Plac,Wielu\xc5\x84,51.22,18.57,1017093\nB,Rynek,Osjak\xc3\xb3w,51.29,18.78,Osjak\xc3\xb3w\n"
    command = SiteImport(content=heading + rows, today=TODAY)
    assert imports.import_sites(session, actor, command).sites_without_teryt == []
    assert [site(session, actor, code).teryt for code in "AB"] == ["1017093", None]
    units = "code,name,base_lat,base_lon,weekdays,opens,closes,voivodeships\nM,Mammobus,51.2,18.5,1,8:00,16:00,10\n"
    assert imports.import_units(session, actor, Import(content=units.encode())).sites_without_teryt == ["B"]
    again = imports.import_sites(session, actor, command)
    assert (counts(again), again.sites_without_teryt) == ((0, 0, 2), ["B"])


def test_estimates_can_be_left_out(session: Session, actor: Actor) -> None:
    """Then a population is only a population."""
    imports.import_sites(session, actor, sites_from("A,Plac,Wieluń,51.22,18.57,24000,\n", estimate=False))
    assert site(session, actor, "A").demands == []


def test_an_import_can_be_repeated(session: Session, actor: Actor) -> None:
    """The same file changes nothing on a later day; a changed row updates its site and raises its version."""
    first = "A,Plac,Wieluń,51.22,18.57,24000,\nB,Rynek,Osjaków,51.29,18.78,,\n"
    imports.import_sites(session, actor, sites_from(first))
    later = SiteImport(content=(SITES + first).encode(), today=date(2026, 10, 1))
    assert counts(imports.import_sites(session, actor, later)) == (0, 0, 2)
    changed = sites_from("A,Plac Legionów,Wieluń,51.22,18.57,48000,\nC,Nowe,Łask,51.59,19.13,,\n")
    assert counts(imports.import_sites(session, actor, changed)) == (1, 1, 0)
    wielun = site(session, actor, "A")
    assert (wielun.name, wielun.version, {d.women_due for d in wielun.demands}) == ("Plac Legionów", 2, {1200, 1080})


def test_empty_cells_and_absent_columns_change_nothing(session: Session, actor: Actor) -> None:
    """A short list of corrections does not wipe out what is known."""
    imports.import_sites(session, actor, sites_from("A,Plac,Wieluń,51.22,18.57,24000,1017093\n"))
    content = b"code,name,locality,lat,lon,teryt\nA,Plac,Wielun,51.22,18.57,\n"
    imports.import_sites(session, actor, SiteImport(content=content, today=TODAY))
    wielun = site(session, actor, "A")
    assert (wielun.locality, wielun.population, wielun.teryt) == ("Wielun", 24000, "1017093")


def test_a_counted_number_is_never_replaced_by_an_estimate(session: Session, actor: Actor) -> None:
    """What the NFZ counted stays when the population changes."""
    imports.import_sites(session, actor, sites_from("A,Plac,Wieluń,51.22,18.57,,\n"))
    counted = Import(content=(DEMAND + "A,breast,421,2026-09-01,NFZ,\n").encode())
    imports.import_demand(session, actor, counted)
    imports.import_sites(session, actor, sites_from("A,Plac,Wieluń,51.22,18.57,24000,\n"))
    demands = {d.programme: (d.women_due, d.estimated) for d in site(session, actor, "A").demands}
    assert demands == {Programme.BREAST: (421, False), Programme.CERVICAL: (540, True)}


def test_every_problem_of_a_file_of_sites_is_named_and_nothing_is_stored(session: Session, actor: Actor) -> None:
    """One right row among wrong ones is not stored either."""
    text = (
        "A,Plac,Wieluń,51.22,18.57,24000,1017093\n"
        "A,Znowu,Wieluń,51.22,18.57,,\n"
        ",Bez kodu,Wieluń,51.22,18.57,,\n"
        "C,Odwrotnie,Wieluń,18.57,51.22,,\n"
        "D,,Wieluń,x,18.57,-1,12\n"
        f"{'E' * 41},Długi,Wieluń,51.22,18.57,,\n"
        "F,Przecinek,Wieluń,51,22,18,57,24000,1017093\n"
    )
    with pytest.raises(DomainError) as caught:
        imports.import_sites(session, actor, sites_from(text))
    assert problems_of(caught) == [
        (3, "code", "row_repeated"),
        (4, "code", "value_missing"),
        (5, "lat", "outside_poland"),
        (5, "lon", "outside_poland"),
        (6, "name", "value_missing"),
        (6, "teryt", "value_not_teryt"),
        (6, "lat", "value_not_number"),
        (6, "population", "value_out_of_range"),
        (7, "code", "value_too_long"),
        (8, None, "too_many_cells"),
        (8, "teryt", "value_not_teryt"),
    ]
    assert session.scalar(select(func.count()).select_from(Site).where(Site.provider_id == actor.provider_id)) == 0


def test_unknown_and_missing_columns_are_named(session: Session, actor: Actor) -> None:
    """A heading at fault is a problem of its own row."""
    with pytest.raises(DomainError) as caught:
        imports.import_sites(session, actor, SiteImport(content=b"code;name;lat;lon;kolor\nA;B;51;19;x\n", today=TODAY))
    assert problems_of(caught) == [(1, "locality", "column_missing"), (1, "kolor", "column_unknown")]


def test_a_dry_run_says_what_would_be_done_and_leaves_nothing(session: Session, actor: Actor) -> None:
    """Neither new sites, nor changes, nor an entry in the audit log."""
    imports.import_sites(session, actor, sites_from("A,Plac,Wieluń,51.22,18.57,,\n"))
    text = "A,Inny,Wieluń,51.22,18.57,24000,\nB,Rynek,Osjaków,51.29,18.78,,\n"
    assert counts(imports.import_sites(session, actor, sites_from(text, dry_run=True))) == (1, 1, 0)
    assert (site(session, actor, "A").name, site(session, actor, "A").demands) == ("Plac", [])
    assert session.scalar(select(func.count()).select_from(Site).where(Site.provider_id == actor.provider_id)) == 1
    entries = select(AuditEntry.subject).where(AuditEntry.provider_id == actor.provider_id)
    assert session.scalars(entries).all() == ["site"]


def test_another_providers_site_of_the_same_code_is_left_alone(session: Session, actor: Actor) -> None:
    """Codes are each provider's own."""
    stranger = Actor(factories.provider(session).id)
    imports.import_sites(session, stranger, sites_from("A,Obcy,Wieluń,51.22,18.57,,\n"))
    assert counts(imports.import_sites(session, actor, sites_from("A,Swój,Wieluń,51.22,18.57,,\n"))) == (1, 0, 0)
    assert site(session, stranger, "A").name == "Obcy"


def test_units_are_created_and_updated_with_their_programmes(session: Session, actor: Actor) -> None:
    """Programmes name the mobile service place by its cell code; a repetition changes nothing."""
    mobile, _ = places(session, actor)
    row = 'M1,Mammobus,51.77,"19,46",1;2;3,8:00,16:00,60,breast:010:60:8:1\n'
    command = Import(content=(UNITS + row).encode())
    assert counts(imports.import_units(session, actor, command)) == (1, 0, 0)
    assert counts(imports.import_units(session, actor, command)) == (0, 0, 1)
    slower = Import(content=(UNITS + row.replace(":60:8:1", ":50:10:1")).encode())
    assert counts(imports.import_units(session, actor, slower)) == (0, 1, 0)
    session.expire_all()
    unit = session.scalars(select(MobileUnit).where(MobileUnit.provider_id == actor.provider_id)).one()
    assert (unit.weekdays, unit.opens, unit.closes, unit.setup_minutes, unit.version) == (
        [1, 2, 3],
        time(8),
        time(16),
        60,
        2,
    )
    assert [(p.programme, p.service_place_id, p.women_per_day, p.minutes_per_woman) for p in unit.programmes] == [
        (Programme.BREAST, mobile, 50, 10)
    ]


def test_every_problem_of_a_file_of_units_is_named(session: Session, actor: Actor) -> None:
    """Programmes are judged like those of the API: by place, mobility, setting and numbers."""
    places(session, actor)
    good = "51.77,19.46,1;2"
    text = (
        f"A,Bus,{good},16:00,8:00,,\n"
        f"B,Bus,{good},8:00,9:00,55,breast:010:60:8:1\n"
        f"C,Bus,{good},8:00,16:00,,breast:012:60:8:1\n"
        f"D,Bus,{good},8:00,16:00,,breast:011:60:8:1\n"
        f"E,Bus,{good},8:00,16:00,,cervical:010:60:8:1\n"
        f"F,Bus,{good},8:00,16:00,,breast:010:60:8:1;breast:010:50:8:1\n"
        f"G,Bus,{good},8:00,16:00,,breast:010:0:8:1;breast:010:60;mammo:010:60:8:1\n"
        "H,Bus,51.77,19.46,0;8,8:00,25:00,,\n"
    )
    with pytest.raises(DomainError) as caught:
        imports.import_units(session, actor, Import(content=(UNITS + text).encode()))
    assert problems_of(caught) == [
        (2, "closes", "ends_before_start"),
        (3, "closes", "working_day_too_short"),
        (4, "programmes", "unknown_cell_code"),
        (5, "programmes", "service_place_not_mobile"),
        (6, "programmes", "setting_missing"),
        (7, "programmes", "given_twice"),
        (8, "programmes", "value_out_of_range"),
        (8, "programmes", "value_not_programme"),
        (8, "programmes", "value_not_known"),
        (9, "weekdays", "value_out_of_range"),
        (9, "closes", "value_not_time"),
    ]


PLANNED_SITES = (
    "code,name,locality,lat,lon,days_min,days_max,earliest,latest,weekdays,blackout,group,priority,uptake,last_visit,"
    "visits_max,gap_days,lacks\n"
)
WIELUN_PLANNED = (
    "A,Plac,Wieluń,51.22,18.57,2,4,2027-01-11,12.03.2027,1;3,2027-02-01/2027-02-03:jarmark;2027-02-10,Wieluń,"
    '"2,5",0.31,2025-05-20,3,14,Woda;prąd\n'
)


def planned_sites(text: str) -> SiteImport:
    """A file of sites with the columns for planning."""
    return SiteImport(content=(PLANNED_SITES + text).encode(), today=TODAY)


def test_a_file_tells_when_a_unit_may_come_to_a_site(session: Session, actor: Actor) -> None:
    """Days without a reason have that of the file; a repetition changes nothing, an empty cell neither."""
    assert counts(imports.import_sites(session, actor, planned_sites(WIELUN_PLANNED))) == (1, 0, 0)
    assert counts(imports.import_sites(session, actor, planned_sites(WIELUN_PLANNED))) == (0, 0, 1)
    empty = planned_sites("A,Plac,Wieluń,51.22,18.57" + "," * 13 + "\n")
    assert counts(imports.import_sites(session, actor, empty)) == (0, 0, 1)
    kept = site(session, actor, "A")
    assert (kept.days_min, kept.days_max, kept.visits_max, kept.gap_days) == (2, 4, 3, 14)
    assert (kept.earliest, kept.latest, kept.last_visit) == (date(2027, 1, 11), date(2027, 3, 12), date(2025, 5, 20))
    assert (kept.weekdays, kept.alternative_group, kept.priority, kept.uptake) == ([1, 3], "Wieluń", 2.5, 0.31)
    assert kept.lacks == ["prąd", "woda"]
    assert [(each.first_day, each.last_day, each.reason) for each in kept.blackouts] == [
        (date(2027, 2, 1), date(2027, 2, 3), "jarmark"),
        (date(2027, 2, 10), date(2027, 2, 10), "import"),
    ]


def test_a_lone_semicolon_empties_a_list(session: Session, actor: Actor) -> None:
    """So that a file can take back what another one said."""
    imports.import_sites(session, actor, planned_sites(WIELUN_PLANNED))
    emptied = b"code,name,locality,lat,lon,blackout,lacks\nA,Plac,Wielu\xc5\x84,51.22,18.57,;,;\n"
    assert counts(imports.import_sites(session, actor, SiteImport(content=emptied, today=TODAY))) == (0, 1, 0)
    kept = site(session, actor, "A")
    assert (kept.blackouts, kept.lacks, kept.days_min) == ([], [], 2)


def test_every_bad_cell_of_a_stay_is_named(session: Session, actor: Actor) -> None:
    """Days are judged beside those that are known or usual, and only where all of them can be read."""
    known = WIELUN_PLANNED + WIELUN_PLANNED.replace("A,", "C,", 1)
    imports.import_sites(session, actor, planned_sites(known))
    place = "Plac,Wieluń,51.22,18.57"
    text = (
        f"A,{place},5,,2027-03-13,,,,,,,,,,\n"
        f"B,{place},6,,,,,,,,,,,,\n"
        f"C,{place},9,x,2027-04-01,jutro,;,x;2027-02-02/2027-02-01;2027-02-05;2027-02-05,,0,31,2025,0,400,{'a' * 41}\n"
    )
    with pytest.raises(DomainError) as caught:
        imports.import_sites(session, actor, planned_sites(text))
    assert problems_of(caught) == [
        (2, "days_min", "stay_reversed"),
        (2, "latest", "window_reversed"),
        (3, "days_min", "stay_reversed"),
        (4, "days_max", "value_not_whole_number"),
        (4, "latest", "value_not_day"),
        (4, "weekdays", "value_missing"),
        (4, "priority", "value_out_of_range"),
        (4, "uptake", "value_out_of_range"),
        (4, "last_visit", "value_not_day"),
        (4, "visits_max", "value_out_of_range"),
        (4, "gap_days", "value_out_of_range"),
        (4, "lacks", "value_too_long"),
        (4, "blackout", "value_not_period"),
        (4, "blackout", "period_reversed"),
        (4, "blackout", "given_twice"),
    ]


def test_coordinates_of_a_file_are_in_no_doubt(session: Session, actor: Actor) -> None:
    """Those that it changes; the same ones leave what a geocoder thought of them."""
    imports.import_sites(session, actor, sites_from("A,Plac,Wieluń,51.22,18.57,,\n"))
    site(session, actor, "A").location_confidence = 0.4
    imports.import_sites(session, actor, sites_from("A,Rynek,Wieluń,51.22,18.57,,\n"))
    assert site(session, actor, "A").location_confidence == 0.4
    imports.import_sites(session, actor, sites_from("A,Rynek,Wieluń,51.23,18.57,,\n"))
    assert site(session, actor, "A").location_confidence is None


PLANNED_UNITS = (
    "code,name,base_lat,base_lon,weekdays,opens,closes,programmes,home_rule,max_relocation_km,unavailable,"
    "voivodeships,permitted_sites,needs,capacities\n"
)
BUS_DAY = "Mammobus,51.77,19.46,1;2;3,8:00,16:00"
BUS_PLANNED = (
    f'M1,{BUS_DAY},breast:010:60:8:1,home_daily,"120,5",2027-01-04/2027-01-08:przegląd;2027-02-01,14;2,B;A,Prąd,'
    "breast:40::2027-02-01/2027-02-28:zespół B;breast:25:A\n"
)


def planned_units(text: str) -> Import:
    """A file of units with the columns for planning."""
    return Import(content=(PLANNED_UNITS + text).encode())


def the_unit(session: Session, actor: Actor) -> MobileUnit:
    """The only unit as the database has it."""
    session.expire_all()
    return session.scalars(select(MobileUnit).where(MobileUnit.provider_id == actor.provider_id)).one()


def test_a_file_tells_where_and_when_a_unit_may_be_planned(session: Session, actor: Actor) -> None:
    """Sites are named by their codes; a repetition changes nothing, another order of capacities does."""
    places(session, actor)
    imports.import_sites(session, actor, sites_from("A,Plac,Wieluń,51.22,18.57,,\nB,Rynek,Łask,51.59,19.13,,\n"))
    assert counts(imports.import_units(session, actor, planned_units(BUS_PLANNED))) == (1, 0, 0)
    assert counts(imports.import_units(session, actor, planned_units(BUS_PLANNED))) == (0, 0, 1)
    unit, wielun, lask = the_unit(session, actor), site(session, actor, "A").id, site(session, actor, "B").id
    assert (unit.home_rule, unit.max_relocation_km) == (HomeRule.HOME_DAILY, 120.5)
    assert (unit.voivodeships, unit.needs) == (["02", "14"], ["prąd"])
    assert [each.site_id for each in unit.permitted_sites] == sorted([wielun, lask])
    assert [(each.first_day, each.last_day, each.reason) for each in unit.unavailabilities] == [
        (date(2027, 1, 4), date(2027, 1, 8), "przegląd"),
        (date(2027, 2, 1), date(2027, 2, 1), "import"),
    ]
    february = date(2027, 2, 1), date(2027, 2, 28)
    told = [(c.women_per_day, c.site_id, c.first_day, c.last_day, c.crew) for c in unit.capacities]
    assert told == [(40, None, *february, "zespół B"), (25, wielun, None, None, None)]
    turned = planned_units(f"M1,{BUS_DAY},,,,,,;,,breast:25:A;breast:40::2027-02-01/2027-02-28:zespół B\n")
    assert counts(imports.import_units(session, actor, turned)) == (0, 1, 0)
    unit = the_unit(session, actor)
    assert ([each.women_per_day for each in unit.capacities], unit.permitted_sites) == ([25, 40], [])
    assert (unit.home_rule, unit.voivodeships, len(unit.unavailabilities)) == (HomeRule.HOME_DAILY, ["02", "14"], 2)


def test_every_bad_cell_of_a_unit_is_named(session: Session, actor: Actor) -> None:
    """A site of another provider is unknown; capacities are judged beside the programmes that the unit will have."""
    places(session, actor)
    imports.import_sites(session, Actor(factories.provider(session).id), sites_from("Z,Obcy,Łask,51.59,19.13,,\n"))
    imports.import_sites(session, actor, sites_from("A,Plac,Wieluń,51.22,18.57,,\nB,Rynek,Łask,51.59,19.13,,\n"))
    imports.import_units(session, actor, planned_units(BUS_PLANNED))
    breast = "breast:010:60:8:1"
    text = (
        f"M1,{BUS_DAY},;,,,,,,,\n"
        f"M2,{BUS_DAY},,nigdzie,0,x/y,1;99,Z;A;A,{'a' * 41},breast:5:A\n"
        f"M3,{BUS_DAY},breast:010:0:8:1,,,,,,,breast:5:A\n"
        f"M4,{BUS_DAY},{breast},,,2027-01-05/2027-01-04;2027-01-04;2027-01-04,,,,breast;breast:5;breast:5:Z;x:5:A\n"
        f"M5,{BUS_DAY},{breast},,,,,,,breast:-1:A;breast:5:A;breast:6:A;breast:5::2027;breast:5:A:::\n"
    )
    with pytest.raises(DomainError) as caught:
        imports.import_units(session, actor, planned_units(text))
    assert problems_of(caught) == [
        (2, "programmes", "capacity_without_programme"),
        (3, "home_rule", "value_not_known"),
        (3, "max_relocation_km", "value_out_of_range"),
        (3, "voivodeships", "voivodeship_unknown"),
        (3, "needs", "value_too_long"),
        (3, "unavailable", "value_not_period"),
        (3, "permitted_sites", "unknown_site_code"),
        (3, "permitted_sites", "given_twice"),
        (3, "capacities", "capacity_without_programme"),
        (4, "programmes", "value_out_of_range"),
        (5, "unavailable", "period_reversed"),
        (5, "unavailable", "given_twice"),
        (5, "capacities", "value_not_capacity"),
        (5, "capacities", "capacity_without_case"),
        (5, "capacities", "unknown_site_code"),
        (5, "capacities", "value_not_known"),
        (6, "capacities", "value_out_of_range"),
        (6, "capacities", "value_not_period"),
        (6, "capacities", "value_not_capacity"),
        (6, "capacities", "given_twice"),
    ]
    assert the_unit(session, actor).version == 1


def test_the_columns_for_planning_are_read_from_a_spreadsheet_too(session: Session, actor: Actor) -> None:
    """Where days are days and numbers are numbers."""
    heading: list[object] = ["code", "name", "locality", "lat", "lon", "earliest", "weekdays", "blackout", "uptake"]
    row: list[object] = ["A", "Plac", "Wieluń", 51.22, 18.57, date(2027, 1, 11), 3, date(2027, 2, 1), 0.31]
    imports.import_sites(session, actor, SiteImport(content=xlsx(heading, row), today=TODAY))
    kept = site(session, actor, "A")
    assert (kept.earliest, kept.weekdays, kept.uptake) == (date(2027, 1, 11), [3], 0.31)
    assert [(each.first_day, each.last_day) for each in kept.blackouts] == [(date(2027, 2, 1), date(2027, 2, 1))]


def test_women_due_are_set_by_site(session: Session, actor: Actor) -> None:
    """They are counted numbers unless the file says that they are estimated."""
    imports.import_sites(session, actor, sites_from("A,Plac,Wieluń,51.22,18.57,,\n"))
    text = 'A,breast,420,2026-09-01,NFZ,\nA,cervical,"1 300",01.09.2026,własny szacunek,tak\n'
    command = Import(content=(DEMAND + text).encode())
    assert counts(imports.import_demand(session, actor, command)) == (2, 0, 0)
    assert counts(imports.import_demand(session, actor, command)) == (0, 0, 2)
    again = Import(content=(DEMAND + "A,breast,400,2026-10-01,NFZ,\n").encode())
    assert counts(imports.import_demand(session, actor, again)) == (0, 1, 0)
    assert {d.programme: (d.women_due, d.estimated) for d in site(session, actor, "A").demands} == {
        Programme.BREAST: (400, False),
        Programme.CERVICAL: (1300, True),
    }


def test_every_problem_of_a_file_of_women_due_is_named(session: Session, actor: Actor) -> None:
    """A site of another provider is unknown."""
    imports.import_sites(session, Actor(factories.provider(session).id), sites_from("Z,Obcy,Łask,51.59,19.13,,\n"))
    imports.import_sites(session, actor, sites_from("A,Plac,Wieluń,51.22,18.57,,\n"))
    text = (
        "Z,breast,1,2026-09-01,NFZ,\nA,breast,1,2026-09-01,NFZ,\nA,breast,2,2026-09-01,NFZ,\nA,lung,-1,wczoraj,,moze\n"
    )
    with pytest.raises(DomainError) as caught:
        imports.import_demand(session, actor, Import(content=(DEMAND + text).encode()))
    assert problems_of(caught) == [
        (2, "site_code", "unknown_site_code"),
        (4, "site_code", "row_repeated"),
        (5, "programme", "value_not_known"),
        (5, "women_due", "value_out_of_range"),
        (5, "as_of", "value_not_day"),
        (5, "source", "value_missing"),
        (5, "estimated", "value_not_known"),
    ]
    assert session.scalars(select(SiteDemand).join(Site).where(Site.provider_id == actor.provider_id)).all() == []


NFZ_HEADING: list[object] = [
    "Id gminy",
    "Nazwa gminy",
    "Oddział NFZ",
    "Liczba osób kwalifikujących się",
    "Liczba osób wyłączonych",
]


def nfz(*rows: list[object], heading: list[object] = NFZ_HEADING, dry_run: bool = False) -> NfzDemandImport:
    """The NFZ's table for mammography in October 2026, with a title above and a total below."""
    content = xlsx(["Mammografia, październik 2026"], [], heading, *rows, ["Razem", None, None, 999, 9])
    return NfzDemandImport(content=content, programme=Programme.BREAST, month=date(2026, 10, 15), dry_run=dry_run)


def test_the_table_of_the_nfz_is_shared_among_the_sites_of_each_gmina(session: Session, actor: Actor) -> None:
    """By population; gminas without a site and sites without a number are told, nothing is lost silently."""
    text = (
        "A,Plac,Wieluń,51.22,18.57,3000,1017093\n"
        "B,Szkoła,Wieluń,51.23,18.58,1000,1017093\n"
        "C,Rynek,Bolesławiec,51.20,18.19,,0201011\n"
        "D,Inny,Łask,51.59,19.13,,1003023\n"
        "E,Dawny,Wieluń,51.24,18.59,9000,1017093\n"
    )
    imports.import_sites(session, actor, sites_from(text, estimate=False))
    site(session, actor, "E").active = False
    table = nfz(
        [1017093, "Wieluń", "Łódzki", 4001, 120],
        [201011, "Bolesławiec", "Dolnośląski", 900, 10],
        [1410012, "Bez postoju", "Mazowiecki", 77, 0],
    )
    result = imports.import_nfz_demand(session, actor, table)
    assert (result.rows, counts(result)) == (3, (3, 0, 0))
    assert [(g.teryt, g.name, g.women_due) for g in result.gminas_without_site] == [("1410012", "Bez postoju", 77)]
    assert result.sites_without_gmina == ["D"]
    found = {code: [d.women_due for d in site(session, actor, code).demands] for code in "ABCDE"}
    assert found == {"A": [3001], "B": [1000], "C": [900], "D": [], "E": []}
    demand = site(session, actor, "A").demands[0]
    assert (demand.estimated, demand.source, demand.as_of) == (False, "NFZ 2026-10", date(2026, 10, 1))
    assert counts(imports.import_nfz_demand(session, actor, table)) == (0, 0, 3)


@pytest.mark.parametrize("heading", ["TERYT", "Kod  gminy", "gmina_id", "Identyfikator gminy"])
def test_the_column_of_the_gmina_is_known_by_several_headings(session: Session, actor: Actor, heading: str) -> None:
    """How the NFZ words it is not known to us."""
    command = nfz([1017093, "Wieluń", "Łódzki", 5, 0], heading=[heading, *NFZ_HEADING[1:]])
    assert imports.import_nfz_demand(session, actor, command).gminas_without_site[0].teryt == "1017093"


def test_a_table_of_the_nfz_without_its_columns_is_refused(session: Session, actor: Actor) -> None:
    """The accepted headings are told."""
    with pytest.raises(DomainError) as caught:
        imports.import_nfz_demand(session, actor, nfz(["x", 1], heading=["Województwo", "Liczba"]))
    assert [code for _, _, code in problems_of(caught)] == ["column_missing"] * 3
    assert "kod teryt" in caught.value.facts["problems"][0].reason_pl


def test_wrong_rows_of_the_nfz_are_named(session: Session, actor: Actor) -> None:
    """Rows are numbered as the spreadsheet shows them, titles included."""
    command = nfz(
        [1017093, "Wieluń", "Łódzki", 5, 0],
        [1017093, "Wieluń", "Łódzki", 6, 0],
        [None, "Bez kodu", "Łódzki", 6, 0],
        [1410012, "Za mało", "Łódzki", "<5", None],
    )
    with pytest.raises(DomainError) as caught:
        imports.import_nfz_demand(session, actor, command)
    assert problems_of(caught) == [
        (5, "id gminy", "row_repeated"),
        (6, "id gminy", "value_missing"),
        (7, "Liczba osób kwalifikujących się", "value_not_whole_number"),
        (7, "Liczba osób wyłączonych", "value_missing"),
    ]


def test_a_dry_run_of_the_nfz_tells_the_same_and_stores_nothing(session: Session, actor: Actor) -> None:
    """The gminas without a site are worth knowing beforehand."""
    imports.import_sites(session, actor, sites_from("A,Plac,Wieluń,51.22,18.57,,1017093\n"))
    result = imports.import_nfz_demand(session, actor, nfz([1017093, "Wieluń", "x", 5, 0], dry_run=True))
    assert counts(result) == (1, 0, 0)
    assert site(session, actor, "A").demands == []


def test_the_content_of_a_file_is_not_printed() -> None:
    """A command may end in a log; the file does not."""
    assert "Wieluń" not in repr(sites_from("A,Plac,Wieluń,51.22,18.57,,\n"))
