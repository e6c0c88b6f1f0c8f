"""Booking and the life of a visit: the right woman, a place that is hers, and everything passed on in order."""

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile_units.errors import DomainError
from mobile_units.models.audit import AuditEntry
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import MessageState, OutboxDependency, OutboxMessage
from mobile_units.models.visits import Visit, VisitChange
from mobile_units.models.women import Woman
from mobile_units.rules.calendar import local_instant
from mobile_units.rules.programmes import Mobility, Path, Programme, Setting
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.services import slot_search, visits
from mobile_units.services.actors import Actor
from mobile_units.services.visits import Cancellation, Move, NewVisit, PathChange, StatusChange, VisitFilter
from mobile_units.transmission import outbox
from tests import factories, factories_booking
from tests.factories_booking import DAY, NOW
from tests.statements import counted, refused

STATEMENTS_OF_A_BOOKING = 5
"""Her row, all that is asked, the place, the visit with its history, and its message with what must go before."""
TOO_YOUNG = date(2000, 1, 1)


def slot(session: Session, actor: Actor, path: Path = Path.MAMMOGRAPHY, capacity: int = 1) -> Slot:
    """A slot on a schedule of its own."""
    return factories_booking.slot(session, actor.provider_id, path, capacity=capacity)


def woman(session: Session, actor: Actor, born: date = date(1970, 5, 17)) -> Woman:
    """A woman of 57 unless told otherwise."""
    return factories_booking.woman(session, actor.provider_id, born)


def booked(session: Session, actor: Actor, path: Path = Path.MAMMOGRAPHY, **terms: object) -> Visit:
    """A visit of a new woman in a new slot."""
    who, where = woman(session, actor), slot(session, actor, path)
    command = NewVisit(woman_id=who.id, slot_id=where.id, path=path, **terms)  # type: ignore[arg-type]  # terms of NewVisit
    return visits.book(session, actor, command, NOW)


def midwife(session: Session, actor: Actor) -> Actor:
    """A midwife of the same provider."""
    user = factories.user(session, actor.provider_id, [Role.MIDWIFE])
    return Actor(actor.provider_id, user.id, frozenset({Role.MIDWIFE}))


def taken(session: Session, slot_id: int) -> int | None:
    """Places taken, as stored."""
    return session.scalar(select(Slot.taken).where(Slot.id == slot_id))


def history(session: Session, visit: Visit) -> list[tuple[VisitStatus | None, VisitStatus]]:
    """The recorded changes, in order."""
    query = select(VisitChange).where(VisitChange.visit_id == visit.id).order_by(VisitChange.id)
    return [(change.from_status, change.to_status) for change in session.scalars(query)]


def messages(session: Session, *of: Visit) -> list[tuple[MessageKind, int]]:
    """Kind and visit of the messages about visits, in the order in which they were stored."""
    kinds = (MessageKind.SAVE_VISIT, MessageKind.CANCEL_VISIT)
    query = select(OutboxMessage).where(
        OutboxMessage.kind.in_(kinds), OutboxMessage.subject_id.in_([visit.id for visit in of])
    )
    return [(message.kind, message.subject_id) for message in session.scalars(query.order_by(OutboxMessage.id))]


def required(session: Session, kind: MessageKind, visit: Visit) -> set[tuple[MessageKind, int]]:
    """What the newest message of a kind about a visit waits for."""
    message = outbox.latest(session, kind, visit.id)
    assert message is not None
    query = select(OutboxMessage).join(OutboxDependency, OutboxDependency.requires_id == OutboxMessage.id)
    found = session.scalars(query.where(OutboxDependency.message_id == message.id))
    return {(each.kind, each.subject_id) for each in found}


def accept(session: Session, visit: Visit) -> None:
    """The central system takes all that was stored about a visit."""
    for message in session.scalars(select(OutboxMessage).where(OutboxMessage.subject_id == visit.id)):
        message.state, message.attempts = MessageState.ACCEPTED, 1
    session.flush()


def save_slots(session: Session, actor: Actor, of: Slot) -> None:
    """The message that hands over the slots of a schedule waits in the outbox."""
    outbox.enqueue(
        session,
        provider_id=actor.provider_id,
        kind=MessageKind.SAVE_SLOTS,
        subject_id=of.schedule_id,
        service_day=DAY,
    )


