"""What the commands share: the installation that they work on, the provider that they act for, options and output."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from mobile_units import db, logs
from mobile_units.config import Settings
from mobile_units.errors import DomainError
from mobile_units.models.providers import Provider
from mobile_units.rules.roles import Role
from mobile_units.services.actors import Actor

if TYPE_CHECKING:
    from mobile_units.planning.problem import Distances, Matrix, Problem

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


class _Day(click.DateTime):
    """A day of this age, as the API takes it."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        day: datetime = super().convert(value, param, ctx)
        if not FIRST_DAY <= day.date() <= LAST_DAY:
            self.fail(f"{day.date()} is not a day from {FIRST_DAY} to {LAST_DAY}", param, ctx)
        return day


class _Seconds(click.FloatRange):
    """A time of an hour at most; what is not a number compares with nothing and would pass a range."""

    def __init__(self) -> None:
        super().__init__(0, 3600)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if isnan(seconds):
            self.fail(f"{value!r} is not a number", param, ctx)
        return seconds


DAY = _Day()
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PORT = click.IntRange(1, 65_535)
COUNT = click.IntRange(1, 64)
SECONDS = _Seconds()

provider_option = click.option("--provider", "book", metavar="BOOK", help="RPWDL book; needed if there are several.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


@contextmanager
def installation() -> Iterator[tuple[Settings, Engine]]:
    """The settings of the environment and an engine on their database."""
    settings = Settings.from_env()
    logs.configure(settings.log_level)
    engine = db.engine_of(settings)
    try:
        yield settings, engine
    finally:
        engine.dispose()


@contextmanager
def command_session() -> Iterator[Session]:
    """The transaction of one command."""
    with installation() as (_, engine), db.transaction(engine) as session:
        yield session


def command_actor(session: Session, book: str | None) -> Actor:
    """The system acting for the provider with this RPWDL book, or for the only one there is."""
    query = select(Provider.id).order_by(Provider.id)
    found = session.scalars(query.where(Provider.rpwdl_book == book) if book else query).all()
    if not found:
        raise click.UsageError("there is no such provider; add it by `mobile-units provider add`")
    if len(found) > 1:
        raise click.UsageError("there are several providers: name one by --provider with its RPWDL book of 12 digits")
    return Actor(found[0], roles=frozenset(Role))


def road_distances(settings: Settings) -> "Distances":
    """Distances as configured, of the service of roads or estimated; what was worked out once is kept."""
    return partial(_roads, settings.osrm_url, settings.osrm_table_size, settings.distances_folder)


def _roads(url: str | None, table_size: int, folder: Path, problem: "Problem") -> "Matrix":
    """Only the child that asks for distances loads what they are worked out with."""
    from mobile_units.planning.distances import distances_from

    return distances_from(url, table_size, folder)(problem)


def print_json(value: Any) -> None:
    """Prints a value as JSON, with Polish letters as they are."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they need; the last one takes the rest of the line."""
    if not rows:
        click.echo("Nothing found.")
        return
    widths = [max(len(row[n]) for row in [columns, *rows]) for n in range(len(columns) - 1)]
    for row in [columns, *rows]:
        line = "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        click.echo(line.rstrip())


def tell_refusal(refusal: DomainError) -> None:
    """Says in Polish and in English what was refused, what to do next, and which cells of a file are wrong."""
    for language in ("pl", "en"):
        sentences = (refusal.sentence(language), refusal.way_out(language))
        click.echo(" ".join(sentence for sentence in sentences if sentence), err=True)
    for problem in refusal.facts.get("problems", []):
        place = (getattr(problem, "file", None), problem.row, problem.column)
        cell = ", ".join(str(part) for part in place if part)
        click.echo(f"  {cell}: {problem.reason_pl} / {problem.reason_en}", err=True)
    for violation in refusal.facts.get("violations", []):
        click.echo(f"  {violation['message_pl']} / {violation['message_en']}", err=True)
