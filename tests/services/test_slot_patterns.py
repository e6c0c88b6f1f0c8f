"""Many slots at once: which ones a pattern means, and what is done with them and told of them.

The stop is that of `test_changes`: Wednesday, 9:00 to 10:00, and Thursday, 8:00 to 10:00, ten minutes a woman.
"""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.models.audit import AuditEntry
from mobile_units.models.itineraries import Stop
from mobile_units.models.slots import SlotStatus
from mobile_units.rules.admission import Reservation
from mobile_units.rules.programmes import Path
from mobile_units.services import slot_patterns, slots
from mobile_units.services.actors import Actor
from mobile_units.services.slot_patterns import PatternAct, PatternCommand, PatternOutcome, SlotPattern
from tests import factories
from tests.factories_planning import MAMMOGRAPHY, THURSDAY, WEDNESDAY, contract
from tests.services.test_changes import NOW, SLOTS, WITHDRAW, accept_all, booked, published, rows, starts, waiting
from tests.statements import refused

BLOCKED = SlotStatus.BLOCKED


@pytest.fixture
def stop(session: Session, actor: Actor) -> Stop:
    """A published stop of two days, handed over."""
    contract(session, actor.provider_id, {MAMMOGRAPHY: 100})
    return published(session, actor)


def command(
    stop: Stop,
    act: PatternAct,
    reserve_for: Reservation | None = None,
    *,
    skip_visits: bool = False,
    **pattern: Any,
) -> PatternCommand:
    """What is to be done with slots of the stop, on both days unless others are named."""
    given: dict[str, Any] = {"first_day": WEDNESDAY, "last_day": THURSDAY, "stop_id": stop.id} | pattern
    return PatternCommand(pattern=SlotPattern(**given), act=act, reserve_for=reserve_for, skip_visits=skip_visits)


def apply(session: Session, actor: Actor, wanted: PatternCommand, now: datetime = NOW) -> PatternOutcome:
    """Does it; the session has to read the slots anew."""
    done = slot_patterns.block_many(session, actor, wanted, now)
    session.expire_all()
    return done


def reserved(session: Session, actor: Actor) -> list[str]:
    """When the slots that are reserved start, in UTC."""
    return [f"{slot.starts_at:%d %H:%M}" for slot in rows(session, actor) if slot.reserved_for]


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ({"last_day": WEDNESDAY, "every": 2}, ["10 08:00", "10 08:20", "10 08:40"]),
        ({"every": 5, "beginning_with": 5}, ["10 08:40", "11 07:40", "11 08:30"]),
        ({"weekdays": [3], "before": time(9, 20)}, ["10 08:00", "10 08:10"]),
        ({"weekdays": [4], "since": time(9, 40)}, ["11 08:40", "11 08:50"]),
        ({"since": time(9), "before": time(9, 10)}, ["10 08:00", "11 08:00"]),
        ({"path": Path.HPV_LBC}, []),
        ({"path": Path.MAMMOGRAPHY, "weekdays": [3, 4], "since": time(9, 50)}, ["10 08:50", "11 08:50"]),
        ({"first_day": date(2027, 3, 12), "last_day": date(2027, 3, 12)}, []),
    ],
)
def test_a_pattern_means_slots_by_polish_time(
    session: Session, actor: Actor, stop: Stop, pattern: dict[str, Any], meant: list[str]
) -> None:
    """Day, weekday and hours are those of the clock in Poland; every n-th slot is counted within them, day by day."""
    done = apply(session, actor, command(stop, PatternAct.BLOCK, **pattern))
    assert starts(session, actor, BLOCKED) == meant
    assert (done.found, done.changed) == (len(meant), len(meant))
    apply(session, actor, command(stop, PatternAct.UNBLOCK, **pattern))
    assert starts(session, actor, BLOCKED) == []


def test_blocking_is_told_and_audited_once_for_what_changed(session: Session, actor: Actor, stop: Stop) -> None:
    """One message for the schedule, one entry for each slot; the second time nothing is left to do."""
    wanted = command(stop, PatternAct.BLOCK, last_day=WEDNESDAY, every=2)
    told = slot_patterns.preview(session, actor, wanted, NOW)
    assert (told, waiting(session, actor)) == (PatternOutcome(3, 3, 0, []), [])
    assert starts(session, actor, BLOCKED) == []
    assert apply(session, actor, wanted) == told
    assert waiting(session, actor) == [WITHDRAW]
    audited = select(AuditEntry.subject_id).where(AuditEntry.action == "block", AuditEntry.subject == "slot")
    assert list(session.scalars(audited)) == [slot.id for slot in rows(session, actor) if slot.status is BLOCKED]
    accept_all(session)
    assert apply(session, actor, wanted).changed == 0
    assert waiting(session, actor) == []
    apply(session, actor, command(stop, PatternAct.UNBLOCK))
    assert waiting(session, actor) == [SLOTS]


