"""What comes from the central system: reading its changes, and reconciling with it."""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING

import click
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.cli.cer import cer
from mobile_units.cli.common import DAY, command_actor, installation, print_json, provider_option
from mobile_units.config import Settings
from mobile_units.models.inbound import InboundState
from mobile_units.models.reconciliation import Reconciliation
from mobile_units.services.actors import Actor

if TYPE_CHECKING:
    from mobile_units.transmission.inbound import Reader
    from mobile_units.transmission.rounds import Rounds

HOLDS_SECONDS = 5.0
"""How often holds whose time is over are looked for."""

DAILY_LOOK_SECONDS = 60.0
"""How often it is asked whether the comparison of the day is due."""


def receive(session: Session, provider_id: int, change_id: int) -> InboundState:
    """Takes over one change, as the system."""
    from mobile_units.services import inbound

    return inbound.receive(session, Actor(provider_id), change_id, clock.now()).state


def reader_of(settings: Settings, engine: Engine, stop: Event | None = None) -> "Reader":
    """A reader of changes for one thread, with gateways of its own."""
    from mobile_units.transmission.gateways import gateways_of
    from mobile_units.transmission.inbound import Reader

    return Reader(
        engine,
        gateways_of(settings, engine),
        receive,
        settings.lease_seconds,
        stop or Event(),
        settings.cer_calls_per_second,
    )


def rounds_of(settings: Settings, engine: Engine, stop: Event) -> "list[Rounds]":
    """What goes on beside the delivery: ending holds, reading changes, and the comparison of the day."""
    from mobile_units.transmission.rounds import Rounds

    rounds = [Rounds("holds", _end_holds(engine, stop), HOLDS_SECONDS, stop)]
    if settings.cer_changes_seconds:
        reader = reader_of(settings, engine, stop)
        rounds.append(Rounds("changes", reader.read_all, settings.cer_changes_seconds, stop))
    if settings.cer_reconcile_hour is not None:
        daily = _daily(settings, engine, settings.cer_reconcile_hour, stop)
        rounds.append(Rounds("reconciliation", daily, DAILY_LOOK_SECONDS, stop))
    return rounds


def _end_holds(engine: Engine, stop: Event) -> Callable[[], None]:
    """Ends the holds whose time is over, each in a transaction of its own."""
    from mobile_units.services import holds

    def end_all() -> None:
        ended = True
        while ended and not stop.is_set():
            with db.transaction(engine) as session:
                ended = holds.expire(session, clock.now())

    return end_all


def _daily(settings: Settings, engine: Engine, hour: int, stop: Event) -> Callable[[], None]:
    """The comparison of the day of every provider that waits for one."""
    from mobile_units.services import reconciliation

    reader = reader_of(settings, engine, stop)

    def reconcile_who_is_due() -> None:
        for provider_id in reader.providers():
            actor = Actor(provider_id)
            with db.transaction(engine) as session:
                begun = reconciliation.begin_daily(session, actor, clock.now(), hour)
            if begun is not None:
                compare(reader, actor, begun)

    return reconcile_who_is_due


def compare(reader: "Reader", actor: Actor, begun: Reconciliation) -> bool:
    """Reads what changed at the centre, then compares; False if the centre did not tell it all."""
    from mobile_units.services import reconciliation
    from mobile_units.transmission.reconcile import Reconciler

    comparison = reconciliation.comparison_of(actor, begun)
    reading = reader.read(actor.provider_id, patient=False)
    if reading is not None and reading.failure:
        with db.transaction(reader.engine) as session:
            comparison.fail(session, reading.failure)
        return False
    return Reconciler(reader, actor.provider_id, comparison, begun.first_day, begun.last_day).run()


@cer.command("changes")
@click.option("--again", is_flag=True, help="From the first change on; what is known already stays as it is.")
@provider_option
def changes(again: bool, book: str | None) -> None:  # noqa: FBT001 -- a flag
    """Take over what women changed in IKP, once.

    The exit code is 1 if the central system could not be read, or if something waits for a person.
    """
    from mobile_units.services import inbound

    with installation() as (settings, engine):
        with db.transaction(engine) as session:
            actor = command_actor(session, book)
            if again:
                inbound.read_again(session, actor)
        reading = reader_of(settings, engine).read(actor.provider_id, patient=False)
        if reading is None:
            raise RuntimeError("Another reader is at it; look again in a moment.")
        with db.transaction(engine) as session:
            waiting = inbound.waiting(session, actor)
        states = Counter({state.value: count for state, count in reading.states.items()})
        print_json(
            {"fetched": reading.fetched, "new": reading.new, **states, "waiting": waiting, "failure": reading.failure}
        )
    sys.exit(1 if reading.failure or waiting else 0)


@click.command("reconcile")
@click.option("--from", "first", type=DAY, help="First day of slots; default: 30 days ago.")
@click.option("--to", "last", type=DAY, help="Last day of slots; default: 120 days ahead.")
@provider_option
def reconcile(first: datetime | None, last: datetime | None, book: str | None) -> None:
    """Compare our visits with those of the centre.

    What is plain is settled at once; the exit code is 1 if something waits for a person, or could not be compared.
    """
    from mobile_units.services import inbound, reconciliation

    usual = reconciliation.usual_period(clock.today())
    period = reconciliation.Period(first.date() if first else usual.first_day, last.date() if last else usual.last_day)
    with installation() as (settings, engine):
        with db.transaction(engine) as session:
            actor = command_actor(session, book)
            begun = reconciliation.begin(session, actor, period, clock.now())
        compare(reader_of(settings, engine), actor, begun)
        with db.transaction(engine) as session:
            done = reconciliation.get_with_summary(session, actor, begun.id)
            waiting = reconciliation.waiting(session, actor) + inbound.waiting(session, actor)
            print_json(asdict(done) | {"waiting": waiting})
    sys.exit(1 if done.failure or waiting else 0)
