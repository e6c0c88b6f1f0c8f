"""A provider with something of everything, so that generated requests find what they ask for, and a second provider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.models.base import Base
from mobile_units.models.itineraries import Itinerary
from mobile_units.models.reconciliation import Difference, DifferenceKind, Reconciliation, ReconciliationState
from mobile_units.models.transmissions import MessageState
from mobile_units.models.visits import Visit
from mobile_units.models.waiting_list import WaitingListEntry
from mobile_units.rules.messages import NoticeKind
from mobile_units.rules.programmes import Mobility, Path, Programme
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.rules.waiting import WaitingStatus
from mobile_units.services import (
    bulk_move_application,
    bulk_moves,
    dated_exceptions,
    initial_loads,
    itineraries,
    messages_to_women,
    users,
)
from mobile_units.services.actors import Actor
from mobile_units.services.bulk_move_scopes import Scope
from mobile_units.services.bulk_moves import NewBulkMove
from mobile_units.services.dated_exceptions import NewException
from tests import (
    factories,
    factories_booking,
    factories_day,
    factories_inbound,
    factories_log,
    factories_messages,
    factories_planning,
    factories_planning_jobs,
    factories_templates,
)
from tests.fuzz.right import Right, requests_of
from tests.services.test_initial_loads import line, table

SHARED = frozenset({"eligibility_rules", "eligibility_exclusions", "product_codes"})
"""What all providers read."""

STATUSES: Sequence[tuple[VisitStatus, dict[str, Any]]] = (
    (VisitStatus.HELD, {}),
    (VisitStatus.BOOKED, {}),
    (VisitStatus.CONFIRMED, {"passed_at": clock.now()}),
    (VisitStatus.ARRIVED, {}),
    (VisitStatus.PERFORMED, {}),
    (VisitStatus.NOT_PERFORMED, {}),
    (VisitStatus.NO_SHOW, {}),
    (VisitStatus.CANCELLED, {"cancelled_by": CancelledBy.WOMAN}),
    (VisitStatus.MOVED, {}),
)


@dataclass(frozen=True, slots=True)
class House:
    """Tokens by who holds them, days when something is there, keys of what is not the stranger's, right requests."""

    tokens: dict[str, str]
    days: tuple[date, ...]
    ours: Mapping[str, frozenset[int]]
    right: Right


def build(engine: Engine) -> House:
    """Stores everything."""
    now, day = clock.now(), _wednesday()
    with db.transaction(engine) as session:
        provider_id = factories.provider(session).id
        tokens = {role.value: _token(session, provider_id, [role]) for role in Role}
        tokens["all"] = _token(session, provider_id, tuple(Role))
        user = factories.user(session, provider_id)
        actor = Actor(provider_id, user.id, frozenset(Role))
        factories_messages.named(session, provider_id)
        factories_booking.contract(session, provider_id)
        _catalogue(session, actor, day, now)
        visits = _diary(session, actor, day)
        _waiting(session, actor, visits[0], day)
        _moved_in_bulk(session, actor, day, now)
        _handed_over(session, actor, visits, day, now)
        session.flush()
        ours = {name: frozenset(_keys(session, name)) for name in Base.metadata.tables if name not in SHARED}
        right = requests_of(session, provider_id)
        tokens["stranger"] = _stranger(session, day)
    return House(tokens, (day, clock.today(), day + timedelta(days=7), date(2026, 1, 1)), ours, right)


def _keys(session: Session, name: str) -> Sequence[int]:
    table = Base.metadata.tables[name]
    return session.scalars(select(table.c.id)).all() if "id" in table.c else ()


def _wednesday() -> date:
    day = clock.today() + timedelta(days=14)
    return day + timedelta(days=(2 - day.weekday()) % 7)


def _token(session: Session, provider_id: int, roles: Sequence[Role]) -> str:
    user = factories.user(session, provider_id, roles)
    return users.issue_token(session, user, "próba", clock.now() + timedelta(hours=12))


def _catalogue(session: Session, actor: Actor, day: date, now: datetime) -> None:
    """Itineraries of each status, a template, an exception, and jobs of the planner."""
    for number in range(3):
        made = _itinerary(session, actor, day + timedelta(days=7 * number))
        if number == 0:
            factories_planning.publish(session, actor, made, now)
        if number == 1:
            factories_planning.approve(session, actor, made, now)
    stationary = factories_booking.service_place(session, actor.provider_id, mobility=Mobility.STATIONARY)
    factories_templates.kept(session, actor, factories_templates.week())
    factories_templates.kept(session, actor, factories_templates.week(shared=factories_templates.shared()))
    closed = NewException(day=day, hours=[], reason="remont")
    dated_exceptions.create(session, actor, stationary.id, closed)
    job = factories_planning_jobs.queued(session, actor)
    factories_planning_jobs.done(session, actor, job)
    factories_planning_jobs.queued(session, actor)


