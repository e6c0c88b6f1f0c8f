"""What the crowd fights for: a few places of every sort, and one large place that is never full, so nobody need lose.

- a published stop of six slots, whose hours and rooms are changed again and again;
- single slots of several places, of which one lets women in above its capacity, two are reserved and some are blocked;
- slots of mammography and cytology that share one midwife, so that her time is scarce and not the places.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.models.itineraries import Stop
from mobile_units.models.mixed_sessions import MixedSession
from mobile_units.models.mobile_points import MobilePoint
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.rules import sessions
from mobile_units.rules.admission import Reservation
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Path
from mobile_units.rules.sessions import Resource
from mobile_units.rules.slots import Interval
from mobile_units.services import itineraries, mixed_sessions, slot_places
from mobile_units.services.actors import Actor
from tests import factories, factories_booking, factories_planning

WOMEN = 36
MINUTES = 20
OPENS, CLOSES = time(8), time(10)
CERVICAL = frozenset({Path.HPV_LBC, Path.CLASSIC_CYTOLOGY})
ROOMS = (Resource("mammograf", frozenset({Path.MAMMOGRAPHY})), Resource("gabinet", CERVICAL))
MIDWIFE = (Resource("położna", frozenset(Path)),)


@dataclass(frozen=True, slots=True)
class Scene:
    """The keys of everything there is; `day` is when the women are examined, `stop_id` the stop that is changed.

    Women wait for `waited_for`, another stop. The clock of the crowd is `ahead` of ours, so that it is day for them
    whenever the storm is run.
    """

    actor: Actor
    day: date
    ahead: timedelta
    women: tuple[int, ...]
    stop_id: int
    waited_for: int
    mammography: tuple[int, ...]
    cervical: tuple[int, ...]
    roomy: tuple[int, int]


def build(engine: Engine) -> Scene:
    """Stores the scene, on a Wednesday in two weeks."""
    today = clock.today()
    now = local_instant(today, time(12))
    day = today + timedelta(days=14)
    day += timedelta(days=(2 - day.weekday()) % 7)
    with db.transaction(engine) as session:
        actor = Actor(factories.provider(session).id)
        factories_booking.contract(session, actor.provider_id)
        published = _publish(session, actor, day, now)
        singles, waited_for = _singles(session, actor, day)
        shared = _shared(session, actor, day)
        roomy = [
            factories_booking.slot(session, actor.provider_id, path, day, at=time(15), capacity=1000)
            for path in (Path.MAMMOGRAPHY, Path.HPV_LBC)
        ]
        born = date(day.year - 50, 5, 17)
        women = [factories_booking.woman(session, actor.provider_id, born).id for _ in range(WOMEN)]
        return Scene(
            actor=actor,
            day=day,
            ahead=now - clock.now(),
            women=tuple(women),
            stop_id=published,
            waited_for=waited_for,
            mammography=(*_slots_of(session, published), *singles, *shared[Path.MAMMOGRAPHY]),
            cervical=tuple(shared[Path.HPV_LBC]),
            roomy=(roomy[0].id, roomy[1].id),
        )


def _publish(session: Session, actor: Actor, day: date, now: datetime) -> int:
    """A stop of one day, handed over to nobody yet."""
    does = [factories_planning.does(session, actor.provider_id, minutes=MINUTES)]
    unit = factories_planning.unit(session, actor.provider_id, does, setup_minutes=0)
    wanted = itineraries.NewItinerary(name="Nawałnica", first_day=day, last_day=day)
    draft = itineraries.create(session, actor, wanted)
    site = factories_planning.site(session, actor.provider_id)
    itineraries.add_stop(session, actor, draft.id, factories_planning.stop_of(unit, site, day))
    factories_planning.publish(session, actor, draft, now)
    return session.scalars(select(Stop.id).where(Stop.itinerary_id == draft.id)).one()


def _slots_of(session: Session, stop_id: int) -> list[int]:
    query = select(Slot.id).join(Slot.schedule).join(Schedule.mobile_point).where(MobilePoint.stop_id == stop_id)
    return list(session.scalars(query.order_by(Slot.starts_at)))


def _singles(session: Session, actor: Actor, day: date) -> tuple[list[int], int]:
    """Slots that each have something of their own, and the stop that women wait for."""
    stop = factories_booking.stop(session, actor.provider_id, day)
    of = factories_booking.schedule(session, actor.provider_id, day=day, at=stop)
    of.overbooking_reason = "dojazd do ostatniego domu"
    made = [
        factories_booking.slot(session, actor.provider_id, of=of, at=time(9 + number), capacity=capacity)
        for number, capacity in enumerate((1, 1, 2, 1, 1))
    ]
    made[1].extra = 1
    made[3].reserved_for, made[4].reserved_for = Reservation.URGENT, Reservation.TELEPHONE
    session.flush()
    return [slot.id for slot in made], stop.id


def _shared(session: Session, actor: Actor, day: date) -> dict[Path, list[int]]:
    """Two schedules whose slots share the midwife: twelve slots, in which she has time for six women."""
    hours = Interval(local_instant(day, OPENS), local_instant(day, CLOSES))
    minutes = {Path.MAMMOGRAPHY: MINUTES, Path.HPV_LBC: MINUTES, Path.CLASSIC_CYTOLOGY: MINUTES // 2}
    stop = factories_booking.stop(session, actor.provider_id, day)
    mixed = MixedSession(
        provider_id=actor.provider_id,
        stop_id=stop.id,
        day=day,
        starts_at=hours.starts_at,
        ends_at=hours.ends_at,
        content=mixed_sessions.content_of(sessions.Session(hours, minutes, ROOMS, MIDWIFE)),
    )
    session.add(mixed)
    session.flush()
    made: dict[Path, list[int]] = {}
    for path in (Path.MAMMOGRAPHY, Path.HPV_LBC):
        of = factories_booking.schedule(session, actor.provider_id, path, day, at=stop)
        for number in range(6):
            at = (datetime.combine(day, OPENS) + number * timedelta(minutes=MINUTES)).time()
            slot = factories_booking.slot(session, actor.provider_id, of=of, at=at)
            slot.session_id = mixed.id
            made.setdefault(path, []).append(slot.id)
    session.flush()
    slot_places.refresh_session(session, mixed.id)
    return made
