"""Mixed sessions: slots of several paths share rooms and crew, and each booking changes what still fits."""

from datetime import time, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.mixed_sessions import MixedSession
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import Slot
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules import sessions as rules
from mobile_units.rules.admission import BookingChannel
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Path
from mobile_units.rules.sessions import Resource
from mobile_units.rules.slots import Interval
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import OCCUPYING, CancelledBy
from mobile_units.services import mixed_sessions, slot_places, visits
from mobile_units.services.actors import Actor
from mobile_units.services.alternatives import Wish, nearest
from mobile_units.services.visits import Cancellation, Move, NewVisit, PathChange
from mobile_units.transmission import contents, outbox
from tests import factories_booking, factories_transmission
from tests.factories_booking import DAY, NOW
from tests.statements import refused

MINUTES = {Path.MAMMOGRAPHY: 10, Path.HPV_LBC: 20, Path.CLASSIC_CYTOLOGY: 10}
CERVICAL = frozenset({Path.HPV_LBC, Path.CLASSIC_CYTOLOGY})
HOURS = Interval(local_instant(DAY, time(8)), local_instant(DAY, time(10)))
ROOMS = (Resource("mammograf", frozenset({Path.MAMMOGRAPHY})), Resource("gabinet", CERVICAL))
ONE_MIDWIFE = (Resource("położna", frozenset(Path)),)


class Day:
    """A mobile unit with a mammograph and a midwife's room, and slots of two programmes every ten minutes."""

    def __init__(self, session: Session, actor: Actor, crew: tuple[Resource, ...] = ONE_MIDWIFE) -> None:
        """Two hours of slots, all of which fit at first."""
        self.session, self.actor = session, actor
        self.judged = rules.Session(HOURS, MINUTES, ROOMS, crew)
        stop = factories_booking.stop(session, actor.provider_id, DAY)
        content = mixed_sessions.content_of(self.judged)
        self.mixed = MixedSession(
            provider_id=actor.provider_id,
            stop_id=stop.id,
            day=DAY,
            starts_at=HOURS.starts_at,
            ends_at=HOURS.ends_at,
            content=content,
        )
        session.add(self.mixed)
        session.flush()
        self.slots: dict[tuple[Path, time], Slot] = {}
        for path in (Path.MAMMOGRAPHY, Path.HPV_LBC):
            schedule = factories_booking.schedule(session, actor.provider_id, path, DAY, at=stop)
            factories_transmission.hand_over(session, schedule)
            self._add(schedule)
        slot_places.refresh_session(session, self.mixed.id)

    def _add(self, schedule: Schedule) -> None:
        for minutes in range(0, 120, 10):
            at = time(8 + minutes // 60, minutes % 60)
            slot = factories_booking.slot(self.session, self.actor.provider_id, of=schedule, at=at)
            slot.session_id = self.mixed.id
            self.slots[schedule.path, at] = slot
        self.session.flush()

    def book(self, path: Path, at: time) -> Visit:
        """A visit of a new woman in the slot of her programme at that time."""
        place = self.slots[Path.MAMMOGRAPHY if path is Path.MAMMOGRAPHY else Path.HPV_LBC, at]
        woman = factories_booking.woman(self.session, self.actor.provider_id)
        command = NewVisit(woman_id=woman.id, slot_id=place.id, path=path)
        return visits.book(self.session, self.actor, command, NOW)

    def fitting(self) -> set[tuple[Path, time]]:
        """The slots that fit one more, as stored."""
        stored = select(Slot.id).where(Slot.session_id == self.mixed.id, Slot.fits)
        keys = set(self.session.scalars(stored))
        return {name for name, slot in self.slots.items() if slot.id in keys}

    def truth(self) -> set[tuple[Path, time]]:
        """The slots that fit one more, worked out anew from the visits, one by one."""
        query = select(Visit.path, Slot.starts_at).join(Visit.slot)
        query = query.where(Slot.session_id == self.mixed.id, Visit.status.in_(OCCUPYING))
        booked = [self.judged.examination(path, at) for path, at in self.session.execute(query)]
        return {
            name for name, slot in self.slots.items() if rules.one_more(self.judged, booked, name[0], slot.starts_at)
        }


def test_a_booking_shuts_the_slots_for_which_rooms_or_crew_have_no_time(session: Session, actor: Actor) -> None:
    """One midwife does both: her twenty minutes shut the mammograph's slots meanwhile."""
    day = Day(session, actor)
    assert day.fitting() == day.truth()
    visit = day.book(Path.HPV_LBC, time(8, 10))
    shut = {(Path.MAMMOGRAPHY, time(8, 10)), (Path.MAMMOGRAPHY, time(8, 20))}
    assert not shut & day.fitting()
    assert day.fitting() == day.truth()
    with refused("session_full"):
        day.book(Path.MAMMOGRAPHY, time(8, 20))
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))
    assert shut <= day.fitting()


def test_a_full_slot_says_so_though_the_session_is_full_as_well(session: Session, actor: Actor) -> None:
    """The rooms are asked only where nothing else is in the way."""
    day = Day(session, actor)
    day.book(Path.MAMMOGRAPHY, time(9))
    with refused("slot_full"):
        day.book(Path.MAMMOGRAPHY, time(9))


