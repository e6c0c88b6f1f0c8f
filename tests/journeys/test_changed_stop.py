"""A published stop changes, and the central system follows by being told the difference alone."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from threading import Event

import pytest
from lxml import etree
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from mobile_units import db
from mobile_units.config import Settings
from mobile_units.models.itineraries import Stop
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.providers import Provider
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxMessage, TransmissionAttempt
from mobile_units.rules.transmissions import MessageKind
from mobile_units.sandbox.server import SandboxServer
from mobile_units.services import changes, itineraries, transmissions, versions
from mobile_units.services.actors import Actor
from mobile_units.services.changes import StopChange, WorkedDay
from mobile_units.services.itineraries import DayHours
from mobile_units.transmission.worker import worker_of
from tests import factories, factories_planning
from tests.factories_planning import MAMMOGRAPHY, WEDNESDAY, contract, draft_with_stop, stop_of, unit
from tests.services.test_changes import FRIDAY, NINE, NOW


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[SandboxServer]:
    """A central system that knows nothing yet."""
    with SandboxServer(tmp_path / "centre.sqlite") as server:
        yield server


def contracted(session: Session) -> Provider:
    """A provider with a contract and a root of its own: whatever else is handed over from this database is not its."""
    made = factories.provider(session)
    made.oid_root = f"{made.oid_root}.{made.id}"
    contract(session, made.id, {MAMMOGRAPHY: 100})
    return made


def held(centre: SandboxServer, provider: Provider) -> dict[str, int]:
    """The places of each slot of the provider at the centre, by the slot's UUID."""
    with centre.state.transaction() as state:
        rows = state.execute("SELECT id, capacity FROM slot").fetchall()
    places = {tuple(row["id"].split("/")): row["capacity"] for row in rows}
    return {uuid: capacity for (root, uuid), capacity in places.items() if root == provider.oid_root}


def told(engine: Engine, actor: Actor, kind: MessageKind) -> set[str | None]:
    """The slots in the envelope of the provider's newest message of a kind."""
    own = OutboxMessage.provider_id == actor.provider_id, OutboxMessage.kind == kind
    query = select(TransmissionAttempt.id).join(OutboxMessage, OutboxMessage.id == TransmissionAttempt.message_id)
    with db.transaction(engine) as session:
        newest = session.scalars(query.where(*own).order_by(TransmissionAttempt.id.desc()).limit(1)).one()
        envelope = etree.fromstring(transmissions.sent(session, actor, newest).encode())
    return {slot.findtext("{*}identyfikator/{*}extension") for slot in envelope.iter("{*}slot")}


def test_a_changed_stop_is_told_by_its_difference(engine: Engine, settings: Settings, centre: SandboxServer) -> None:
    """A day is dropped and another comes: slots go before the schedule, the new ones after it, what stays is silent."""
    worker = worker_of(replace(settings, cer_url=centre.address), engine, Event())
    with db.transaction(engine) as session:
        provider = contracted(session)
        actor = Actor(provider.id)
        itinerary = draft_with_stop(session, actor, unit(session, actor.provider_id, None), women=18)
        factories_planning.publish(session, actor, itinerary, NOW)
        stop_id = session.scalars(select(Stop.id).where(Stop.itinerary_id == itinerary.id)).one()
        version = itinerary.version
    worker.drain(5)
    before = held(centre, provider)
    with db.transaction(engine) as session:
        days = (WorkedDay(WEDNESDAY), WorkedDay(FRIDAY, time(8), NINE))
        done = changes.change_stop(session, actor, stop_id, StopChange(version=version, days=days), NOW)
    worker.drain(5)
    after = held(centre, provider)
    gone, new = {uuid for uuid in before if not after[uuid]}, after.keys() - before
    assert (len(before), len(gone), len(new)) == (18, len(done.withdrawn), len(done.added)) == (18, 12, 6)
    assert (told(engine, actor, MessageKind.WITHDRAW_SLOTS), told(engine, actor, MessageKind.SAVE_SLOTS)) == (gone, new)
    with db.transaction(engine) as session:
        own = select(Slot).join(Slot.schedule).where(Schedule.provider_id == actor.provider_id)
        ours = {str(slot.uuid): slot.capacity * (slot.status is SlotStatus.OPEN) for slot in session.scalars(own)}
        states = select(OutboxMessage.state).where(OutboxMessage.provider_id == actor.provider_id)
        assert set(session.scalars(states)) == {MessageState.ACCEPTED}
    assert after == ours


def test_a_version_reaches_the_centre_as_its_difference(
    engine: Engine, settings: Settings, centre: SandboxServer
) -> None:
    """A stop moves, one goes, one comes and one stays: of the one that stays not a word is sent."""
    worker = worker_of(replace(settings, cer_url=centre.address), engine, Event())
    with db.transaction(engine) as session:
        provider = contracted(session)
        actor = Actor(provider.id)
        mammobus, itinerary = unit(session, actor.provider_id, None), factories_planning.draft(session, actor)
        for day in (WEDNESDAY, FRIDAY, date(2027, 3, 15)):
            there = factories_planning.site(session, actor.provider_id)
            itineraries.add_stop(session, actor, itinerary.id, stop_of(mammobus, there, day, women=6))
        factories_planning.publish(session, actor, itinerary, NOW)
    worker.drain(5)
    before = held(centre, provider)
    with db.transaction(engine) as session:
        revision = versions.revise(session, actor, itinerary.id)
        moved, gone, stays = revision.stops
        days = [DayHours(date(2027, 3, 17))]
        change = itineraries.StopChange(version=revision.version, days=days)
        itineraries.change_stop(session, actor, moved.id, change)
        itineraries.remove_stop(session, actor, gone.id)
        there = factories_planning.site(session, actor.provider_id)
        itineraries.add_stop(session, actor, revision.id, stop_of(mammobus, there, FRIDAY, women=6))
        silent = of_stop(session, stays.origin_id)
        known = session.scalar(select(func.max(OutboxMessage.id)))
        done = factories_planning.publish(session, actor, revision, NOW)
    assert (done.kept, done.changed, done.withdrawn, done.slots) == (1, 1, 1, 6)
    worker.drain(5)
    after = held(centre, provider)
    assert Counter(after.values()) == {1: 18, 0: 12}
    assert {uuid: after[uuid] for uuid in silent} == {uuid: before[uuid] for uuid in silent}
    with db.transaction(engine) as session:
        own = select(Slot).join(Slot.schedule).where(Schedule.provider_id == actor.provider_id)
        ours = {str(slot.uuid): slot.capacity * (slot.status is SlotStatus.OPEN) for slot in session.scalars(own)}
        mine = OutboxMessage.provider_id == actor.provider_id
        states = session.scalars(select(OutboxMessage.state).where(mine)).all()
        later = select(TransmissionAttempt.id).join(OutboxMessage, OutboxMessage.id == TransmissionAttempt.message_id)
        sent = [
            transmissions.sent(session, actor, key)
            for key in session.scalars(later.where(mine, OutboxMessage.id > known))
        ]
    assert set(states) == {MessageState.ACCEPTED}
    assert after == ours
    assert sent
    assert not [uuid for uuid in silent for envelope in sent if uuid in envelope]


def of_stop(session: Session, stop_id: int | None) -> list[str]:
    """The identifiers of the slots of a stop at the wire."""
    query = select(Slot.uuid).join(Slot.schedule).join(Schedule.mobile_point).where(MobilePoint.stop_id == stop_id)
    return [str(uuid) for uuid in session.scalars(query)]
