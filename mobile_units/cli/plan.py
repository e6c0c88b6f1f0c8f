"""The commands `mobile-units plan`: an itinerary for the units and sites of the database, or for those of files."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobile_units import clock
from mobile_units.cli.common import (
    DAY,
    FILE,
    SECONDS,
    command_actor,
    command_session,
    json_option,
    print_json,
    print_table,
    provider_option,
    road_distances,
    tell_refusal,
)
from mobile_units.config import Settings
from mobile_units.errors import DomainError
from mobile_units.rules.calendar import first_working_day_after, quarter_from

if TYPE_CHECKING:
    from mobile_units.planning.problem import Plan, PlanningSite, PlanningUnit, Problem, Progress
    from mobile_units.planning.process import Report
    from mobile_units.services.planning import PlanRequest

matrix_option = click.option(
    "--matrix", type=FILE, help="Kilometres between all bases and sites (CSV), in the order of the files."
)


@click.group("plan", invoke_without_command=True)
@click.option("--sites", type=FILE, help="Plan these sites (CSV) instead of those of the database.")
@click.option("--units", type=FILE, help="With --sites: the units (CSV).")
@matrix_option
@click.option("--from", "first", type=DAY, help="First day; default: the first working day after today.")
@click.option("--to", "last", type=DAY, help="Last day; default: three full months.")
@click.option("--name", help="Name of the itinerary that is stored.")
@click.option("--seconds", default=25.0, show_default=True, type=SECONDS, help="Longest time for the search.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same plan.")
@json_option
@provider_option
@click.pass_context
def plan(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    context: click.Context,
    sites: Path | None,
    units: Path | None,
    matrix: Path | None,
    first: datetime | None,
    last: datetime | None,
    name: str | None,
    seconds: float,
    seed: int,
    as_json: bool,  # noqa: FBT001 -- a flag
    book: str | None,
) -> None:
    """Propose an itinerary for active units and sites.

    It is stored as a draft. With --sites and --units the plan for those files is printed instead; nothing is stored,
    and no database is needed.
    """
    if context.invoked_subcommand:
        return _refuse(_given(context), f"give the options after `{context.invoked_subcommand}`")
    first_day = first.date() if first else first_working_day_after(clock.today())
    last_day = last.date() if last else quarter_from(first_day)[1]
    if sites and units:
        _refuse(_given(context) & {"name", "book"}, "a plan from files is not stored")
        return _plan_files(_problem(first_day, last_day, sites, units, matrix), seconds, seed, as_json=as_json)
    _refuse(_given(context) & {"sites", "units", "matrix"}, "a plan from files needs both --sites and --units")
    return _plan_stored(name or f"{first_day} – {last_day}", first_day, last_day, seconds, seed, book)


def _given(context: click.Context) -> set[str]:
    """The parameters that were typed."""
    typed = click.core.ParameterSource.COMMANDLINE
    return {name for name in context.params if context.get_parameter_source(name) is typed}


def _refuse(misplaced: set[str], reason: str) -> None:
    if misplaced:
        raise click.UsageError(reason)


def _problem(first_day: date, last_day: date, sites: Path, units: Path, matrix: Path | None) -> "Problem":
    from mobile_units.planning.files import read_problem

    kilometres = matrix.read_bytes() if matrix else None
    return read_problem(first_day, last_day, sites=sites.read_bytes(), units=units.read_bytes(), matrix=kilometres)


def _plan_files(problem: "Problem", seconds: float, seed: int, *, as_json: bool) -> None:
    from mobile_units.planning.documents import plan_document
    from mobile_units.planning.process import solve_apart

    with _progress_told() as watch:
        made = solve_apart(problem, seconds=seconds, seed=seed, progress=watch)
    print_json(plan_document(problem, made)) if as_json else _print_plan(problem, made)


@contextmanager
def _progress_told() -> "Iterator[Report | None]":
    """What tells a terminal how far the search is; a file is told nothing."""
    watch = _tell_progress if sys.stderr.isatty() else None
    yield watch
    if watch:
        click.echo(err=True)


def _tell_progress(progress: "Progress") -> None:
    click.echo(f"\r{progress.seconds:6.1f} s  {progress.women} women  {progress.km:.0f} km  ", nl=False, err=True)


def _print_plan(problem: "Problem", made: "Plan") -> None:
    from mobile_units.planning.documents import plan_document

    document = plan_document(problem, made)
    places: list[PlanningUnit | PlanningSite] = [*problem.units, *problem.sites]
    names = {place.id: _named(place) for place in places}
    stops = [
        [names[each["unit_id"]], each["first_day"], each["last_day"], str(each["women"]), names[each["site_id"]]]
        for each in document["stops"]
    ]
    print_table(["unit", "from", "to", "women", "site"], stops)
    if document["unserved"]:
        click.echo("\nLeft out:")
        print_table(["site", "reason"], [[names[each["site_id"]], each["reason"]] for each in document["unserved"]])
    click.echo()
    terms = document["terms"]
    weights = terms.pop("weights")
    figures = {**terms, **weights, **{name: document[name] for name in ("objective", "seconds", "solver", "seed")}}
    _print_figures(list(figures.items()))


def _named(place: "PlanningUnit | PlanningSite") -> str:
    return place.name if place.name == place.id else f"{place.id} {place.name}"


def _print_figures(figures: Sequence[tuple[str, Any]]) -> None:
    width = max(len(name) for name, _ in figures)
    for name, value in figures:
        click.echo(f"{name:<{width}}  {f'{value:.1f}' if isinstance(value, float) else value}")


def _proposal(problem: "Problem", request: "PlanRequest") -> "Plan":
    from mobile_units.services import planning

    settings = Settings.from_env()
    memory_bytes = settings.planning_memory_bytes
    measured = planning.with_distances(problem, road_distances(settings), memory_bytes=memory_bytes)
    with _progress_told() as watch:
        return planning.propose(measured, request, watch, memory_bytes)


def _plan_stored(  # noqa: PLR0913, PLR0917 -- what is asked for, and by whom
    name: str, first_day: date, last_day: date, seconds: float, seed: int, book: str | None
) -> None:
    from mobile_units.services import planning

    request = planning.PlanRequest(name=name, first_day=first_day, last_day=last_day, seconds=seconds, seed=seed)
    with command_session() as session:
        actor = command_actor(session, book)
        problem = planning.problem_for(session, actor, request)
    proposal = _proposal(problem, request)
    with command_session() as session:
        itinerary = planning.keep_plan(session, actor, request, proposal)
        print_json({"itinerary": itinerary.id, "stops": len(itinerary.stops), **itinerary.planning["objective"]})


@plan.command("check")
@click.option("--sites", type=FILE, required=True, help="The sites (CSV).")
@click.option("--units", type=FILE, required=True, help="The units (CSV).")
@click.option("--plan", "plan_file", type=FILE, required=True, help="The plan, as `plan --json` prints it.")
@matrix_option
@click.option("--from", "first", type=DAY, help="First day; default: that of the plan.")
@click.option("--to", "last", type=DAY, help="Last day; default: that of the plan.")
def check_plan(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    sites: Path, units: Path, plan_file: Path, matrix: Path | None, first: datetime | None, last: datetime | None
) -> None:
    """Print everything that is wrong with a plan, as JSON.

    The exit code is 1 if anything is, 2 if the plan cannot be read.
    """
    from mobile_units.planning.check import check
    from mobile_units.planning.documents import as_plan, read_plan

    try:
        stated = read_plan(plan_file.read_bytes())
    except DomainError as refusal:
        tell_refusal(refusal)
        sys.exit(2)
    first_day = first.date() if first else stated.first_day
    last_day = last.date() if last else stated.last_day
    if first_day is None or last_day is None:
        raise click.UsageError("the plan does not state its days: give --from and --to")
    problem = _problem(first_day, last_day, sites, units, matrix)
    violations = check(problem, as_plan(problem, stated))
    print_json([asdict(each) for each in violations])
    sys.exit(1 if violations else 0)