def _itinerary(session: Session, actor: Actor, day: date) -> Itinerary:
    wanted = itineraries.NewItinerary(name="Objazd", first_day=day, last_day=day + timedelta(days=6))
    made = itineraries.create(session, actor, wanted)
    unit = factories_planning.unit(session, actor.provider_id)
    site = factories_planning.site(session, actor.provider_id)
    itineraries.add_stop(session, actor, made.id, factories_planning.stop_of(unit, site, day))
    return made


def _diary(session: Session, actor: Actor, day: date) -> list[Visit]:
    """Places and stops with slots of each path, some free, and a visit of each status."""
    _, of = factories_day.stop_day(session, actor.provider_id, day)
    _, today = factories_day.place_day(session, actor.provider_id, clock.today())
    for path in Path:
        factories_booking.slot(session, actor.provider_id, path, day, capacity=3)
    visits = []
    for number, (status, values) in enumerate(STATUSES):
        where = today if status in {VisitStatus.ARRIVED, VisitStatus.PERFORMED} else of
        slot = factories_booking.slot(
            session, actor.provider_id, of=where, at=time(8 + number // 2, 30 * (number % 2)), capacity=2
        )
        visits.append(factories_log.visit(session, actor.provider_id, slot=slot, status=status, **values))
        if status in {VisitStatus.CANCELLED, VisitStatus.MOVED}:
            slot.taken -= 1
    for _ in range(4):
        factories_booking.woman(session, actor.provider_id)
    for kind in (NoticeKind.BOOKED, NoticeKind.CANCELLED):
        messages_to_women.notify(session, actor, visits[1], kind)
    session.flush()
    return visits


def _waiting(session: Session, actor: Actor, held: Visit, day: date) -> None:
    """Who waits at a stop, who in an area, and who was offered a place."""
    stop = factories_booking.stop(session, actor.provider_id, day)
    for values in (
        {"stop_id": stop.id},
        {"teryt": "1017"},
        {"stop_id": stop.id, "status": WaitingStatus.WITHDRAWN},
        {
            "stop_id": stop.id,
            "status": WaitingStatus.OFFERED,
            "answer_by": held.held_until,
            "visit_id": held.id,
            "woman_id": held.woman_id,
        },
    ):
        woman = factories_booking.woman(session, actor.provider_id)
        terms = {"woman_id": woman.id, "programme": Programme.BREAST, "path": Path.MAMMOGRAPHY, **values}
        session.add(WaitingListEntry(provider_id=actor.provider_id, **terms))
    session.flush()


def _moved_in_bulk(session: Session, actor: Actor, day: date, now: datetime) -> None:
    """Two stops that are lost: of one all was moved, of the other it is proposed; there is room elsewhere."""
    for number in range(2):
        stop_id, of = factories_day.stop_day(session, actor.provider_id, day + timedelta(days=1))
        factories_booking.slot(session, actor.provider_id, day=day + timedelta(days=2), capacity=5)
        slot = factories_booking.slot(session, actor.provider_id, of=of, capacity=2)
        factories_log.visit(session, actor.provider_id, slot=slot)
        move = bulk_moves.propose(session, actor, NewBulkMove(reason="awaria", scope=Scope(stop_id=stop_id)), now)
        if number:
            bulk_move_application.apply(session, actor, move.id, move.version, now)


def _handed_over(session: Session, actor: Actor, visits: Sequence[Visit], day: date, now: datetime) -> None:
    """Messages of each state with attempts, conflicts, a difference, and an initial load with a row refused."""
    for number, state in enumerate(each for each in MessageState if each is not MessageState.IN_PROGRESS):
        made = factories_log.message(session, actor.provider_id, state, subject_id=visits[number % len(visits)].id)
        factories_log.attempt(session, made, now)
    factories_log.message(session, actor.provider_id, MessageState.REJECTED, MessageKind.SAVE_SLOTS)
    factories_log.link(session, actor.provider_id)
    slot = factories_booking.slot(session, actor.provider_id, day=day)
    change = factories_inbound.booked(session, actor, slot)
    factories_inbound.kept(session, actor, change)
    ended = Reconciliation(
        provider_id=actor.provider_id,
        first_day=day,
        last_day=day,
        state=ReconciliationState.DONE,
        started_at=now,
        finished_at=now,
        visits_here=1,
        visits_there=2,
    )
    ended.differences.append(
        Difference(
            kind=DifferenceKind.DIFFERS, fields="status", visit_id=visits[1].id, cer_root="2.25", cer_extension="7"
        )
    )
    session.add(ended)
    session.flush()
    content = table(line(slot, day=day.isoformat()))
    initial_loads.load(session, actor, initial_loads.NewLoad(file_name="wizyty.csv", content=content), now)


def _stranger(session: Session, day: date) -> str:
    """Another provider, who has some of the same."""
    provider_id = factories.provider(session).id
    factories_booking.contract(session, provider_id)
    slot = factories_booking.slot(session, provider_id, day=day)
    visit = factories_log.visit(session, provider_id, slot=slot)
    messages_to_women.notify(session, Actor(provider_id), visit, NoticeKind.BOOKED)
    return _token(session, provider_id, tuple(Role))
