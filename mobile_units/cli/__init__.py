"""The command `mobile-units`: its commands are the services, and the processes that make an installation."""

import os
import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

import click
from alembic.util import CommandError
from sqlalchemy.exc import OperationalError

from mobile_units import clock, db, migrations
from mobile_units.cli.centre import reconcile, rounds_of
from mobile_units.cli.cer import cer
from mobile_units.cli.common import COUNT, DAY, FILE, PORT, SECONDS, provider_option, tell_refusal
from mobile_units.cli.common import command_actor as _actor
from mobile_units.cli.common import command_session as _session
from mobile_units.cli.common import installation as _installation
from mobile_units.cli.common import print_json as _print
from mobile_units.cli.geocoding import geocode, geocode_address, geocode_file
from mobile_units.cli.initial_loads import initial_load
from mobile_units.cli.messages import messages
from mobile_units.cli.plan import plan
from mobile_units.cli.sandbox import sandbox, sandbox_certificates
from mobile_units.cli.transmissions import transmissions
from mobile_units.config import ConfigurationError, Settings
from mobile_units.errors import DomainError
from mobile_units.rules.programmes import Programme
from mobile_units.rules.roles import Role


def main() -> NoReturn:
    """Runs the command; a refusal or a wrong configuration is told in words and ends with exit code 1."""
    try:
        cli(standalone_mode=True)
    except DomainError as refusal:
        tell_refusal(refusal)
    except ConfigurationError as error:
        click.echo("\n".join(["The configuration is wrong:", *(f"  {each}" for each in error.problems)]), err=True)
    except OperationalError as error:
        click.echo(f"The database does not answer ({type(error.orig).__name__}); `doctor` says more.", err=True)
    except (CommandError, RuntimeError, OSError) as error:
        click.echo(str(error), err=True)
    sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Plan, publish, book and hand over mobile cancer screening."""


cli.add_command(cer)
cli.add_command(reconcile)
cli.add_command(geocode)
cli.add_command(geocode_address)
cli.add_command(geocode_file)
cli.add_command(initial_load)
cli.add_command(plan)
cli.add_command(messages)
cli.add_command(sandbox)
cli.add_command(sandbox_certificates)
cli.add_command(transmissions)


# processes


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address on which it listens.")
@click.option("--port", default=8000, show_default=True, type=PORT, help="Where it listens.")
@click.option(
    "--workers", default=2, show_default=True, type=COUNT, help="Web processes; each answers four requests at a time."
)
def serve(host: str, port: int, workers: int) -> NoReturn:
    """Serve the API and the pages with gunicorn."""
    Settings.from_env()
    options = ["--bind", f"{host}:{port}", "--workers", str(workers), "--threads", "4", "--timeout", "90"]
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", *options, "--log-level", "warning"]
    os.execv(sys.executable, command)  # noqa: S606 -- this process becomes gunicorn, so that signals reach it


@cli.command()
@click.option("--threads", default=2, show_default=True, type=COUNT, help="Messages on their way at the same time.")
def worker(threads: int) -> None:
    """Carry messages to the centre until SIGTERM.

    Beside that, read what women change in IKP, compare all visits once a day, plan what coordinators ask for, and write
    to women about our own changes.
    """
    from threading import Event

    from mobile_units.cli.messages import messenger_of
    from mobile_units.cli.planner import planner_of
    from mobile_units.cli.waiting_list import offers_of
    from mobile_units.transmission.worker import Runs, run_until_signal, worker_of

    stop = Event()
    with _installation() as (settings, engine):
        workers = [worker_of(settings, engine, stop) for _ in range(threads)]
        beside: list[Runs] = [planner_of(settings, engine, stop), messenger_of(settings, engine, stop)]
        beside.append(offers_of(settings, engine, stop))
        run_until_signal([*workers, *rounds_of(settings, engine, stop), *beside], stop)


@cli.command()
@click.option("--once", is_flag=True, help="Do the job and end, without serving.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print the figures as one JSON object.")
@click.option("--reset", is_flag=True, help="Throw the demonstration away first.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(".mobile-units/demo"),
    show_default=True,
    help="Of all its data.",
)
@click.option("--sites", type=FILE, help="Sites (CSV) instead of the sample.")
@click.option("--women", default=400, show_default=True, type=click.IntRange(0), help="Fictitious women to book.")
@click.option("--plan-seconds", default=5.0, show_default=True, type=SECONDS, help="Time for the plan.")
@click.option("--examples/--no-examples", default=True, show_default=True, help="Work with the diary, too.")
@click.option("--port", default=8000, show_default=True, type=PORT, help="Of the application.")
def demo(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    once: bool,  # noqa: FBT001 -- a flag of the command line
    as_json: bool,  # noqa: FBT001 -- a flag of the command line
    reset: bool,  # noqa: FBT001 -- a flag of the command line
    folder: Path,
    sites: Path | None,
    women: int,
    plan_seconds: float,
    examples: bool,  # noqa: FBT001 -- a flag
    port: int,
) -> None:
    """Do the whole job on sample data, then serve it.

    It runs against the sandbox, apart from any database or setting of the environment.
    """
    from mobile_units.demo import run, sample
    from mobile_units.demo.job import Wanted, is_complete

    if reset:
        run.reset(folder)
    content = (sites or sample.SITES).read_bytes()
    wanted = Wanted(content, women=women, plan_seconds=plan_seconds, examples=examples)
    try:
        if not once:
            run.serve(run.prepare(folder, wanted, 8010, 8011), port)
        figures = run.once(run.prepare(folder, wanted))
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        return
    _print(figures) if as_json else click.echo("\n".join(f"{name}: {value}" for name, value in figures.items()))
    sys.exit(0 if is_complete(figures) else 1)


# installation


@cli.group("db")
def database() -> None:
    """Look after the database."""


@database.command("upgrade")
def upgrade() -> None:
    """Bring schema, codes and rules up to this program."""
    from mobile_units.services.reference import load_reference_data

    with _installation() as (_, engine):
        migrations.upgrade(engine)
        with db.transaction(engine) as session:
            load_reference_data(session)
        click.echo(f"The database is at revision {migrations.current(engine)}.")


@database.command("stop")
def stop_database() -> None:
    """Stop the embedded server; its data stays."""
    from mobile_units import embedded

    embedded.stop(Settings.from_env().data_dir)


@cli.group("provider")
def provider() -> None:
    """Look after providers."""


@provider.command("add")
@click.argument("name", help="Name of the legal entity.")
@click.option("--book", required=True, help="RPWDL book, 12 digits.")
@click.option("--regon", required=True, help="9 or 14 digits.")
@click.option("--nip", help="10 digits.")
@click.option("--branch", required=True, help="NFZ branch, 01 to 16.")
@click.option("--oid-root", required=True, help="The provider's own node in P1.")
def add_provider(name: str, book: str, regon: str, nip: str | None, branch: str, oid_root: str) -> None:  # noqa: PLR0913, PLR0917 -- one parameter for each option
    """Add a provider."""
    from mobile_units.services import providers

    command = providers.NewProvider(
        name=name, rpwdl_book=book, regon=regon, nip=nip, nfz_branch=branch, oid_root=oid_root
    )
    with _session() as session:
        click.echo(f"Provider {providers.create(session, command).rpwdl_book} was added.")


@cli.group("user")
def user() -> None:
    """Look after users."""


@user.command("add")
@click.argument("login", help="Name to sign in with.")
@click.option(
    "--role",
    "roles",
    type=click.Choice([role.value for role in Role]),
    multiple=True,
    required=True,
    help="May be given several times.",
)
@click.password_option(help="Asked for if not given.")
@provider_option
def add_user(login: str, roles: tuple[str, ...], password: str, book: str | None) -> None:
    """Add a user who may sign in."""
    from mobile_units.services import users

    if len(password) < users.PASSWORD_LENGTH:
        raise click.UsageError(f"the password needs at least {users.PASSWORD_LENGTH} characters")
    with _session() as session:
        command = users.NewUser(login=login, password=password, roles=[Role(role) for role in roles])
        click.echo(f"User {users.create(session, _actor(session, book), command).login} was added.")


@cli.group("token")
def token() -> None:
    """Look after tokens for the API."""


@token.command("add")
@click.argument("login", help="Name to sign in with.")
@click.option("--name", default="CLI", show_default=True, help="What the token is for.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 366), help="How long it is valid.")
def add_token(login: str, name: str, days: int) -> None:
    """Print a new token that acts as a user; it cannot be shown again."""
    from mobile_units.services import users

    with _session() as session:
        owner = users.by_login(session, login)
        click.echo(users.issue_token(session, owner, name, clock.now() + timedelta(days=days)))


# the job


@cli.group("import")
def import_() -> None:
    """Read sites, units or women due from CSV or XLSX.

    Every row is checked before any is stored; every problem is listed, and nothing is stored unless all is right.
    """


dry_run_option = click.option("--dry-run", is_flag=True, help="Check everything, store nothing.")


@import_.command("sites")
@click.argument("file", type=FILE, help="CSV in UTF-8, or XLSX.")
@click.option("--no-estimate", is_flag=True, help="Do not estimate women due from population.")
@dry_run_option
@provider_option
def import_sites(file: Path, no_estimate: bool, dry_run: bool, book: str | None) -> None:  # noqa: FBT001 -- flags
    """Create or update sites."""
    from mobile_units.services import imports

    command = imports.SiteImport(
        content=file.read_bytes(), today=clock.today(), estimate=not no_estimate, dry_run=dry_run
    )
    with _session() as session:
        _print(asdict(imports.import_sites(session, _actor(session, book), command)))


@import_.command("units")
@click.argument("file", type=FILE, help="CSV in UTF-8, or XLSX.")
@dry_run_option
@provider_option
def import_units(file: Path, dry_run: bool, book: str | None) -> None:  # noqa: FBT001 -- a flag
    """Create or update mobile units."""
    from mobile_units.services import imports

    command = imports.Import(content=file.read_bytes(), dry_run=dry_run)
    with _session() as session:
        _print(asdict(imports.import_units(session, _actor(session, book), command)))


@import_.command("demand")
@click.argument("file", type=FILE, help="CSV in UTF-8, or XLSX.")
@click.option(
    "--nfz",
    type=click.Choice([each.value for each in Programme]),
    help="The file is the NFZ's table of this programme.",
)
@click.option("--month", type=DAY, help="With --nfz: any day of the table's month.")
@dry_run_option
@provider_option
def import_demand(file: Path, nfz: str | None, month: datetime | None, dry_run: bool, book: str | None) -> None:  # noqa: FBT001 -- a flag
    """Set women due by site.

    With --nfz the file is the NFZ's monthly table, and the numbers of a gmina are shared among its sites.
    """
    from mobile_units.services import imports

    if bool(nfz) != bool(month):
        raise click.UsageError("--nfz and --month go together")
    content = file.read_bytes()
    with _session() as session:
        actor = _actor(session, book)
        if nfz and month:
            table = imports.NfzDemandImport(
                content=content, dry_run=dry_run, programme=Programme(nfz), month=month.date()
            )
            _print(asdict(imports.import_nfz_demand(session, actor, table)))
        else:
            _print(asdict(imports.import_demand(session, actor, imports.Import(content=content, dry_run=dry_run))))


@cli.command()
@click.argument("itinerary_id", type=int, help="Key of the itinerary, as `plan` printed it.")
@click.option("--stationary", is_flag=True, help="Also open the stationary places for the same days.")
@click.option("--accept", help="Why a draft is to be carried out in spite of its violations.", metavar="REASON")
@provider_option
def publish(itinerary_id: int, stationary: bool, accept: str | None, book: str | None) -> None:  # noqa: FBT001 -- a flag
    """Approve a draft itinerary and publish it.

    One that was approved is only published. Its mobile points, schedules and slots are derived, and their hand-over is
    queued for the worker.
    """
    from mobile_units.models.itineraries import ItineraryStatus
    from mobile_units.services import itineraries, publishing, versions

    with _session() as session:
        actor, now = _actor(session, book), clock.now()
        itinerary = itineraries.get(session, actor, itinerary_id)
        if itinerary.status is ItineraryStatus.DRAFT:
            versions.approve(session, actor, itinerary_id, itinerary.version, now, accepted_reason=accept)
        done = publishing.publish(session, actor, itinerary_id, itinerary.version, now)
        if stationary:
            done = sum(publishing.open_all_stationary(session, actor, itinerary.first_day, itinerary.last_day), done)
        _print(asdict(done))


@cli.group("report")
def report() -> None:
    """Report for settlement."""


@report.command("contract-ranges")
@click.option("--from", "first", type=DAY, required=True, help="First day.")
@click.option("--to", "last", type=DAY, required=True, help="Last day.")
@provider_option
def report_contract_ranges(first: datetime, last: datetime, book: str | None) -> None:
    """Print the figures of each contract range.

    Planned, offered, booked, performed, passed to the central e-registration and late, and what it is worth, as JSON.
    """
    from mobile_units.services import reports

    with _session() as session:
        period = reports.ReportPeriod(first.date(), last.date())
        rows = reports.contract_ranges(session, _actor(session, book), period, clock.today())
        _print([asdict(row) for row in rows])


@cli.command()
def doctor() -> None:
    """Say what is misconfigured and how to mend it.

    The exit code is 1 if anything keeps the installation from working.
    """
    from mobile_units.doctor import Severity, examine

    findings = list(examine(os.environ))
    for finding in findings:
        click.echo(f"{finding.severity.value:>7}  {finding.text}")
        if finding.mend:
            click.echo(f"         → {finding.mend}")
    sys.exit(any(finding.severity is Severity.ERROR for finding in findings))
