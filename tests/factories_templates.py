"""Templates, and what is told of what they change."""

from datetime import time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.transmissions import MessageState, OutboxMessage
from mobile_units.rules.programmes import Path
from mobile_units.rules.sessions import Resource
from mobile_units.rules.templates import Examination, Hours, Rooms, SharedResources, Template
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services import templates
from mobile_units.services.actors import Actor
from mobile_units.services.templates import KeptTemplate, NewTemplate
from tests.factories import number


def hours(opens: str = "08:00", closes: str = "10:00") -> Hours:
    """A working time without breaks."""
    return Hours(time.fromisoformat(opens), time.fromisoformat(closes))


def week(*working: Hours, minutes: int = 10, places: int = 1, **more: Any) -> Template:
    """Mammography every ten minutes on weekdays; eight to ten if no hours are given."""
    rooms = [] if "shared" in more else [Rooms([Examination(Path.MAMMOGRAPHY, minutes)], places)]
    return Template(week=dict.fromkeys(range(1, 6), working or (hours(),)), **{"rooms": rooms} | more)


def shared() -> SharedResources:
    """Two rooms and two persons, one of each for mammography alone; twenty and thirty minutes."""
    both = frozenset({Path.MAMMOGRAPHY, Path.CLASSIC_CYTOLOGY})
    one = frozenset({Path.MAMMOGRAPHY})
    return SharedResources(
        {Path.MAMMOGRAPHY: 20, Path.CLASSIC_CYTOLOGY: 30},
        (Resource("1", both), Resource("2", one)),
        (Resource("a", both), Resource("b", one)),
    )


def kept(session: Session, actor: Actor, template: Template) -> KeptTemplate:
    """A template under a name of its own."""
    return templates.create(session, actor, NewTemplate(f"Szablon {number()}", template))


def accept_all(session: Session) -> None:
    """The central system takes what there is."""
    for message in session.scalars(select(OutboxMessage)):
        message.state, message.attempts = MessageState.ACCEPTED, 1
    session.flush()


def waiting(session: Session, actor: Actor) -> list[MessageKind]:
    """The kinds of what is to be sent, in the order in which it is stored."""
    query = select(OutboxMessage.kind).where(
        OutboxMessage.provider_id == actor.provider_id, OutboxMessage.state == MessageState.PENDING
    )
    return list(session.scalars(query.order_by(OutboxMessage.id)))