def test_another_path_may_take_more_minutes(session: Session, actor: Actor) -> None:
    """A longer examination is refused where the next one begins; a shorter one makes room."""
    day = Day(session, actor)
    short = day.book(Path.CLASSIC_CYTOLOGY, time(8))
    day.book(Path.MAMMOGRAPHY, time(8, 10))
    with refused("session_full"), session.begin_nested():
        visits.change_path(session, actor, short.id, PathChange(version=short.version, path=Path.HPV_LBC))
    long = day.book(Path.HPV_LBC, time(9))
    visits.change_path(session, actor, long.id, PathChange(version=long.version, path=Path.CLASSIC_CYTOLOGY))
    assert (Path.MAMMOGRAPHY, time(9, 10)) in day.fitting()
    assert day.fitting() == day.truth()


def test_a_path_that_the_rooms_are_not_used_for_is_called_so(session: Session, actor: Actor) -> None:
    """It is no matter of time: neither a booking nor a change of the path has a place there, whenever it is."""
    day = Day(session, actor)
    visit = day.book(Path.HPV_LBC, time(8))
    only = rules.Session(HOURS, {Path.MAMMOGRAPHY: 10, Path.HPV_LBC: 20}, ROOMS, ONE_MIDWIFE)
    day.mixed.content = mixed_sessions.content_of(only)
    session.flush()
    with refused("path_not_in_session"), session.begin_nested():
        visits.change_path(session, actor, visit.id, PathChange(version=visit.version, path=Path.CLASSIC_CYTOLOGY))
    with refused("path_not_in_session"):
        day.book(Path.CLASSIC_CYTOLOGY, time(9))
    lost = day.slots[Path.HPV_LBC, time(9)]
    for path, found in ((Path.CLASSIC_CYTOLOGY, 0), (Path.HPV_LBC, 5)):
        instead = nearest(session, actor, Wish(lost.id, path, BookingChannel.DESK, urgent=False), NOW)
        assert len(instead) == found


def test_a_move_within_the_session_counts_her_once(session: Session, actor: Actor) -> None:
    """Her old time is free for her new one, though both overlap."""
    day = Day(session, actor)
    visit = day.book(Path.HPV_LBC, time(8, 10))
    there = day.slots[Path.HPV_LBC, time(8, 20)]
    visits.move(session, actor, visit.id, Move(version=visit.version, slot_id=there.id), NOW)
    assert day.fitting() == day.truth()


def test_slots_that_fit_no_longer_or_again_are_told(session: Session, actor: Actor) -> None:
    """A slot that would not fit has, for the centre, the places that are taken."""
    day = Day(session, actor)
    mammography = day.slots[Path.MAMMOGRAPHY, time(8, 10)]
    visit = day.book(Path.HPV_LBC, time(8, 10))
    told = select(contents._PLACES).where(Slot.id == mammography.id)
    assert session.scalar(told) == 0
    assert outbox.latest(session, MessageKind.WITHDRAW_SLOTS, mammography.schedule_id) is not None
    for message in session.scalars(select(OutboxMessage).where(OutboxMessage.subject_id == mammography.schedule_id)):
        message.attempts = 1
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))
    again = outbox.latest(session, MessageKind.SAVE_SLOTS, mammography.schedule_id)
    assert again is not None
    assert (again.attempts, session.scalar(told)) == (0, 1)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_fits_is_the_truth_whatever_is_booked_and_cancelled(
    session: Session, actor: Actor, data: st.DataObject
) -> None:
    """After every step the stored answer is that of the rules, and a booking succeeds exactly where it says yes."""
    both = (Resource("technik", frozenset({Path.MAMMOGRAPHY})), Resource("położna", frozenset(Path)))
    with session.begin_nested() as savepoint:
        day = Day(session, actor, data.draw(st.sampled_from([ONE_MIDWIFE, both])))
        made: list[Visit] = []
        for path, at in data.draw(st.lists(st.sampled_from(sorted(day.slots)), min_size=3, max_size=7)):
            if data.draw(st.booleans()) and made:
                visit = made.pop()
                end = Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER)
                visits.cancel(session, actor, visit.id, end)
            free = (path, at) in day.fitting() and day.slots[path, at].id not in {each.slot_id for each in made}
            try:
                with session.begin_nested():
                    made.append(day.book(path, at))
            except DomainError:
                assert not free
            else:
                assert free
            assert day.fitting() == day.truth()
        savepoint.rollback()


def test_a_visit_on_a_path_that_is_held_no_longer_leaves_nothing_to_fit(session: Session, actor: Actor) -> None:
    """The content changed below her: nothing is promised until somebody puts it right."""
    day = Day(session, actor)
    day.book(Path.CLASSIC_CYTOLOGY, time(8))
    without = rules.Session(HOURS, {Path.MAMMOGRAPHY: 10}, ROOMS, ONE_MIDWIFE)
    day.mixed.content = mixed_sessions.content_of(without)
    session.flush()
    slot_places.refresh_session(session, day.mixed.id)
    assert day.fitting() == set()


def test_a_session_is_read_as_it_was_kept(session: Session, actor: Actor) -> None:
    """With its breaks and with whom each room and person serves."""
    pause = Interval(HOURS.starts_at, HOURS.starts_at + timedelta(minutes=10))
    kept = rules.Session(HOURS, MINUTES, ROOMS, ONE_MIDWIFE, (pause,))
    day = Day(session, actor)
    day.mixed.content = mixed_sessions.content_of(kept)
    session.flush()
    assert mixed_sessions.session_of(day.mixed) == kept
