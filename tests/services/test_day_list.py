"""The list of a day: complete, in order of time, told apart, audited, and the paper that is made of it."""

import json
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import typst
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import SlotStatus
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.rules.admission import Reservation
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.services import day_list, day_list_paper
from mobile_units.services.actors import Actor
from mobile_units.services.day_list import DayList, Mark, Place
from tests import factories
from tests.factories_booking import DAY, NOW, slot
from tests.factories_day import booked, place_day, stop_day

HOSTILE = "*x* #panic() $y$ _z_ <b>&amp; \\ // `raw` @ref [a] = -- ' \""


@pytest.fixture
def stop(session: Session, actor: Actor) -> tuple[int, Schedule]:
    """A stop of one day, without slots yet."""
    return stop_day(session, actor.provider_id)


def read(session: Session, actor: Actor, stop: tuple[int, Schedule], now: datetime = NOW) -> DayList:
    """The list as it is read afterwards."""
    session.flush()
    session.expire_all()
    return day_list.at_stop(session, actor, stop[0], DAY, now)


def test_every_place_of_the_day_is_listed_in_order_of_time(
    session: Session, actor: Actor, stop: tuple[int, Schedule]
) -> None:
    """Women first in their slot, then a line for each place left; nothing of other days and of cancelled visits."""
    of = stop[1]
    of.crew = "położna i technik"
    late, early = booked(session, of, time(10)), booked(session, of, time(8))
    wide = slot(session, actor.provider_id, of=of, at=time(9), capacity=3)
    early.slot.capacity = 2
    gone = booked(session, of, time(11))
    gone.status, gone.cancelled_by, gone.slot.taken = VisitStatus.CANCELLED, CancelledBy.WOMAN, 0
    slot(session, actor.provider_id, of=of, at=time(12)).status = SlotStatus.WITHDRAWN
    booked(session, stop_day(session, actor.provider_id, DAY + timedelta(days=1))[1])
    found = read(session, actor, stop)
    lines = [(line.starts_at.hour, line.booked and line.booked.visit_id) for line in found.lines]
    assert lines == [(7, early.id), (7, None), *[(8, None)] * 3, (9, late.id), (10, None)]
    assert found.lines[2].slot_id == wide.id
    assert (found.name, found.crew, found.free) == ("Wieluń, Plac Legionów", ["położna i technik"], 5)
    assert found.where == ["przy Urzędzie Gminy"]
    assert [(each.starts_at.hour, each.ends_at.hour) for each in found.hours] == [(7, 15)]


def test_a_line_without_a_woman_says_whose_place_it_is(
    session: Session, actor: Actor, stop: tuple[int, Schedule]
) -> None:
    """Blocked and reserved places and those kept for the waiting list; none where nobody more can be examined."""
    made = [slot(session, actor.provider_id, of=stop[1], at=time(8 + n)) for n in range(6)]
    made[1].status = SlotStatus.BLOCKED
    made[2].reserved_for = Reservation.URGENT
    made[3].kept_for_waiting = True
    made[4].fits = False
    left = booked(session, stop[1], time(14))
    left.slot.status, left.slot.capacity = SlotStatus.ORPHANED, 2
    found = read(session, actor, stop)
    places = [line.place for line in found.lines if line.booked is None]
    assert places == [Place.FREE, Place.BLOCKED, Place.RESERVED, Place.WAITING_LIST, Place.FREE]
    assert found.free == 2
    assert [day_list_paper.free_in_words(line) for line in found.lines[:4]] == [
        "wolne", "zablokowane", "tylko przypadki pilne", "dla listy oczekujących"
    ]  # fmt: skip


