"""What is remembered of the central system, corrections of rejected messages, and answers to initial loads."""

from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.models.initial_loads import LoadedRowState
from mobile_units.models.providers import Provider
from mobile_units.models.schedules import Schedule
from mobile_units.models.slots import UNSURE, Slot
from mobile_units.models.transmissions import MessageState, OutboxMessage, TransmissionAttempt
from mobile_units.models.visits import Visit
from mobile_units.rules.transmissions import MessageKind
from mobile_units.services.actors import Actor
from mobile_units.transmission import records
from mobile_units.transmission.deliveries import Attempt, ClaimedMessage, Told, ToldSlots
from mobile_units.transmission.gateway import (
    AlreadyDelivered,
    Delivered,
    Outcome,
    OutcomeUnknown,
    RefusedVisit,
    Rejected,
    Retryable,
)
from mobile_units.transmission.messages import ObjectId
from tests import factories, factories_booking
from tests.factories_transmission import DAY, LEASE, claim, later, load_chunk, message, must_claim, record, visit
from tests.statements import counted

REJECTED = Rejected(code="BladWeryfikacjiRegul", rule="REG.WER.13", description="brak miejsca")
UNKNOWN = OutcomeUnknown(reason="ReadTimeout")
NOT_ACCEPTED = [REJECTED, UNKNOWN, Retryable(reason="r")]


@pytest.fixture
def schedule(session: Session, actor: Actor) -> Schedule:
    """A schedule with two slots of three places each."""
    made = factories_booking.schedule(session, actor.provider_id)
    for hour in (8, 9):
        factories_booking.slot(session, actor.provider_id, of=made, capacity=3, at=time(hour))
    return made


def tell(session: Session, claimed: ClaimedMessage, outcome: Outcome, told: Told, after: float = 1.0) -> None:
    """Records that a message told this."""
    records.record(session, claimed, Attempt(outcome, later(after), 5, "x", told), later(after))
    session.expire_all()


def held(session: Session, schedule: Schedule) -> list[int | None]:
    """What is remembered of its slots."""
    query = select(Slot.told_places).where(Slot.schedule_id == schedule.id).order_by(Slot.id)
    return list(session.scalars(query))


def places(session: Session, schedule: Schedule, *counts: int) -> ToldSlots:
    """These places of its slots."""
    found = session.scalars(select(Slot).where(Slot.schedule_id == schedule.id).order_by(Slot.id)).all()
    told = found[: len(counts)]
    return ToldSlots([slot.id for slot in told], list(counts), [slot.ends_at for slot in told])


def about_slots(session: Session, schedule: Schedule, kind: MessageKind = MessageKind.SAVE_SLOTS) -> ClaimedMessage:
    """A message about the slots of the schedule, claimed."""
    message(session, schedule.provider_id, kind, schedule.id)
    return must_claim(session)


# what the central system holds


@pytest.mark.parametrize("kind", [MessageKind.SAVE_SLOTS, MessageKind.WITHDRAW_SLOTS])
@pytest.mark.parametrize("outcome", [Delivered(), AlreadyDelivered()])
def test_places_that_were_accepted_are_remembered(
    session: Session, schedule: Schedule, kind: MessageKind, outcome: Outcome
) -> None:
    """Of the slots that were told, and no others."""
    tell(session, about_slots(session, schedule, kind), outcome, places(session, schedule, 2))
    assert held(session, schedule) == [2, None]


@pytest.mark.parametrize("outcome", NOT_ACCEPTED)
def test_what_was_not_accepted_is_not_remembered(session: Session, schedule: Schedule, outcome: Outcome) -> None:
    """Nor is anything forgotten: the next attempt tells all."""
    tell(session, about_slots(session, schedule), outcome, places(session, schedule, 2, 2))
    assert held(session, schedule) == [None, None]


def test_a_repetition_that_was_carried_out_is_remembered(session: Session, schedule: Schedule) -> None:
    """The answer says that no earlier attempt was."""
    tell(session, about_slots(session, schedule), UNKNOWN, places(session, schedule, 1, 1))
    tell(session, must_claim(session, after=3600), Delivered(), places(session, schedule, 2, 3), after=3600)
    assert held(session, schedule) == [2, 3]


def test_which_of_two_attempts_was_carried_out_may_not_be_known(session: Session, schedule: Schedule) -> None:
    """The slots changed in between, and the answer is that one of the attempts had arrived: all counts as unknown."""
    tell(session, about_slots(session, schedule), UNKNOWN, places(session, schedule, 1, 1))
    tell(session, must_claim(session, after=3600), AlreadyDelivered(), places(session, schedule, 3, 3), after=3600)
    assert held(session, schedule) == [UNSURE, UNSURE]