def test_a_booking_takes_one_place_and_is_passed_on(session: Session, actor: Actor) -> None:
    """The visit has its range and rule, its history begins, and its message waits for that of the slots."""
    who, where = woman(session, actor), slot(session, actor, capacity=2)
    save_slots(session, actor, where)
    visit = visits.book(session, actor, NewVisit(woman_id=who.id, slot_id=where.id, path=Path.MAMMOGRAPHY), NOW)
    assert (visit.status, visit.programme, visit.urgent) == (VisitStatus.BOOKED, Programme.BREAST, False)
    assert visit.contract_range.product_code == "10.7940.159.02"
    assert visit.eligibility_rule_id is not None
    assert taken(session, where.id) == 1
    assert history(session, visit) == [(None, VisitStatus.BOOKED)]
    assert messages(session, visit) == [(MessageKind.SAVE_VISIT, visit.id)]
    assert required(session, MessageKind.SAVE_VISIT, visit) == {(MessageKind.SAVE_SLOTS, where.schedule_id)}


def test_the_message_is_due_by_the_polish_day_of_the_slot(session: Session, actor: Actor) -> None:
    """A slot at half past midnight counts for its Polish day, not for the day before in UTC."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    night = factories_booking.slot(session, actor.provider_id, of=schedule, at=time(0, 30))
    who = woman(session, actor)
    visit = visits.book(session, actor, NewVisit(woman_id=who.id, slot_id=night.id, path=Path.MAMMOGRAPHY), NOW)
    message = outbox.latest(session, MessageKind.SAVE_VISIT, visit.id)
    assert message is not None
    assert message.service_day == DAY


def test_a_booking_sends_a_fixed_number_of_statements(session: Session, actor: Actor) -> None:
    """It does not grow with what is stored; who adds a statement raises the number here and says why."""
    who, where = woman(session, actor), slot(session, actor)
    command = NewVisit(woman_id=who.id, slot_id=where.id, path=Path.MAMMOGRAPHY, idempotency_key="eight-letters")
    session.expire_all()
    with counted(session.connection()) as sent:
        visits.book(session, actor, command, NOW)
    assert len(sent) <= STATEMENTS_OF_A_BOOKING, "\n".join(sent)


def test_a_full_slot_takes_nobody(session: Session, actor: Actor) -> None:
    """The second woman is refused and nothing of hers is stored."""
    where = slot(session, actor)
    first, second = woman(session, actor), woman(session, actor)
    visits.book(session, actor, NewVisit(woman_id=first.id, slot_id=where.id, path=Path.MAMMOGRAPHY), NOW)
    with refused("slot_full"):
        visits.book(session, actor, NewVisit(woman_id=second.id, slot_id=where.id, path=Path.MAMMOGRAPHY), NOW)
    assert session.scalars(select(Visit).where(Visit.woman_id == second.id)).all() == []
    assert taken(session, where.id) == 1


def test_a_blocked_slot_and_a_past_one_take_nobody(session: Session, actor: Actor) -> None:
    """A slot is past from the instant at which it begins."""
    who, where = woman(session, actor), slot(session, actor)
    command = NewVisit(woman_id=who.id, slot_id=where.id, path=Path.MAMMOGRAPHY)
    with refused("slot_in_the_past"):
        visits.book(session, actor, command, where.starts_at)
    where.status = SlotStatus.BLOCKED
    session.flush()
    with refused("slot_not_open"):
        visits.book(session, actor, command, NOW)


def test_a_woman_has_one_visit_in_a_programme(session: Session, actor: Actor) -> None:
    """A second one is refused by the database, one in the other programme is not."""
    visit = booked(session, actor)
    other = slot(session, actor, Path.HPV_LBC)
    visits.book(session, actor, NewVisit(woman_id=visit.woman_id, slot_id=other.id, path=Path.HPV_LBC), NOW)
    again = slot(session, actor)
    with refused("parallel_visit"):
        visits.book(session, actor, NewVisit(woman_id=visit.woman_id, slot_id=again.id, path=Path.MAMMOGRAPHY), NOW)


def test_the_path_belongs_to_the_programme_of_the_slot(session: Session, actor: Actor) -> None:
    """A mammography slot takes no cytology; a cytology slot takes an HPV test, under that test's code."""
    who, breast, cervical = woman(session, actor), slot(session, actor), slot(session, actor, Path.CLASSIC_CYTOLOGY)
    with refused("path_not_of_programme"):
        visits.book(session, actor, NewVisit(woman_id=who.id, slot_id=breast.id, path=Path.HPV_LBC), NOW)
    visit = visits.book(session, actor, NewVisit(woman_id=who.id, slot_id=cervical.id, path=Path.HPV_LBC), NOW)
    assert (visit.path, visit.contract_range.product_code) == (Path.HPV_LBC, "01.0034.102.01")