def test_slots_with_visits_are_listed_and_skipped_only_when_asked(session: Session, actor: Actor, stop: Stop) -> None:
    """Refused whole, with the visits; or all others are blocked."""
    visit = booked(session, actor, rows(session, actor)[0])
    wanted = command(stop, PatternAct.BLOCK, last_day=WEDNESDAY)
    assert [each.id for each in slot_patterns.preview(session, actor, wanted, NOW).visits] == [visit.id]
    with refused("slots_have_visits"):
        apply(session, actor, wanted)
    done = apply(session, actor, command(stop, PatternAct.BLOCK, last_day=WEDNESDAY, skip_visits=True))
    assert (done.found, done.changed, done.with_visits, len(done.visits)) == (6, 5, 1, 1)
    assert starts(session, actor, BLOCKED) == ["10 08:10", "10 08:20", "10 08:30", "10 08:40", "10 08:50"]


def test_slots_are_held_back_and_released_the_day_before(session: Session, actor: Actor, stop: Stop) -> None:
    """Every sixth for urgent cases, which the centre hears of; visits stay; released are those alone."""
    booked(session, actor, rows(session, actor)[0])
    accept_all(session)
    urgent = command(stop, PatternAct.RESERVE, Reservation.URGENT, every=6)
    assert apply(session, actor, urgent).changed == 3
    assert reserved(session, actor) == ["10 08:00", "11 07:00", "11 08:00"]
    assert waiting(session, actor) == [WITHDRAW]
    accept_all(session)
    telephone = command(stop, PatternAct.RESERVE, Reservation.TELEPHONE, every=6, beginning_with=2)
    assert apply(session, actor, telephone).changed == 3
    accept_all(session)
    release = command(stop, PatternAct.RELEASE, first_day=THURSDAY, reserved_for=Reservation.URGENT)
    assert apply(session, actor, release).changed == 2
    assert reserved(session, actor) == ["10 08:00", "10 08:10", "11 07:10", "11 08:10"]
    assert waiting(session, actor) == [SLOTS]
    accept_all(session)
    assert apply(session, actor, command(stop, PatternAct.RESERVE, Reservation.CENTRAL)).changed == 18
    assert waiting(session, actor) == [SLOTS]


def test_what_has_begun_or_is_gone_is_not_meant(session: Session, actor: Actor, stop: Stop) -> None:
    """Nor are slots of another provider, another stop or another place."""
    orphaned, withdrawn = rows(session, actor)[6:8]
    booked(session, actor, orphaned)
    slots.withdraw(session, actor, [orphaned.id, withdrawn.id], NOW, orphan=True)
    later = datetime(2027, 3, 11, 8, 39, tzinfo=UTC)
    assert apply(session, actor, command(stop, PatternAct.BLOCK), later).changed == 2
    assert starts(session, actor, BLOCKED) == ["11 08:40", "11 08:50"]
    stranger = Actor(factories.provider(session).id)
    assert slot_patterns.preview(session, stranger, command(stop, PatternAct.BLOCK), NOW).found == 0
    place = orphaned.service_place_id
    for where, count in (
        ({"stop_id": stop.id + 1}, 0),
        ({"stop_id": None, "service_place_id": place}, 16),
        ({"stop_id": None, "service_place_id": place + 1}, 0),
    ):
        assert slot_patterns.preview(session, actor, command(stop, PatternAct.BLOCK, **where), NOW).found == count


def test_the_days_of_a_pattern_are_a_period(session: Session, actor: Actor, stop: Stop) -> None:
    """Neither reversed nor too long."""
    with refused("ends_before_start"):
        apply(session, actor, command(stop, PatternAct.BLOCK, first_day=date(2027, 3, 12)))
    with refused("period_too_long"):
        apply(session, actor, command(stop, PatternAct.BLOCK, last_day=date(2029, 3, 12)))
