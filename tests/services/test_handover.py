"""What the pages of the hand-over show of changes and differences, and how much waits for whom."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from mobile_units.models.inbound import InboundState
from mobile_units.models.initial_loads import LoadedRowState
from mobile_units.models.slots import SlotStatus
from mobile_units.models.transmissions import MessageState
from mobile_units.rules.roles import Role
from mobile_units.rules.visits import VisitStatus
from mobile_units.services import handover, inbound
from mobile_units.services.actors import Actor
from mobile_units.services.handover import Conflict
from mobile_units.services.queries import Paging
from mobile_units.transmission.messages import CentralChange, CentralStatus, ObjectId, UnreadableChange
from tests import factories, factories_booking, factories_inbound, factories_log, factories_transmission
from tests.factories_booking import NOW
from tests.statements import counted


def waits(session: Session, actor: Actor, change: CentralChange | UnreadableChange) -> Conflict:
    """How a change that cannot be taken over is shown; the last of the list."""
    received = inbound.receive(session, actor, factories_inbound.kept(session, actor, change), NOW)
    assert received.state is InboundState.CONFLICT
    return handover.conflicts(session, actor, Paging()).items[-1]


def test_a_conflict_tells_where_and_when_without_the_woman(session: Session, actor: Actor) -> None:
    """The slot by its identifier, the reason in words, and no patient even in a repr."""
    slot = factories_booking.slot(session, actor.provider_id)
    slot.status = SlotStatus.BLOCKED
    shown = waits(session, actor, factories_inbound.booked(session, actor, slot))
    assert shown.there is not None
    assert shown.there.slot is not None
    assert (shown.there.slot.starts_at, shown.there.slot.point) == (slot.starts_at, "Wieluń, Plac Legionów")
    assert (shown.there.status, shown.here, shown.moved) == (VisitStatus.BOOKED, None, False)
    assert (shown.code, shown.reason_pl) == ("slot_not_open", "Termin jest zablokowany.")
    assert shown.way_out_pl.startswith("Wybierz inny termin")
    assert shown.patient is None
    known = handover.conflict_with_woman(session, actor, shown.id)
    assert known.patient is not None
    assert known.patient.family_name == "Zmyślona"
    assert "Zmyślona" not in repr(known)


def test_a_slot_that_is_not_ours_is_no_place(session: Session, actor: Actor) -> None:
    """Neither one that is no UUID nor one of another provider; a way out that needs facts is left out."""
    other = factories_booking.slot(session, factories.provider(session).id)
    own = factories_booking.slot(session, actor.provider_id)
    change = factories_inbound.booked(session, actor, own)
    for extension in ("12", str(other.uuid)):
        strange = replace(change.visit, slot=ObjectId(change.visit.slot.root, extension))
        change = replace(change, at=change.at + timedelta(minutes=1), visit=strange)
        shown = waits(session, actor, change)
        assert shown.there is not None
        assert (shown.code, shown.there.slot) == ("slot_unknown", None)
        assert "{" not in shown.way_out_pl


def test_a_visit_that_the_centre_moved_is_told_as_moved(session: Session, actor: Actor) -> None:
    """Here at one time, there at another."""
    visit = factories_log.visit(session, actor.provider_id, passed_at=NOW)
    full = factories_booking.slot(session, actor.provider_id, day=factories_booking.DAY + timedelta(days=1))
    full.taken = 1
    there = factories_inbound.held_there(session, actor, visit)
    hers = factories_inbound.then(there, slot=factories_inbound.slot_id(session, actor, full))
    shown = waits(session, actor, hers)
    assert shown.moved
    assert shown.here is not None
    assert shown.here.starts_at == visit.slot.starts_at
    over = factories_inbound.then(hers, status=CentralStatus.PERFORMED)
    there_now = waits(session, actor, over).there
    assert there_now is not None
    assert there_now.status is VisitStatus.PERFORMED


def test_a_change_that_cannot_be_read_is_shown_as_far_as_it_can_be(session: Session, actor: Actor) -> None:
    """Our visit if it is named; what was told only to whom asks for the woman."""
    visit = factories_log.visit(session, actor.provider_id, passed_at=NOW)
    named = factories_inbound.held_there(session, actor, visit).visit.identifier
    odd = factories_inbound.unreadable(named, NOW)
    shown = waits(session, actor, odd)
    assert (shown.code, shown.there, shown.moved, shown.unknown) == ("change_unreadable", None, False, ["changed_by"])
    assert shown.here is not None
    assert shown.xml is None
    known = handover.conflict_with_woman(session, actor, shown.id)
    assert (known.patient, known.xml) == (None, odd.xml)
    assert "Zmyślona" not in repr(known)


@pytest.mark.parametrize(("role", "count"), [(Role.COORDINATOR, 3), (Role.MIDWIFE, 1), (Role.ADMINISTRATOR, 3)])
def test_what_waits_is_counted_by_role(session: Session, actor: Actor, role: Role, count: int) -> None:
    """Rejected messages and a halt, conflicts, refused rows of visits that still are to be passed."""
    slot = factories_booking.slot(session, actor.provider_id)
    slot.status = SlotStatus.BLOCKED
    waits(session, actor, factories_inbound.booked(session, actor, slot))
    factories_log.message(session, actor.provider_id, MessageState.REJECTED)
    factories_log.message(session, actor.provider_id, MessageState.GIVEN_UP)
    factories_log.link(session, actor.provider_id, halted_at=NOW, halted_reason="wygasł")
    statuses = (VisitStatus.BOOKED, VisitStatus.NO_SHOW, VisitStatus.BOOKED)
    visits = [factories_log.visit(session, actor.provider_id, status=status) for status in statuses]
    visits[2].passed_at = NOW
    for row in factories_transmission.load_chunk(session, visits).rows:
        row.state, row.code = LoadedRowState.REFUSED, "x"
    session.flush()
    factories_log.message(session, factories.provider(session).id, MessageState.REJECTED)
    assert handover.waiting(session, replace(actor, roles=frozenset({role}))) == count
    (load,) = handover.loads(session, actor)
    assert [row.row for row in load.to_correct] == [2, 3]


def test_a_list_is_read_in_as_many_statements_as_one_item(session: Session, actor: Actor) -> None:
    """However many changes wait."""
    counts = []
    for _ in range(3):
        slot = factories_booking.slot(session, actor.provider_id)
        slot.status = SlotStatus.BLOCKED
        waits(session, actor, factories_inbound.booked(session, actor, slot))
        session.expire_all()
        with counted(session.connection()) as statements:
            handover.conflicts(session, actor, Paging())
        counts.append(len(statements))
    assert len(set(counts)) == 1