@pytest.mark.parametrize(
    ("path", "place", "code"),
    [
        (Path.MAMMOGRAPHY, (Mobility.MOBILE, None), "10.7940.159.02"),
        (Path.MAMMOGRAPHY, (Mobility.STATIONARY, None), "10.7940.158.02"),
        (Path.CLASSIC_CYTOLOGY, (Mobility.MOBILE, Setting.POZ), "01.0034.101.01"),
        (Path.HPV_LBC, (Mobility.STATIONARY, Setting.POZ), "01.0034.102.01"),
        (Path.CLASSIC_CYTOLOGY, (Mobility.STATIONARY, Setting.AOS), "02.1450.101.02"),
        (Path.HPV_LBC, (Mobility.MOBILE, Setting.AOS), "02.1450.102.02"),
    ],
)
def test_the_product_code_follows_from_path_and_place(
    session: Session, actor: Actor, path: Path, place: tuple[Mobility, Setting | None], code: str
) -> None:
    """Mobility and setting of the service place decide."""
    made = factories_booking.service_place(session, actor.provider_id, path.programme, *place)
    schedule = factories_booking.schedule(session, actor.provider_id, path, place=made)
    where = factories_booking.slot(session, actor.provider_id, of=schedule)
    command = NewVisit(woman_id=woman(session, actor).id, slot_id=where.id, path=path)
    assert visits.book(session, actor, command, NOW).contract_range.product_code == code


def test_without_a_contract_for_the_path_there_is_no_booking(session: Session, actor: Actor) -> None:
    """The visit could not be settled, so it is refused with the reason."""
    factories_booking.contract(session, actor.provider_id, ["01.0034.101.01"])
    who, where = woman(session, actor), slot(session, actor, Path.CLASSIC_CYTOLOGY)
    with refused("no_contracted_range"):
        visits.book(session, actor, NewVisit(woman_id=who.id, slot_id=where.id, path=Path.HPV_LBC), NOW)


def test_eligibility_is_asked_for_the_day_of_the_slot(session: Session, actor: Actor) -> None:
    """A woman who comes of age with the new year is refused in December and booked in January."""
    who = woman(session, actor, date(1983, 12, 31))
    early = factories_booking.slot(session, actor.provider_id, day=date(2027, 12, 30))
    late = factories_booking.slot(session, actor.provider_id, day=date(2028, 1, 3))
    with pytest.raises(DomainError, match="not_eligible") as caught:
        visits.book(session, actor, NewVisit(woman_id=who.id, slot_id=early.id, path=Path.MAMMOGRAPHY), NOW)
    assert caught.value.facts["next_eligible_en"] == "2028-01-01"
    assert visits.book(session, actor, NewVisit(woman_id=who.id, slot_id=late.id, path=Path.MAMMOGRAPHY), NOW)


def test_a_midwife_may_override_with_a_reason(session: Session, actor: Actor) -> None:
    """The reason and the rule set aside are stored; nobody else may do it."""
    who, where = woman(session, actor, TOO_YOUNG), slot(session, actor)
    command = NewVisit(woman_id=who.id, slot_id=where.id, path=Path.MAMMOGRAPHY, override_reason="zalecenie")
    with refused("not_allowed"):
        visits.book(session, actor, command, NOW)
    visit = visits.book(session, midwife(session, actor), command, NOW)
    assert (visit.override_reason, visit.overridden) == ("zalecenie", True)
    assert visit.eligibility_rule_id is not None


def test_a_reason_is_not_kept_where_no_rule_was_set_aside(session: Session, actor: Actor) -> None:
    """Otherwise the report would show an override that never was."""
    assert not booked(session, actor, override_reason="na wszelki wypadek").overridden


def test_a_repeated_request_gets_the_same_visit(session: Session, actor: Actor) -> None:
    """No second place, no second entry in the history."""
    who, where = woman(session, actor), slot(session, actor, capacity=2)
    command = NewVisit(woman_id=who.id, slot_id=where.id, path=Path.MAMMOGRAPHY, idempotency_key="request-1")
    first = visits.book(session, actor, command, NOW)
    assert visits.book(session, actor, command, NOW).id == first.id
    assert taken(session, where.id) == 1
    assert len(history(session, first)) == 1


