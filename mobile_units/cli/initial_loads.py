"""Initial loads from the command line: a file is taken in, and its way to the central system is watched."""

import sys
from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy import Engine

from mobile_units import clock, db
from mobile_units.cli.common import FILE, command_actor, installation, print_json, provider_option
from mobile_units.services.actors import Actor

LOOK_AGAIN_SECONDS = 1.0


@click.command("initial-load")
@click.argument("file", type=FILE, required=False, help="CSV in UTF-8, or XLSX.")
@click.option("--chunk", default=500, show_default=True, type=click.IntRange(1, 1000), help="Visits in one message.")
@click.option("--dry-run", is_flag=True, help="Check everything, store nothing.")
@click.option("--status", "shown", type=int, metavar="ID", help="Say how far a load got.")
@click.option("--watch", "watched", type=int, metavar="ID", help="Follow a load until no row waits any more.")
@click.option(
    "--report", type=click.Path(path_type=Path), help="With --status or --watch: refused rows as .csv or .json."
)
@provider_option
def initial_load(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    file: Path | None,
    chunk: int,
    dry_run: bool,  # noqa: FBT001 -- a flag of the command line
    shown: int | None,
    watched: int | None,
    report: Path | None,
    book: str | None,
) -> None:
    """Hand over visits booked before integration.

    The whole file is checked first: every problem is listed, and nothing is stored unless all is right. The worker
    sends the visits in chunks and goes on where it was interrupted. The exit code is 1 if rows were refused.
    """
    if sum(given is not None for given in (file, shown, watched)) != 1:
        raise click.UsageError("give a file, or --status, or --watch")
    with installation() as (_, engine):
        with db.transaction(engine) as session:
            actor = command_actor(session, book)
        if file is not None:
            _load(engine, actor, file, chunk, dry_run=dry_run)
            return
        load_id = shown or watched or 0
        if watched is not None:
            _watch(engine, actor, load_id)
        refused = _tell(engine, actor, load_id, report)
    sys.exit(1 if refused else 0)


def _load(engine: Engine, actor: Actor, file: Path, chunk: int, *, dry_run: bool) -> None:
    from mobile_units.services import initial_loads

    command = initial_loads.NewLoad(file_name=file.name, content=file.read_bytes(), chunk_size=chunk, dry_run=dry_run)
    with db.transaction(engine) as session:
        print_json(asdict(initial_loads.load(session, actor, command, clock.now())))


def _watch(engine: Engine, actor: Actor, load_id: int) -> None:
    """A bar of the rows that the central system answered, until all are."""
    from threading import Event

    from tqdm import tqdm

    from mobile_units.services import initial_loads

    def look() -> initial_loads.LoadStatus:
        with db.transaction(engine) as session:
            return initial_loads.status(session, actor, load_id)

    pause, status = Event(), look()
    with tqdm(total=status.rows, unit="wizyta", file=sys.stderr) as bar:
        bar.update(status.rows - status.waiting)
        while not status.done:
            pause.wait(LOOK_AGAIN_SECONDS)
            status = look()
            bar.update(status.rows - status.waiting - bar.n)


def _tell(engine: Engine, actor: Actor, load_id: int, report: Path | None) -> int:
    """Prints how far a load got and writes the report; returns how many rows were refused."""
    from mobile_units.services import initial_loads

    with db.transaction(engine) as session:
        status = initial_loads.status(session, actor, load_id)
        refused = initial_loads.refused_rows(session, actor, load_id)
    print_json(
        {
            "load": load_id,
            "file": status.load.file_name,
            "rows": status.rows,
            "waiting": status.waiting,
            "accepted": status.accepted,
            "refused": status.refused,
            "chunks": [asdict(chunk) for chunk in status.chunks],
        }
    )
    if report is not None:
        as_json = report.suffix.casefold() == ".json"
        text = initial_loads.as_json(refused) if as_json else initial_loads.as_csv(refused)
        encoding = "utf-8" if as_json else "utf-8-sig"  # a spreadsheet knows Polish letters by that mark
        report.write_text(text, encoding=encoding, newline="")
    return status.refused