def test_a_former_owner_leaves_what_is_held_open(session: Session, schedule: Schedule) -> None:
    """Its attempt was accepted, but so may have been the one of the present owner, with other places."""
    former = about_slots(session, schedule)
    must_claim(session, after=LEASE + 2)
    tell(session, former, Delivered(), places(session, schedule, 1, 1))
    assert held(session, schedule) == [UNSURE, UNSURE]


def test_recording_twice_does_not_bring_old_places_back(session: Session, schedule: Schedule) -> None:
    """In between the next message may have told others."""
    first = about_slots(session, schedule)
    made = Attempt(Delivered(), later(1), 5, "x", places(session, schedule, 1, 1))
    records.record(session, first, made, later(1))
    tell(session, about_slots(session, schedule), Delivered(), places(session, schedule, 2, 2), after=2)
    records.record(session, first, made, later(3))
    assert held(session, schedule) == [2, 2]


def test_a_digest_is_remembered_only_without_doubt(session: Session, schedule: Schedule) -> None:
    """After a repetition of which one attempt had arrived, nothing is known."""
    message(session, schedule.provider_id, MessageKind.SAVE_SCHEDULE, schedule.id)
    tell(session, must_claim(session), Delivered(), "first")
    assert schedule.told_digest == "first"
    message(session, schedule.provider_id, MessageKind.SAVE_SCHEDULE, schedule.id)
    tell(session, must_claim(session), UNKNOWN, "second")
    assert schedule.told_digest == "first"
    tell(session, must_claim(session, after=3600), AlreadyDelivered(), "third", after=3600)
    assert schedule.told_digest is None


def test_a_slot_that_got_another_end_while_it_was_told_is_not_known(session: Session, schedule: Schedule) -> None:
    """The central system holds it with its former end; so it is told again, though its places are the same."""
    claimed, told = about_slots(session, schedule), places(session, schedule, 3, 3)
    slot = session.scalars(select(Slot).where(Slot.schedule_id == schedule.id).order_by(Slot.id)).first()
    assert slot is not None
    slot.ends_at += timedelta(minutes=5)
    session.flush()
    tell(session, claimed, Delivered(), told)
    assert held(session, schedule) == [UNSURE, 3]


def test_many_slots_are_remembered_by_one_statement(engine: Engine) -> None:
    """A day of a large place takes no longer than one slot: a handful of statements in all."""
    with db.transaction(engine) as session:
        schedule = factories_booking.schedule(session, factories.provider(session).id)
        made = [factories_booking.slot(session, schedule.provider_id, of=schedule, at=time(8, n)).id for n in range(20)]
        claimed = about_slots(session, schedule)
        told = places(session, schedule, *[1] * 20)
    attempt = Attempt(Delivered(), clock.now(), 5, "x", told)
    with counted(engine) as sent, db.transaction(engine) as session:
        records.record(session, claimed, attempt, clock.now())
    assert len(sent) == 3, sent
    with db.transaction(engine) as session:
        assert set(session.scalars(select(Slot.told_places).where(Slot.id.in_(made)))) == {1}


def test_recording_takes_the_slot_before_the_message(engine: Engine) -> None:
    """As a booking does, which holds the slot when it comes to the outbox; or both would wait for each other."""
    with db.transaction(engine) as session:
        schedule = factories_booking.schedule(session, factories.provider(session).id)
        slot_id = factories_booking.slot(session, schedule.provider_id, of=schedule).id
        claimed = about_slots(session, schedule)
        told = places(session, schedule, 1)
    with ThreadPoolExecutor() as pool, db.transaction(engine) as booking:
        booking.execute(text("UPDATE slots SET taken = taken WHERE id = :id"), {"id": slot_id})
        recording = pool.submit(_record_alone, engine, claimed, Attempt(Delivered(), clock.now(), 5, "x", told))
        _until_blocked(engine)
        booking.execute(text("SET LOCAL lock_timeout = '3s'"))
        booking.execute(text("UPDATE outbox_messages SET service_day = service_day WHERE id = :id"), {"id": claimed.id})
        booking.commit()
        recording.result(timeout=10)


def _record_alone(engine: Engine, claimed: ClaimedMessage, attempt: Attempt) -> None:
    with db.transaction(engine) as session:
        records.record(session, claimed, attempt, clock.now())