@pytest.mark.parametrize("differing", ["woman", "slot", "path", "urgent"])
def test_a_key_is_not_used_for_another_request(session: Session, actor: Actor, differing: str) -> None:
    """Every part of the content counts."""
    who, where = woman(session, actor), slot(session, actor, Path.HPV_LBC, capacity=2)
    request = NewVisit(woman_id=who.id, slot_id=where.id, path=Path.HPV_LBC, idempotency_key="request-1")
    visits.book(session, actor, request, NOW)
    other = {
        "woman": replace(request, woman_id=woman(session, actor).id),
        "slot": replace(request, slot_id=slot(session, actor, Path.HPV_LBC).id),
        "path": replace(request, path=Path.CLASSIC_CYTOLOGY),
        "urgent": replace(request, urgent=True),
    }[differing]
    with refused("idempotency_key_reused"):
        visits.book(session, actor, other, NOW)


def test_keys_of_two_providers_do_not_meet(session: Session, actor: Actor) -> None:
    """A key is the provider's own."""
    stranger = Actor(factories.provider(session).id)
    first = booked(session, actor, idempotency_key="request-1")
    assert booked(session, stranger, idempotency_key="request-1").id != first.id


def test_a_visit_goes_from_booked_to_performed(session: Session, actor: Actor) -> None:
    """Each step is in the history with its author; only the outcome is passed on again."""
    visit = booked(session, actor)
    accept(session, visit)
    user = midwife(session, actor)
    for status in (VisitStatus.CONFIRMED, VisitStatus.ARRIVED, VisitStatus.PERFORMED):
        assert messages(session, visit) == [(MessageKind.SAVE_VISIT, visit.id)]
        visits.change_status(
            session, user, visit.id, StatusChange(version=visit.version, status=status), visit.slot.starts_at
        )
    assert messages(session, visit) == 2 * [(MessageKind.SAVE_VISIT, visit.id)]
    assert [after for _, after in history(session, visit)] == [
        VisitStatus.BOOKED,
        VisitStatus.CONFIRMED,
        VisitStatus.ARRIVED,
        VisitStatus.PERFORMED,
    ]
    authors = session.scalars(select(VisitChange.user_id).where(VisitChange.visit_id == visit.id)).all()
    assert set(authors) == {None, user.user_id}


@pytest.mark.parametrize("status", visits.ATTENDANCE)
def test_attendance_is_not_recorded_before_the_day(session: Session, actor: Actor, status: VisitStatus) -> None:
    """A minute before midnight in Poland is too early, midnight is not."""
    visit = booked(session, actor)
    midnight = local_instant(DAY, time())
    command = StatusChange(version=visit.version, status=status)
    with refused("too_early"):
        visits.change_status(session, actor, visit.id, command, midnight - timedelta(minutes=1))
    assert visits.change_status(session, actor, visit.id, command, midnight).status is status


@pytest.mark.parametrize("status", sorted(set(VisitStatus) - set(visits.RECORDED)))
def test_other_statuses_are_not_recorded_by_hand(session: Session, actor: Actor, status: VisitStatus) -> None:
    """They have consequences for the place, which only their own use-cases draw."""
    visit = booked(session, actor)
    with refused("transition_not_allowed"):
        visits.change_status(session, actor, visit.id, StatusChange(version=visit.version, status=status), NOW)


def test_a_performed_visit_leaves_room_for_the_next(session: Session, actor: Actor) -> None:
    """It is not active any more; but a woman inside her interval is not eligible."""
    visit = booked(session, actor)
    performed = StatusChange(version=visit.version, status=VisitStatus.PERFORMED)
    visits.change_status(session, actor, visit.id, performed, visit.slot.starts_at)
    soon = factories_booking.slot(session, actor.provider_id, day=DAY + timedelta(days=1))
    late = factories_booking.slot(session, actor.provider_id, day=date(2029, 3, 12))
    with refused("not_eligible"):
        visits.book(session, actor, NewVisit(woman_id=visit.woman_id, slot_id=soon.id, path=Path.MAMMOGRAPHY), NOW)
    command = NewVisit(woman_id=visit.woman_id, slot_id=late.id, path=Path.MAMMOGRAPHY)
    assert visits.book(session, actor, command, NOW).status is VisitStatus.BOOKED


def test_a_woman_who_did_not_come_and_booked_anew_cannot_arrive_at_the_old_visit(
    session: Session, actor: Actor
) -> None:
    """She would have two active visits; the database refuses it."""
    visit = booked(session, actor)
    no_show = StatusChange(version=visit.version, status=VisitStatus.NO_SHOW)
    visits.change_status(session, actor, visit.id, no_show, visit.slot.starts_at)
    other = factories_booking.slot(session, actor.provider_id, day=DAY + timedelta(days=7))
    visits.book(session, actor, NewVisit(woman_id=visit.woman_id, slot_id=other.id, path=Path.MAMMOGRAPHY), NOW)
    arrived = StatusChange(version=visit.version, status=VisitStatus.ARRIVED)
    with refused("parallel_visit"):
        visits.change_status(session, actor, visit.id, arrived, visit.slot.starts_at)


