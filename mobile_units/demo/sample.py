"""A fictitious provider at real places: service places, units, contracts and users for the demonstration.

Names, registers' numbers, limits and prices are made up; only the places, from GeoNames, are real.
"""

import secrets
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path as File

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.providers import Provider
from mobile_units.rules.programmes import Mobility, Programme, Setting
from mobile_units.rules.roles import Role
from mobile_units.services import contracts, imports, providers, reference, service_places, units, users
from mobile_units.services.actors import Actor

SITES = File(__file__).parents[1] / "sample_data" / "lodzkie_sites.csv"
PROVIDER = providers.NewProvider(
    name="Przykładowy Ośrodek Badań Przesiewowych (dane fikcyjne)",
    rpwdl_book="000000000001",
    regon="123456785",
    nfz_branch="05",
    oid_root="2.16.840.1.113883.3.4424.2.7.999999",
    short_name="Ośrodek Przykładowy",
    telephone="+48600000000",
)
USERS: dict[str, Role] = {
    "koordynator": Role.COORDINATOR,
    "polozna": Role.MIDWIFE,
    "rozliczenia": Role.SETTLEMENT,
    "administrator": Role.ADMINISTRATOR,
}
"""The login of one user for each role."""


@dataclass(frozen=True, slots=True)
class SamplePlaces:
    """Keys of the service places."""

    mammography: int
    cytobus: int
    laboratory: int


def load(session: Session, sites: bytes, passwords: dict[str, str], today: date) -> Actor:
    """Stores the sample unless it is there already; returns the system acting for its provider."""
    reference.load_reference_data(session)
    known = session.scalars(select(Provider).where(Provider.rpwdl_book == PROVIDER.rpwdl_book)).one_or_none()
    if known:
        return Actor(known.id)
    actor = Actor(providers.create(session, PROVIDER).id)
    places = _add_places(session, actor)
    _add_contract(session, actor, places, today)
    _add_units(session, actor, places)
    imports.import_sites(session, actor, imports.SiteImport(content=sites, today=today))
    for login, role in USERS.items():
        users.create(session, actor, users.NewUser(login=login, password=passwords[login], roles=[role]))
    return actor


def new_passwords() -> dict[str, str]:
    """A random password for each user."""
    return {login: secrets.token_urlsafe(12) for login in USERS}


def _add_places(session: Session, actor: Actor) -> SamplePlaces:
    def add(command: service_places.NewServicePlace) -> int:
        return service_places.create(session, actor, command).id

    return SamplePlaces(
        mammography=add(
            service_places.NewServicePlace(
                name="Mobilna pracownia mammografii",
                cell_code="001",
                specialty_code="7940",
                mobility=Mobility.MOBILE,
                address="ul. Przykładowa 1, 90-001 Łódź",
            )
        ),
        cytobus=add(
            service_places.NewServicePlace(
                name="Gabinet położnej POZ w cytobusie",
                cell_code="002",
                specialty_code="0034",
                mobility=Mobility.MOBILE,
                setting=Setting.POZ,
                address="ul. Przykładowa 1, 90-001 Łódź",
            )
        ),
        laboratory=add(
            service_places.NewServicePlace(
                name="Stacjonarna pracownia profilaktyki",
                cell_code="003",
                specialty_code="1450",
                mobility=Mobility.STATIONARY,
                setting=Setting.AOS,
                address="ul. Przykładowa 1, 90-001 Łódź",
                opening_hours=[*_hours(Programme.BREAST, 10, (1, 3, 5)), *_hours(Programme.CERVICAL, 15, (2, 4))],
            )
        ),
    )


def _hours(programme: Programme, minutes: int, weekdays: tuple[int, ...]) -> list[service_places.NewOpeningHours]:
    return [
        service_places.NewOpeningHours(
            programme=programme, weekday=weekday, opens=time(8), closes=time(14), minutes_per_woman=minutes
        )
        for weekday in weekdays
    ]


def _add_contract(session: Session, actor: Actor, places: SamplePlaces, today: date) -> None:
    ranges = (
        ("10.7940.158.02", places.laboratory, 4_000, "130.00"),
        ("10.7940.159.02", places.mammography, 30_000, "130.00"),
        ("01.0034.101.01", places.cytobus, 6_000, "90.00"),
        ("01.0034.102.01", places.cytobus, 4_000, "150.00"),
        ("02.1450.001.02", places.laboratory, 0, None),
        ("02.1450.101.02", places.laboratory, 1_500, "90.00"),
        ("02.1450.102.02", places.laboratory, 1_500, "150.00"),
    )
    contract = contracts.NewContract(
        number="05/PRZYKLAD",
        nfz_branch="05",
        valid_from=date(today.year, 1, 1),
        valid_to=date(today.year + 1, 12, 31),
        ranges=[
            contracts.NewContractRange(
                product_code=code,
                service_place_id=place,
                quantity_limit=limit,
                unit_price=Decimal(price) if price else None,
            )
            for code, place, limit, price in ranges
        ],
    )
    contracts.create(session, actor, contract)


def _add_units(session: Session, actor: Actor, places: SamplePlaces) -> None:
    mammography = units.NewUnitProgramme(
        programme=Programme.BREAST, service_place_id=places.mammography, women_per_day=60, minutes_per_woman=8
    )
    cytology = units.NewUnitProgramme(
        programme=Programme.CERVICAL, service_place_id=places.cytobus, women_per_day=32, minutes_per_woman=15
    )
    bases = (
        ("MB1", "Mammobus 1 (Łódź)", 51.77058, 19.47395, mammography),
        ("MB2", "Mammobus 2 (Sieradz)", 51.59583, 18.73023, mammography),
        ("CB1", "Cytobus z gabinetem położnej (Piotrków)", 51.40547, 19.70321, cytology),
    )
    for code, name, latitude, longitude, programme in bases:
        units.create(
            session,
            actor,
            units.NewUnit(
                code=code,
                name=name,
                base_latitude=latitude,
                base_longitude=longitude,
                weekdays=(1, 2, 3, 4, 5),
                opens=time(8),
                closes=time(16),
                setup_minutes=40,
                programmes=[programme],
            ),
        )