def test_what_the_crew_should_know_is_marked(session: Session, actor: Actor, stop: tuple[int, Schedule]) -> None:
    """Urgent, above the capacity and why, a rule set aside, confirmed, and whether we examined her before."""
    stop[1].overbooking_reason = "druga położna od 12:00"
    told, plain = booked(session, stop[1], time(8), status=VisitStatus.CONFIRMED), booked(session, stop[1], time(9))
    told.urgent, told.overbooked, told.override_reason = True, True, "po leczeniu"
    earlier = booked(session, stop_day(session, actor.provider_id, DAY - timedelta(days=400))[1])
    earlier.woman, earlier.status = plain.woman, VisitStatus.PERFORMED
    first, second = read(session, actor, stop).booked
    assert first.marks == [Mark.URGENT, Mark.OVERBOOKED, Mark.OVERRIDDEN, Mark.FIRST_TIME, Mark.CONFIRMED]
    assert second.marks == []
    words = day_list_paper.content(read(session, actor, stop))["lines"][0]["woman"]["marks"]
    assert "nadliczbowa: druga położna od 12:00" in words
    assert "leczeniu" not in str(words), "the reason may tell of her health"


def test_a_reservation_is_listed_until_it_expires(session: Session, actor: Actor, stop: tuple[int, Schedule]) -> None:
    """Then its place is free, even before somebody tidies up."""
    held = booked(session, stop[1])
    held.status, held.held_until = VisitStatus.HELD, NOW + timedelta(minutes=10)
    assert read(session, actor, stop).booked[0].marks == [Mark.FIRST_TIME, Mark.HELD]
    later = read(session, actor, stop, NOW + timedelta(minutes=10))
    assert [line.place for line in later.lines] == [Place.FREE]
    assert later.booked == []


def test_only_namesakes_of_one_year_are_told_apart_by_digits(
    session: Session, actor: Actor, stop: tuple[int, Schedule]
) -> None:
    """Two with the same name and year get the last digits of their numbers, as many as it takes; others none."""
    same, other = (
        booked(session, stop[1], time(8), ("Anna", "Próba")),
        booked(session, stop[1], time(9), ("ANNA", "Próba")),
    )
    booked(session, stop[1], time(10), ("Maria", "Próba"))
    found = [each.identity_end for each in read(session, actor, stop).booked]
    assert found == [f"PESEL …{same.woman.identity_number[-4:]}", f"PESEL …{other.woman.identity_number[-4:]}", None]
    same.woman.identity_number, other.woman.identity_number = "70051712345", "70051792345"
    assert [each.identity_end for each in read(session, actor, stop).booked][:2] == ["PESEL …12345", "PESEL …92345"]
    assert same.woman.identity_number not in json.dumps(day_list_paper.content(read(session, actor, stop)))


def test_every_woman_on_the_list_is_noted_as_read(session: Session, actor: Actor, stop: tuple[int, Schedule]) -> None:
    """Once for each reading."""
    women = [booked(session, stop[1], time(8 + n)).woman_id for n in range(3)]
    read(session, actor, stop)
    session.flush()
    own = AuditEntry.provider_id == actor.provider_id, AuditEntry.action == "read", AuditEntry.subject == "woman"
    assert session.scalars(select(AuditEntry.subject_id).where(*own).order_by(AuditEntry.id)).all() == sorted(women)


def test_a_stationary_place_has_a_list_and_a_mobile_one_has_not(session: Session, actor: Actor) -> None:
    """What a mobile place does is listed by its stops."""
    key, of = place_day(session, actor.provider_id)
    expected = booked(session, of)
    found = day_list.at_place(session, actor, key, DAY, NOW)
    assert [each.visit_id for each in found.booked] == [expected.id]
    assert (found.unit, found.where, len(found.hours)) == (None, ["Łódź, ul. Próbna 1"], 1)
    _, mobile = stop_day(session, actor.provider_id)
    with pytest.raises(DomainError, match="not_found"):
        day_list.at_place(session, actor, mobile.service_place_id, DAY, NOW)