def test_cancelling_frees_the_place_and_is_passed_on_behind_the_visit(session: Session, actor: Actor) -> None:
    """Who cancelled is kept, and the place can be booked again."""
    visit = booked(session, actor)
    cancelled = visits.cancel(
        session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN, reason="wyjazd")
    )
    assert (cancelled.status, cancelled.cancelled_by) == (VisitStatus.CANCELLED, CancelledBy.WOMAN)
    assert taken(session, visit.slot_id) == 0
    assert messages(session, visit) == [(MessageKind.SAVE_VISIT, visit.id), (MessageKind.CANCEL_VISIT, visit.id)]
    assert required(session, MessageKind.CANCEL_VISIT, visit) == {(MessageKind.SAVE_VISIT, visit.id)}
    next_one = NewVisit(woman_id=woman(session, actor).id, slot_id=visit.slot_id, path=Path.MAMMOGRAPHY)
    assert visits.book(session, actor, next_one, NOW).status is VisitStatus.BOOKED


def test_what_is_over_is_not_cancelled(session: Session, actor: Actor) -> None:
    """A second cancellation would free a place that is not hers."""
    visit = booked(session, actor)
    visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.PROVIDER))
    with refused("transition_not_allowed"):
        visits.cancel(session, actor, visit.id, Cancellation(version=visit.version, cancelled_by=CancelledBy.WOMAN))
    assert taken(session, visit.slot_id) == 0


def test_a_change_is_made_only_on_what_was_read(session: Session, actor: Actor) -> None:
    """Every use-case on a visit refuses an old version and a foreign visit."""
    visit = booked(session, actor)
    stranger = Actor(factories.provider(session).id)
    recorded = StatusChange(version=visit.version, status=VisitStatus.CONFIRMED)
    with refused("not_found"):
        visits.change_status(session, stranger, visit.id, recorded, NOW)
    visits.change_status(session, actor, visit.id, recorded, NOW)
    old = visit.version - 1
    with refused("stale_version"):
        visits.change_status(session, actor, visit.id, recorded, NOW)
    with refused("stale_version"):
        visits.cancel(session, actor, visit.id, Cancellation(version=old, cancelled_by=CancelledBy.WOMAN))
    with refused("stale_version"):
        visits.change_path(session, actor, visit.id, PathChange(version=old, path=Path.MAMMOGRAPHY))
    with refused("stale_version"):
        visits.move(session, actor, visit.id, Move(version=old, slot_id=visit.slot_id), NOW)


def test_the_path_can_change_until_the_examination(session: Session, actor: Actor) -> None:
    """The product code follows, both paths are in the history, and the visit is passed on again."""
    visit = booked(session, actor, Path.CLASSIC_CYTOLOGY)
    accept(session, visit)
    visits.change_path(session, actor, visit.id, PathChange(version=visit.version, path=Path.HPV_LBC))
    assert (visit.path, visit.contract_range.product_code) == (Path.HPV_LBC, "01.0034.102.01")
    assert messages(session, visit) == 2 * [(MessageKind.SAVE_VISIT, visit.id)]
    last = session.scalars(
        select(VisitChange).where(VisitChange.visit_id == visit.id).order_by(VisitChange.id.desc())
    ).first()
    assert last is not None
    assert (last.from_status, last.to_status, last.reason) == (
        VisitStatus.BOOKED,
        VisitStatus.BOOKED,
        "classic_cytology → hpv_lbc",
    )
    performed = StatusChange(version=visit.version, status=VisitStatus.PERFORMED)
    visits.change_status(session, actor, visit.id, performed, visit.slot.starts_at)
    with refused("visit_over"):
        visits.change_path(session, actor, visit.id, PathChange(version=visit.version, path=Path.CLASSIC_CYTOLOGY))


def test_a_change_of_path_obeys_the_rules_of_booking(session: Session, actor: Actor) -> None:
    """Programme, contract and eligibility are asked again."""
    factories_booking.contract(session, actor.provider_id, ["01.0034.101.01"])
    visit = booked(session, actor, Path.CLASSIC_CYTOLOGY)
    with refused("path_not_of_programme"):
        visits.change_path(session, actor, visit.id, PathChange(version=visit.version, path=Path.MAMMOGRAPHY))
    with refused("no_contracted_range"):
        visits.change_path(session, actor, visit.id, PathChange(version=visit.version, path=Path.HPV_LBC))
    visit.woman.birth_date = TOO_YOUNG.replace(year=2010).isoformat()
    session.flush()
    with refused("not_eligible"):
        visits.change_path(session, actor, visit.id, PathChange(version=visit.version, path=Path.CLASSIC_CYTOLOGY))