def _until_blocked(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(500):
            if connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                return
            connection.execute(text("SELECT pg_sleep(0.01)"))
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("kind", [MessageKind.SAVE_VISIT, MessageKind.SAVE_SCHEDULE])
def test_recording_takes_the_subject_before_the_message(engine: Engine, kind: MessageKind) -> None:
    """As every change does that is stored in the outbox."""
    with db.transaction(engine) as session:
        slot = factories_booking.slot(session, factories.provider(session).id)
        subject: Visit | Schedule = slot.schedule
        if kind is MessageKind.SAVE_VISIT:
            subject = visit(session, slot.schedule.provider_id, slot)
        message(session, subject.provider_id, kind, subject.id)
        table, subject_id = subject.__tablename__, subject.id
        claimed = must_claim(session)
    with ThreadPoolExecutor() as pool, db.transaction(engine) as changing:
        changing.execute(text(f"UPDATE {table} SET provider_id = provider_id WHERE id = {subject_id}"))  # noqa: S608 -- of the test
        recording = pool.submit(_record_alone, engine, claimed, Attempt(Delivered(), clock.now(), 5, "x"))
        _until_blocked(engine)
        changing.execute(text("SET LOCAL lock_timeout = '3s'"))
        changing.execute(text(f"UPDATE outbox_messages SET attempts = attempts WHERE id = {claimed.id}"))  # noqa: S608 -- of the test
        changing.commit()
        recording.result(timeout=10)


def test_an_attempt_keeps_what_was_sent_and_who_signed(session: Session, actor: Actor) -> None:
    """As it was given."""
    stored = message(session, actor.provider_id)
    made = Attempt(Delivered(), later(0), 5, "x", certificate="ab" * 32, sent=b"compressed")
    records.record(session, must_claim(session), made, later(1))
    kept = session.execute(
        select(TransmissionAttempt.certificate, TransmissionAttempt.sent).where(
            TransmissionAttempt.message_id == stored.id
        )
    ).one()
    assert kept == ("ab" * 32, b"compressed")


# corrections


def test_a_change_sends_a_rejected_message_again(session: Session, actor: Actor) -> None:
    """The change is the correction: the same message goes at once, on the earlier of the two days."""
    stored = message(session, actor.provider_id, subject_id=7)
    record(session, must_claim(session), REJECTED)
    earlier = stored.service_day - timedelta(days=1)
    again = message(session, actor.provider_id, subject_id=7, day=earlier)
    assert (again.id, again.uuid, again.state, again.service_day) == (
        stored.id,
        stored.uuid,
        MessageState.PENDING,
        earlier,
    )
    assert must_claim(session).id == stored.id


def test_a_correction_of_a_message_that_may_have_arrived_follows_it(session: Session, actor: Actor) -> None:
    """The receiver may know the message, and then takes no other content under its name."""
    stored = message(session, actor.provider_id, subject_id=7)
    record(session, must_claim(session), UNKNOWN)
    record(session, must_claim(session, after=3600), REJECTED)
    correction = message(session, actor.provider_id, subject_id=7)
    assert correction.id != stored.id
    asked = must_claim(session)
    assert (asked.id, asked.uncertain) == (stored.id, True)
    record(session, asked, AlreadyDelivered())
    assert must_claim(session).id == correction.id


def test_what_a_correction_needs_is_waited_for(session: Session, actor: Actor) -> None:
    """Also by the message that was rejected before; what waits for that message itself is left out."""
    stored = message(session, actor.provider_id, subject_id=7)
    record(session, must_claim(session), REJECTED)
    behind = message(session, actor.provider_id, requires=[stored])
    needed = message(session, actor.provider_id)
    message(session, actor.provider_id, subject_id=7, requires=[needed, behind])
    order = []
    for _ in range(3):
        claimed = must_claim(session)
        order.append(claimed.id)
        record(session, claimed, Delivered())
    assert order == [needed.id, stored.id, behind.id]


def test_a_given_up_message_is_waited_for_no_more(session: Session, actor: Actor) -> None:
    """Neither by what is stored already nor by what comes; a change of its subject is a new message."""
    stored = message(session, actor.provider_id, subject_id=7)
    behind = message(session, actor.provider_id, MessageKind.CANCEL_VISIT, subject_id=7)
    record(session, must_claim(session), REJECTED)
    assert claim(session) is None
    stored.state = MessageState.GIVEN_UP
    session.flush()
    session.expire_all()
    assert behind.waits_for == []
    assert must_claim(session).id == behind.id
    anew = message(session, actor.provider_id, subject_id=7, requires=[stored])
    assert anew.id != stored.id
    assert [each.id for each in anew.waits_for] == [behind.id]


def test_two_corrections_at_once_lose_nothing(engine: Engine) -> None:
    """One takes the rejected message, the other waits for it and finds it under way: a message follows."""
    with db.transaction(engine) as session:
        provider_id = factories.provider(session).id
        stored = message(session, provider_id, subject_id=7).id
        record(session, must_claim(session), REJECTED)
    with ThreadPoolExecutor() as pool, db.transaction(engine) as first:
        assert message(first, provider_id, subject_id=7).id == stored
        second = pool.submit(_corrected, engine, provider_id)
        _until_blocked(engine)
        first.commit()
        follower = second.result(timeout=10)
    assert follower != stored
    with db.transaction(engine) as session:
        claimed = must_claim(session)
        assert claimed.id == stored
        assert claim(session) is None
        record(session, claimed, Delivered())
        assert must_claim(session).id == follower


def _corrected(engine: Engine, provider_id: int) -> int:
    with db.transaction(engine) as session:
        return message(session, provider_id, subject_id=7).id


# initial loads


def test_each_visit_of_an_initial_load_is_answered_by_itself(session: Session, schedule: Schedule) -> None:
    """Those refused say why and are not passed; a visit told anew since is passed by its own message."""
    provider = session.get_one(Provider, schedule.provider_id)
    slot = session.scalars(select(Slot).where(Slot.schedule_id == schedule.id)).first()
    assert slot is not None
    accepted, refused, newer = visits = [visit(session, provider.id, slot) for _ in range(3)]
    refused.cer_root, refused.cer_extension = "2.25", "4711"
    chunk = load_chunk(session, visits)
    message(session, provider.id, MessageKind.LOAD_VISITS, chunk.id)
    claimed = must_claim(session)
    message(session, provider.id, MessageKind.SAVE_VISIT, newer.id)
    refusal = RefusedVisit(identifier=ObjectId("2.25", "4711"), code="c", rule="REG.WER.9", description="d")
    stranger = RefusedVisit(identifier=ObjectId("2.25", str(accepted.uuid)), code="x", rule=None, description="x")
    record(session, claimed, Delivered(refused=(refusal, stranger)))
    state = LoadedRowState
    assert [row.state for row in chunk.rows] == [state.ACCEPTED, state.REFUSED, state.ACCEPTED]
    assert [(row.code, row.rule, row.description) for row in chunk.rows] == [
        (None, None, None),
        ("c", "REG.WER.9", "d"),
        (None, None, None),
    ]
    assert [each.passed_at is not None for each in visits] == [True, False, False]


def test_an_initial_load_that_failed_leaves_its_rows(session: Session, schedule: Schedule) -> None:
    """They are told again."""
    slot = session.scalars(select(Slot).where(Slot.schedule_id == schedule.id)).first()
    assert slot is not None
    chunk = load_chunk(session, [visit(session, schedule.provider_id, slot)])
    message(session, schedule.provider_id, MessageKind.LOAD_VISITS, chunk.id)
    record(session, must_claim(session), REJECTED)
    assert [row.state for row in chunk.rows] == [LoadedRowState.WAITING]
    assert session.scalars(select(OutboxMessage.state)).one() is MessageState.REJECTED


def test_a_place_opens_with_its_first_slots(session: Session, actor: Actor, schedule: Schedule) -> None:
    """Another stop that is refused, or late, keeps neither the place nor the women of the first one waiting."""
    other = factories_booking.schedule(session, actor.provider_id, place=schedule.service_place)
    slots = [
        message(session, actor.provider_id, MessageKind.SAVE_SLOTS, each.id, day=day)
        for each, day in ((schedule, DAY), (other, DAY + timedelta(days=1)))
    ]
    opened = message(
        session,
        actor.provider_id,
        MessageKind.ACTIVATE_SERVICE_PLACE,
        schedule.service_place_id,
        day=DAY + timedelta(days=2),
        requires=slots,
    )
    first, refused = must_claim(session), must_claim(session)
    record(session, refused, REJECTED)
    assert claim(session) is None
    record(session, first, Delivered())
    assert must_claim(session).id == opened.id


def test_a_place_does_not_open_before_it_is_registered(session: Session, actor: Actor, schedule: Schedule) -> None:
    """Its slots alone do not make it known."""
    registered = message(session, actor.provider_id, MessageKind.SAVE_SERVICE_PLACE, schedule.service_place_id)
    slots = message(session, actor.provider_id, MessageKind.SAVE_SLOTS, schedule.id)
    place = schedule.service_place_id
    both = [registered, slots]
    message(session, actor.provider_id, MessageKind.ACTIVATE_SERVICE_PLACE, place, requires=both)
    assert must_claim(session).id == registered.id
    record(session, must_claim(session), Delivered())
    assert claim(session) is None
