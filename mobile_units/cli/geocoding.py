"""The commands that look up addresses: of sites, of a file, and a single one."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine

from mobile_units import clock, db
from mobile_units.cli.common import FILE, command_actor, installation, print_json, provider_option
from mobile_units.config import Settings
from mobile_units.errors import DomainError
from mobile_units.rules.addresses import DOUBTFUL_BELOW, Address
from mobile_units.services import geocoding
from mobile_units.services.geocoding import Answers, GeocodeResult, GeocodeSites, Known
from mobile_units.services.tables import Problem, problem

BATCH = 20
"""Addresses between which the answers are kept, so that little is lost when a command is ended."""
PATIENT = 3600.0


@contextmanager
def _geocoder() -> Iterator[tuple[Settings, Engine, geocoding.Ask]]:
    """The configured geocoder, while nobody else asks it.

    Raises:
        DomainError: `geocoder_off`, `geocoder_busy`.
    """
    from mobile_units.planning.geocoders import asker

    wanted = Settings.from_env()
    ask = asker(wanted.geocoder, wanted.geocoder_url, wanted.geocoder_user_agent)
    with installation() as (settings, engine), db.alone(engine, "geocoding") as alone:
        if not alone:
            raise DomainError("geocoder_busy")
        yield settings, engine, ask


@click.command("geocode")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Most addresses to ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked; ask and store nothing.")
@provider_option
def geocode(limit: int, dry_run: bool, book: str | None) -> None:  # noqa: FBT001 -- a flag
    """Look up sites whose place is in doubt.

    The exit code is 1 if the service of addresses failed.
    """
    if dry_run:
        return _dry_run(limit, book)
    results: list[GeocodeResult] = []
    with _geocoder() as (settings, engine, ask):
        with db.transaction(engine) as session:
            actor = command_actor(session, book)
        while limit > 0 and (not results or (results[-1].left and not results[-1].failure)):
            command = GeocodeSites(limit=min(limit, BATCH))
            with db.transaction(engine) as session:
                wanted = geocoding.prepare(session, actor, command, settings.geocoder, clock.now())
            answers = geocoding.ask_all(wanted.questions, ask, PATIENT)
            with db.transaction(engine) as session:
                results.append(geocoding.store(session, actor, wanted, answers, clock.now(), clock.today()))
            limit -= command.limit
    _print_results(results)
    return None


def _dry_run(limit: int, book: str | None) -> None:
    with installation() as (settings, engine), db.transaction(engine) as session:
        command = GeocodeSites(limit=limit)
        wanted = geocoding.prepare(session, command_actor(session, book), command, settings.geocoder, clock.now())
    print_json({"would_ask": [address.text for address in wanted.questions], "left": wanted.left})


def _print_results(results: Sequence[GeocodeResult]) -> None:
    failure = results[-1].failure
    print_json(
        {
            "asked": sum(each.asked for each in results),
            "left": results[-1].left,
            "sites": [asdict(site) for each in results for site in each.sites],
            "failure": failure.sentence() if failure else None,
        }
    )
    sys.exit(1 if failure else 0)


@click.command("geocode-address")
@click.argument("address", help="Such as „Wieluń, Plac Legionów 1”.")
def geocode_address(address: str) -> None:
    """Say where an address is."""
    wanted = Address(None, address)
    if not wanted.key:
        raise click.UsageError("the address is empty")
    with _geocoder() as (settings, engine, ask):
        known, failure = _look_up(settings, engine, ask, [wanted])
    if failure:
        raise failure
    found = known[wanted.key]
    if found is None:
        raise DomainError("address_not_found")
    print_json(asdict(found) | {"doubtful": found.confidence < DOUBTFUL_BELOW})


def _look_up(
    settings: Settings, engine: Engine, ask: geocoding.Ask, addresses: Sequence[Address]
) -> tuple[Known, DomainError | None]:
    """What is known of the addresses in the end; what was not known is asked and kept."""
    with db.transaction(engine) as session:
        known = geocoding.remembered(session, settings.geocoder, addresses, clock.now())
    questions = list({each.key: each for each in addresses if each.key not in known}.values())
    answers = Answers()
    for first in range(0, len(questions), BATCH):
        answers = geocoding.ask_all(questions[first : first + BATCH], ask, PATIENT)
        with db.transaction(engine) as session:
            geocoding.remember(session, settings.geocoder, answers.known, clock.now())
        known |= answers.known
        if answers.failure:
            break
    return known, answers.failure


@click.command("geocode-file")
@click.argument("source", type=FILE, metavar="IN.csv", help="CSV in UTF-8.")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path), metavar="OUT.csv", help="Is written anew.")
@click.option(
    "--only-coordinates", is_flag=True, help="Add no location_confidence, which `plan --sites` does not take."
)
def geocode_file(source: Path, target: Path, only_coordinates: bool) -> None:  # noqa: FBT001 -- a flag
    """Add coordinates to a file of places.

    A row without them is looked up by its columns address, or locality and street, or name; gmina and teryt help. Rows
    with coordinates stay as they are. The exit code is 1 if rows remain without, which are then listed.
    """
    from mobile_units.services.geocoding_files import read_places

    file = read_places(source.read_bytes())
    problems = file.problems
    addresses = {number: address for number, address in file.missing.items() if address.key}
    known, failure = _known_of(list(addresses.values()))
    unknown = failure or DomainError("address_not_found")
    for number, address in addresses.items():
        if known.get(address.key) is None:
            reason = DomainError("address_not_found") if address.key in known else unknown
            problems.append(problem(number, address.text, reason))
    _replace(target, file.filled(known, confidence=not only_coordinates))
    _report(len(file.rows) - 1, addresses, known, problems)


def _known_of(addresses: Sequence[Address]) -> tuple[Known, DomainError | None]:
    """What is known of the addresses; without a geocoder nothing is, and with nothing to look up none is needed."""
    if not addresses:
        return {}, None
    if "MOBILE_UNITS_GEOCODER" not in os.environ:
        return {}, DomainError("geocoder_off")
    try:
        with _geocoder() as (settings, engine, ask):
            return _look_up(settings, engine, ask, addresses)
    except DomainError as refusal:
        return {}, refusal


def _replace(target: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    draft = target.with_name(f".{target.name}.new")
    draft.write_bytes(content)
    draft.replace(target)


def _report(rows: int, addresses: dict[int, Address], known: Known, problems: Sequence[Problem]) -> None:
    found: dict[int, Any] = {number: known.get(address.key) for number, address in addresses.items()}
    located = {number: each for number, each in found.items() if each}
    doubtful = {number: each for number, each in located.items() if each.confidence < DOUBTFUL_BELOW}
    print_json(
        {
            "rows": rows,
            "found": len(located),
            "doubtful": [{"row": number} | asdict(each) for number, each in doubtful.items()],
            "without_coordinates": [
                {"row": each.row, "about": each.column, "reason": each.reason_en, "reason_pl": each.reason_pl}
                for each in sorted(problems, key=lambda each: each.row)
            ],
        }
    )
    sys.exit(1 if problems else 0)
