"""Attendance filled in from paper: each row for itself, nothing lost, nobody locked out."""

from datetime import datetime, time, timedelta

import pytest
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.transmissions import OutboxMessage
from mobile_units.models.visits import Visit
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.services import attendance
from mobile_units.services.actors import Actor
from mobile_units.services.attendance import Attendance, Recorded
from mobile_units.transmission import outbox
from tests import factories
from tests.factories_booking import DAY
from tests.factories_day import booked, stop_day

EVENING = local_instant(DAY, time(18))


@pytest.fixture
def visits(session: Session, actor: Actor) -> list[Visit]:
    """Four women of one stop."""
    _, of = stop_day(session, actor.provider_id)
    return [booked(session, of, time(8 + n)) for n in range(4)]


def row(visit: Visit, status: VisitStatus, **values: object) -> Attendance:
    """A row of the paper; what is not given is as it was read."""
    return Attendance(**{"visit_id": visit.id, "version": visit.version, "status": status} | values)  # type: ignore[arg-type]  # the callers' care


def record(session: Session, actor: Actor, *rows: Attendance, now: datetime = EVENING) -> Recorded:
    """Records and reads anew."""
    done = attendance.record(session, actor, rows, now)
    session.flush()
    session.expire_all()
    return done


def told(session: Session, visit: Visit) -> OutboxMessage | None:
    """What the central system is to be told of a visit."""
    return outbox.latest(session, MessageKind.SAVE_VISIT, visit.id)


def test_all_rows_are_recorded_at_once(session: Session, actor: Actor, visits: list[Visit]) -> None:
    """With the reason, and what the central system tells apart is passed on."""
    wanted = (VisitStatus.PERFORMED, VisitStatus.NOT_PERFORMED, VisitStatus.NO_SHOW, VisitStatus.ARRIVED)
    rows = [row(visit, status) for visit, status in zip(visits, wanted, strict=True)]
    done = record(session, actor, rows[0], row(visits[1], wanted[1], reason="ból"), *rows[2:])
    assert (len(done.visits), done.refused) == (4, [])
    assert tuple(visit.status for visit in visits) == wanted
    assert visits[1].changes[-1].reason == "ból"
    assert [told(session, visit) is not None for visit in visits] == [True, True, True, False]


def test_a_row_that_changed_meanwhile_keeps_nothing_else_from_being_recorded(
    session: Session, actor: Actor, visits: list[Visit]
) -> None:
    """It is told with its code and stays as somebody else left it; the row with it is undone whole."""
    first, second, third, fourth = visits
    rows = [row(visit, VisitStatus.PERFORMED) for visit in visits]
    record(session, actor, row(second, VisitStatus.NO_SHOW))
    third.status, third.cancelled_by = VisitStatus.CANCELLED, CancelledBy.WOMAN
    session.flush()
    rows[2] = row(third, VisitStatus.PERFORMED)
    done = record(session, actor, *rows)
    assert [(each.row.visit_id, each.refusal.code) for each in done.refused] == [
        (second.id, "stale_version"), (third.id, "transition_not_allowed")
    ]  # fmt: skip
    found = [visit.status for visit in (first, second, third, fourth)]
    assert found == [VisitStatus.PERFORMED, VisitStatus.NO_SHOW, VisitStatus.CANCELLED, VisitStatus.PERFORMED]


def test_a_woman_who_booked_anew_cannot_be_active_twice(session: Session, actor: Actor, visits: list[Visit]) -> None:
    """She was noted as absent, booked again, and now came after all: the database refuses that row alone."""
    absent, other = visits[0], visits[1]
    record(session, actor, row(absent, VisitStatus.NO_SHOW))
    anew = booked(session, stop_day(session, actor.provider_id, DAY + timedelta(days=7))[1])
    anew.woman = absent.woman
    session.flush()
    done = record(session, actor, row(absent, VisitStatus.ARRIVED), row(other, VisitStatus.PERFORMED))
    assert [each.refusal.code for each in done.refused] == ["parallel_visit"]
    assert (absent.status, other.status) == (VisitStatus.NO_SHOW, VisitStatus.PERFORMED)


def test_nothing_is_recorded_before_its_day(session: Session, actor: Actor, visits: list[Visit]) -> None:
    """Each row is told so."""
    done = record(session, actor, row(visits[0], VisitStatus.ARRIVED), now=EVENING - timedelta(days=1))
    assert [each.refusal.code for each in done.refused] == ["too_early"]
    assert visits[0].status is VisitStatus.BOOKED


def test_visits_of_others_are_not_found(session: Session, visits: list[Visit]) -> None:
    """And stay as they are."""
    stranger = Actor(factories.provider(session).id)
    done = record(session, stranger, row(visits[0], VisitStatus.PERFORMED))
    assert [each.refusal.code for each in done.refused] == ["not_found"]
    assert visits[0].status is VisitStatus.BOOKED


def test_a_visit_in_two_rows_is_a_mistake(session: Session, actor: Actor, visits: list[Visit]) -> None:
    """Nobody knows which of them counts."""
    rows = [row(visits[0], VisitStatus.PERFORMED), row(visits[0], VisitStatus.NO_SHOW)]
    with pytest.raises(DomainError, match="given_twice"):
        attendance.record(session, actor, rows, EVENING)