def test_a_visit_with_a_new_path_is_not_passed_yet(session: Session, actor: Actor) -> None:
    """It would be settled under a product code that the central system was never told."""
    visit = booked(session, actor, Path.CLASSIC_CYTOLOGY)
    visit.passed_at = NOW
    accept(session, visit)
    changed = visits.change_path(session, actor, visit.id, PathChange(version=visit.version, path=Path.HPV_LBC))
    assert changed.passed_at is None
    message = outbox.latest(session, MessageKind.SAVE_VISIT, visit.id)
    assert message is not None
    assert message.state is MessageState.PENDING


def test_a_path_chosen_anew_needs_a_reason_of_its_own(session: Session, actor: Actor) -> None:
    """The reason for the former path was another one."""
    who, where = woman(session, actor, TOO_YOUNG.replace(year=2010)), slot(session, actor, Path.CLASSIC_CYTOLOGY)
    user = midwife(session, actor)
    command = NewVisit(woman_id=who.id, slot_id=where.id, path=Path.CLASSIC_CYTOLOGY, override_reason="zalecenie")
    visit = visits.book(session, user, command, NOW)
    with refused("not_eligible"):
        visits.change_path(session, user, visit.id, PathChange(version=visit.version, path=Path.HPV_LBC))
    changed = PathChange(version=visit.version, path=Path.HPV_LBC, override_reason="nowe zalecenie")
    assert visits.change_path(session, user, visit.id, changed).override_reason == "nowe zalecenie"


def test_a_moved_visit_frees_one_place_and_takes_another(session: Session, actor: Actor) -> None:
    """The old visit ends as moved; the new one names it and keeps path and urgency."""
    old = booked(session, actor, urgent=True)
    to = slot(session, actor)
    save_slots(session, actor, to)
    new = visits.move(session, actor, old.id, Move(version=old.version, slot_id=to.id, reason="awaria"), NOW)
    assert (old.status, new.status, new.moved_from) == (VisitStatus.MOVED, VisitStatus.BOOKED, old.uuid)
    assert (new.urgent, new.path, new.woman_id) == (True, Path.MAMMOGRAPHY, old.woman_id)
    assert (taken(session, old.slot_id), taken(session, to.id)) == (0, 1)
    assert history(session, old)[-1] == (VisitStatus.BOOKED, VisitStatus.MOVED)
    assert history(session, new) == [(None, VisitStatus.BOOKED)]


def test_a_move_is_passed_on_in_order(session: Session, actor: Actor) -> None:
    """The cancellation waits for the old visit, the new visit for the cancellation and for its slot."""
    old = booked(session, actor)
    to = slot(session, actor)
    save_slots(session, actor, to)
    new = visits.move(session, actor, old.id, Move(version=old.version, slot_id=to.id), NOW)
    assert required(session, MessageKind.CANCEL_VISIT, old) == {(MessageKind.SAVE_VISIT, old.id)}
    assert required(session, MessageKind.SAVE_VISIT, new) == {
        (MessageKind.SAVE_VISIT, old.id),
        (MessageKind.CANCEL_VISIT, old.id),
        (MessageKind.SAVE_SLOTS, to.schedule_id),
    }


def test_a_new_booking_is_passed_on_behind_the_end_of_the_last(session: Session, actor: Actor) -> None:
    """The central system knows one visit of a woman in a programme, so it must hear of the end of the other first."""
    old = booked(session, actor)
    visits.cancel(session, actor, old.id, Cancellation(version=old.version, cancelled_by=CancelledBy.WOMAN))
    elsewhere, other = slot(session, actor), slot(session, actor, Path.HPV_LBC)
    new = visits.book(session, actor, NewVisit(woman_id=old.woman_id, slot_id=elsewhere.id, path=Path.MAMMOGRAPHY), NOW)
    cervical = visits.book(session, actor, NewVisit(woman_id=old.woman_id, slot_id=other.id, path=Path.HPV_LBC), NOW)
    assert required(session, MessageKind.SAVE_VISIT, new) == {
        (MessageKind.SAVE_VISIT, old.id),
        (MessageKind.CANCEL_VISIT, old.id),
    }
    assert required(session, MessageKind.SAVE_VISIT, cervical) == set()