def test_another_provider_is_told_that_there_is_nothing(session: Session, actor: Actor) -> None:
    """Neither of stops nor of places nor of visits."""
    stranger = Actor(factories.provider(session).id)
    (stop_id, of), (place_id, _) = stop_day(session, actor.provider_id), place_day(session, actor.provider_id)
    visit = booked(session, of)
    with pytest.raises(DomainError, match="not_found"):
        day_list.at_stop(session, stranger, stop_id, DAY, NOW)
    with pytest.raises(DomainError, match="not_found"):
        day_list.at_place(session, stranger, place_id, DAY, NOW)
    assert day_list.of_visits(session, stranger, [visit.id]) == {}


def test_a_day_taken_from_a_stop_still_shows_its_visits(
    session: Session, actor: Actor, stop: tuple[int, Schedule]
) -> None:
    """Somebody has to know whom to call; there are no hours."""
    visit = booked(session, stop[1])
    assert visit.slot.schedule.mobile_point is not None
    visit.slot.schedule.mobile_point.stop.days.clear()
    found = read(session, actor, stop)
    assert (found.hours, len(found.booked)) == ([], 1)
    assert b"%PDF-" in day_list_paper.pdf(found)[:8]


def drawn(found: DayList) -> list[bytes]:
    """The pages as pictures."""
    inputs = {"list": json.dumps(day_list_paper.content(found))}
    pages: Any = typst.compile(
        day_list_paper.TEMPLATE, sys_inputs=inputs, ignore_system_fonts=True, format="png", ppi=30.0
    )
    return pages if isinstance(pages, list) else [pages]


def test_names_are_printed_letter_by_letter(session: Session, actor: Actor, stop: tuple[int, Schedule]) -> None:
    """No name is taken for an instruction of the typesetter, and the longest takes lines and not the page."""
    visit = booked(session, stop[1], names=(HOSTILE, HOSTILE))
    visit.woman.telephone = "#panic()" * 20
    found = read(session, actor, stop)
    assert day_list_paper.content(found)["lines"][0]["woman"]["name"] == f"{HOSTILE} {HOSTILE}"
    pictures = set()
    for name in ("*x*", "_x_", "x", "#x", "W" * 200):
        visit.woman.family_name = name
        [page] = drawn(read(session, actor, stop))
        pictures.add(page)
    assert len(pictures) == 5, "each is printed as it is written"


def test_sixty_women_go_over_pages(session: Session, actor: Actor, stop: tuple[int, Schedule]) -> None:
    """Few enough on each that an older midwife reads them at arm's length."""
    booked(session, stop[1])
    found = read(session, actor, stop)
    assert 4 <= len(drawn(replace(found, lines=[*found.lines] * 60))) <= 6


def test_recorded_attendance_is_printed_as_crosses(session: Session, actor: Actor, stop: tuple[int, Schedule]) -> None:
    """With the reason that was noted last."""
    visit = booked(session, stop[1], status=VisitStatus.NOT_PERFORMED)
    for reason in ("pierwszy wpis", "ból"):
        session.add(VisitChange(visit_id=visit.id, to_status=VisitStatus.NOT_PERFORMED, reason=reason))
        session.flush()
    woman = day_list_paper.content(read(session, actor, stop))["lines"][0]["woman"]
    assert (woman["outcome"], woman["reason"]) == (2, "ból")


@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2027, 10, 31)])
def test_a_day_with_a_clock_change_is_listed_whole(session: Session, actor: Actor, day: date) -> None:
    """From midnight to midnight in Poland."""
    stop_id, of = stop_day(session, actor.provider_id, day)
    times = (time(0), time(9), time(23, 50))
    made: list[Visit] = [booked(session, of, at) for at in times]
    found = day_list.at_stop(session, actor, stop_id, day, NOW)
    assert [each.visit_id for each in found.booked] == [visit.id for visit in made]
    assert [line["time"] for line in day_list_paper.content(found)["lines"]] == ["0:00", "9:00", "23:50"]
    assert found.may_record is False
    assert day_list.at_stop(session, actor, stop_id, day, local_instant(day, time(0))).may_record