def test_a_freed_place_is_passed_on_behind_the_visit_that_left_it(session: Session, actor: Actor) -> None:
    """Visits that keep their places wait for nobody in the slot, and nobody waits for them."""
    where = slot(session, actor, capacity=3)
    first, second, third = (
        visits.book(
            session, actor, NewVisit(woman_id=woman(session, actor).id, slot_id=where.id, path=Path.MAMMOGRAPHY), NOW
        )
        for _ in range(3)
    )
    assert required(session, MessageKind.SAVE_VISIT, third) == set()
    missed = StatusChange(version=first.version, status=VisitStatus.NO_SHOW)
    visits.change_status(session, actor, first.id, missed, where.starts_at)
    visits.cancel(session, actor, second.id, Cancellation(version=second.version, cancelled_by=CancelledBy.WOMAN))
    fourth = visits.book(
        session, actor, NewVisit(woman_id=woman(session, actor).id, slot_id=where.id, path=Path.MAMMOGRAPHY), NOW
    )
    assert required(session, MessageKind.SAVE_VISIT, fourth) == {
        (MessageKind.SAVE_VISIT, second.id),
        (MessageKind.CANCEL_VISIT, second.id),
    }


def test_messages_never_wait_in_a_circle(session: Session, actor: Actor) -> None:
    """She missed a visit, booked and cancelled another, and came to the first after all, all of it not yet sent."""
    missed = booked(session, actor)
    at = missed.slot.starts_at
    no_show = StatusChange(version=missed.version, status=VisitStatus.NO_SHOW)
    visits.change_status(session, actor, missed.id, no_show, at)
    elsewhere = slot(session, actor)
    other = visits.book(
        session, actor, NewVisit(woman_id=missed.woman_id, slot_id=elsewhere.id, path=Path.MAMMOGRAPHY), NOW
    )
    visits.cancel(session, actor, other.id, Cancellation(version=other.version, cancelled_by=CancelledBy.WOMAN))
    arrived = StatusChange(version=missed.version, status=VisitStatus.ARRIVED)
    visits.change_status(session, actor, missed.id, arrived, at)
    assert required(session, MessageKind.SAVE_VISIT, missed) == set()
    assert required(session, MessageKind.SAVE_VISIT, other) == {(MessageKind.SAVE_VISIT, missed.id)}


def test_a_refused_move_changes_nothing(session: Session, actor: Actor) -> None:
    """A full slot, the same slot, a slot of the other programme, and a visit that is over."""
    full = booked(session, actor).slot
    old = booked(session, actor)
    with refused("slot_full"), session.begin_nested():
        visits.move(session, actor, old.id, Move(version=old.version, slot_id=full.id), NOW)
    with refused("same_slot"):
        visits.move(session, actor, old.id, Move(version=old.version, slot_id=old.slot_id), NOW)
    cervical = slot(session, actor, Path.HPV_LBC)
    with refused("path_not_of_programme"):
        visits.move(session, actor, old.id, Move(version=old.version, slot_id=cervical.id), NOW)
    assert (old.status, taken(session, old.slot_id), taken(session, full.id)) == (VisitStatus.BOOKED, 1, 1)
    no_show = StatusChange(version=old.version, status=VisitStatus.NO_SHOW)
    visits.change_status(session, actor, old.id, no_show, old.slot.starts_at)
    with refused("transition_not_allowed"):
        visits.move(session, actor, old.id, Move(version=old.version, slot_id=slot(session, actor).id), NOW)


def test_an_override_goes_with_a_moved_visit(session: Session, actor: Actor) -> None:
    """The midwife need not repeat her reason."""
    who, where, to = woman(session, actor, TOO_YOUNG), slot(session, actor), slot(session, actor)
    user = midwife(session, actor)
    command = NewVisit(woman_id=who.id, slot_id=where.id, path=Path.MAMMOGRAPHY, override_reason="zalecenie")
    old = visits.book(session, user, command, NOW)
    new = visits.move(session, user, old.id, Move(version=old.version, slot_id=to.id), NOW)
    assert new.override_reason == "zalecenie"


def test_visits_are_found_by_what_is_known_of_them(session: Session, actor: Actor) -> None:
    """Each criterion alone finds the one and not the other."""
    breast, cervical = booked(session, actor), booked(session, actor, Path.HPV_LBC)
    visits.change_status(
        session, actor, cervical.id, StatusChange(version=cervical.version, status=VisitStatus.CONFIRMED), NOW
    )
    breast.passed_at = NOW
    session.flush()
    booked(session, Actor(factories.provider(session).id))
    stop = slot_search.get(session, actor, breast.slot_id).stop_id
    assert found(session, actor) == [breast.id, cervical.id]
    for criterion in (
        {"stop_id": stop},
        {"service_place_id": breast.slot.service_place_id},
        {"slot_id": breast.slot_id},
        {"woman_id": breast.woman_id},
        {"status": VisitStatus.BOOKED},
        {"programme": Programme.BREAST},
        {"path": Path.MAMMOGRAPHY},
        {"passed": True},
    ):
        assert found(session, actor, **criterion) == [breast.id], criterion
    assert found(session, actor, passed=False) == [cervical.id]
    assert found(session, actor, first_day=DAY, last_day=DAY) == [breast.id, cervical.id]
    assert found(session, actor, first_day=DAY + timedelta(days=1)) == []
    assert found(session, actor, last_day=DAY - timedelta(days=1)) == []


def found(session: Session, actor: Actor, **criteria: object) -> list[int]:
    """The keys of the visits found, in order."""
    wanted = VisitFilter(**criteria)  # type: ignore[arg-type]  # each test names fields of the filter
    return [visit.id for visit in visits.find(session, actor, wanted).items]


def test_reading_women_with_their_visits_is_audited_one_by_one(session: Session, actor: Actor) -> None:
    """A list without women leaves no trace of them."""
    keys = sorted(booked(session, actor).woman_id for _ in range(2))
    query = select(AuditEntry.subject_id).where(
        AuditEntry.provider_id == actor.provider_id, AuditEntry.subject == "woman", AuditEntry.action == "read"
    )
    visits.find(session, actor, VisitFilter())
    assert session.scalars(query).all() == []
    visits.find_with_women(session, actor, VisitFilter())
    assert sorted(key for key in session.scalars(query) if key) == keys


def test_a_list_of_visits_is_a_fixed_number_of_statements(session: Session, actor: Actor) -> None:
    """One to count and one to read, with or without women; the audit entries go in one more."""
    for _ in range(4):
        booked(session, actor)
    session.expire_all()
    with counted(session.connection()) as sent:
        page = visits.find_with_women(session, actor, VisitFilter())
        assert [visit.woman.family_name for visit in page.items] == 4 * ["Testowa"]
        assert {visit.contract_range.product_code for visit in page.items} == {"10.7940.159.02"}
        session.flush()
    assert len(sent) == 3


def test_what_happens_to_a_visit_is_audited_under_its_woman(session: Session, actor: Actor) -> None:
    """Booking, path, status, move, cancellation and reading, her list of visits included: one search finds it all."""
    visit = booked(session, actor, Path.CLASSIC_CYTOLOGY)
    visits.change_path(session, actor, visit.id, PathChange(version=visit.version, path=Path.HPV_LBC))
    confirmed = StatusChange(version=visit.version, status=VisitStatus.CONFIRMED)
    visits.change_status(session, actor, visit.id, confirmed, NOW)
    to = slot(session, actor, Path.HPV_LBC)
    new = visits.move(session, actor, visit.id, Move(version=visit.version, slot_id=to.id), NOW)
    visits.cancel(session, actor, new.id, Cancellation(version=new.version, cancelled_by=CancelledBy.WOMAN))
    visits.get(session, actor, new.id)
    visits.find(session, actor, VisitFilter(woman_id=visit.woman_id))
    query = select(AuditEntry).where(AuditEntry.subject == "woman", AuditEntry.subject_id == visit.woman_id)
    assert [(entry.action, entry.subject) for entry in session.scalars(query.order_by(AuditEntry.id))] == [
        ("register", "woman"),
        ("visit_book", "woman"),
        ("visit_change_path", "woman"),
        ("visit_confirmed", "woman"),
        ("visit_moved", "woman"),
        ("visit_move", "woman"),
        ("visit_cancelled", "woman"),
        ("visit_read", "woman"),
        ("visits_read", "woman"),
    ]


def test_what_a_booking_refers_to_is_the_providers_own(session: Session, actor: Actor) -> None:
    """A woman or a slot of another provider is as if it did not exist."""
    stranger = Actor(factories.provider(session).id)
    own, foreign = woman(session, actor), woman(session, stranger)
    with refused("not_found"):
        visits.book(
            session, actor, NewVisit(woman_id=foreign.id, slot_id=slot(session, actor).id, path=Path.MAMMOGRAPHY), NOW
        )
    with refused("not_found"):
        visits.book(
            session, actor, NewVisit(woman_id=own.id, slot_id=slot(session, stranger).id, path=Path.MAMMOGRAPHY), NOW
        )
