"""The outbox: order, reuse of messages, leases, and what an attempt leads to."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.models.service_places import ServicePlaceStatus
from mobile_units.models.transmissions import MessageState, OutboxDependency, OutboxMessage, TransmissionAttempt
from mobile_units.rules.programmes import Path
from mobile_units.rules.transmissions import BACK_OFF_CAP, MessageKind
from mobile_units.services import transmissions
from mobile_units.services.actors import Actor
from mobile_units.transmission import deliveries, links, outbox, records
from mobile_units.transmission.deliveries import ClaimedMessage
from mobile_units.transmission.gateway import (
    AlreadyDelivered,
    Delivered,
    Halted,
    Outcome,
    OutcomeUnknown,
    Rejected,
    Retryable,
)
from tests import factories, factories_booking
from tests.factories_transmission import (
    DAY,
    LEASE,
    attempt,
    claim,
    hand_over,
    later,
    message,
    must_claim,
    record,
    visit,
)

REJECTED = Rejected(code="BladWeryfikacjiRegul", rule="REG.WER.13", description="brak miejsca", event_uuid="e-1")
ANY_FAILURE = [REJECTED, Retryable(reason="x"), OutcomeUnknown(reason="x"), Halted(reason="x")]


def test_the_nearest_service_day_goes_first(session: Session, actor: Actor) -> None:
    """What is done tomorrow must be known before what is done next week; equal days keep their order."""
    far = message(session, actor.provider_id, day=DAY + timedelta(days=7))
    near = [message(session, actor.provider_id) for _ in range(2)]
    assert [must_claim(session).id for _ in range(3)] == [near[0].id, near[1].id, far.id]
    assert claim(session) is None


def test_a_message_waits_until_everything_it_requires_is_accepted(session: Session, actor: Actor) -> None:
    """Sent or rejected is not enough."""
    first, second = message(session, actor.provider_id), message(session, actor.provider_id)
    waiting = message(session, actor.provider_id, day=DAY - timedelta(days=1), requires=[first, second])
    claimed = [must_claim(session), must_claim(session)]
    record(session, claimed[0], Delivered())
    assert claim(session) is None
    record(session, claimed[1], Delivered())
    assert must_claim(session).id == waiting.id


def test_a_stuck_message_blocks_only_what_requires_it(session: Session, actor: Actor) -> None:
    """Unrelated messages go on, though their day comes later."""
    stuck = message(session, actor.provider_id, day=DAY - timedelta(days=2))
    record(session, must_claim(session), REJECTED)
    message(session, actor.provider_id, day=DAY - timedelta(days=1), requires=[stuck])
    unrelated = message(session, actor.provider_id, day=DAY)
    assert must_claim(session).id == unrelated.id
    assert claim(session) is None


def test_what_was_accepted_is_not_waited_for(session: Session, actor: Actor) -> None:
    """No dependency is stored, so the next search has nothing to look through."""
    accepted = message(session, actor.provider_id)
    record(session, must_claim(session), Delivered())
    message(session, actor.provider_id, requires=[accepted])
    assert session.scalars(select(OutboxDependency)).all() == []


@pytest.mark.parametrize("days", [-3, 0, 3])
def test_a_message_never_tried_takes_up_newer_changes(session: Session, actor: Actor, days: int) -> None:
    """One message is left, on the earlier of the two days, with what both required."""
    place, points = message(session, actor.provider_id), message(session, actor.provider_id)
    first = message(session, actor.provider_id, subject_id=7, requires=[place])
    again = message(session, actor.provider_id, subject_id=7, day=DAY + timedelta(days=days), requires=[points])
    assert (again.id, again.uuid) == (first.id, first.uuid)
    assert again.service_day == min(DAY, DAY + timedelta(days=days))
    session.expire_all()
    assert {each.id for each in again.waits_for} == {place.id, points.id}


def test_other_kinds_and_other_subjects_have_their_own_messages(session: Session, actor: Actor) -> None:
    """Only the same kind about the same subject is one message."""
    about = [(MessageKind.SAVE_SCHEDULE, 1), (MessageKind.SAVE_SLOTS, 1), (MessageKind.SAVE_SCHEDULE, 2)]
    stored = {message(session, actor.provider_id, kind, subject).id for kind, subject in about}
    assert len(stored) == 3


@pytest.mark.parametrize("outcome", [None, *ANY_FAILURE[1:]])
def test_a_message_once_tried_is_left_as_it_is(session: Session, actor: Actor, outcome: Outcome | None) -> None:
    """It may have arrived, so a newer change gets a message behind it, and that one takes up all later changes."""
    tried = message(session, actor.provider_id, subject_id=7)
    claimed = must_claim(session)
    if outcome:
        record(session, claimed, outcome)
    newer = message(session, actor.provider_id, subject_id=7)
    assert newer.id == message(session, actor.provider_id, subject_id=7).id != tried.id
    assert [each.id for each in newer.waits_for] == [tried.id]


def test_a_cancellation_does_not_overtake_its_booking(session: Session, actor: Actor) -> None:
    """Neither before the booking was sent nor while it is on its way."""
    booking = message(session, actor.provider_id, subject_id=7)
    cancellation = message(
        session, actor.provider_id, MessageKind.CANCEL_VISIT, subject_id=7, day=DAY - timedelta(days=1)
    )
    claimed = must_claim(session)
    assert claimed.id == booking.id
    assert claim(session) is None
    record(session, claimed, Delivered())
    assert must_claim(session).id == cancellation.id


def test_a_reused_message_does_not_wait_for_a_later_one(session: Session, actor: Actor) -> None:
    """Waiting goes one way only, or both would wait for ever."""
    booking = message(session, actor.provider_id, subject_id=7)
    message(session, actor.provider_id, MessageKind.CANCEL_VISIT, subject_id=7)
    again = message(session, actor.provider_id, subject_id=7)
    assert again.id == booking.id
    assert must_claim(session).id == booking.id


def test_a_cancellation_waits_until_a_person_resolved_the_rejected_booking(session: Session, actor: Actor) -> None:
    """It is listed as blocked, and goes on when the booking was sent again."""
    booking = message(session, actor.provider_id, subject_id=7)
    cancellation = message(session, actor.provider_id, MessageKind.CANCEL_VISIT, subject_id=7)
    record(session, must_claim(session), REJECTED)
    assert claim(session, after=86_400) is None
    blocked = transmissions.find(session, actor, transmissions.TransmissionFilter(blocked=True))
    assert [each.id for each in blocked.items] == [cancellation.id]
    transmissions.resend(session, actor, booking.id, clock.now())
    again = must_claim(session)
    assert (again.id, again.uuid) == (booking.id, booking.uuid)
    record(session, again, Delivered())
    assert must_claim(session).id == cancellation.id


@pytest.mark.parametrize(
    ("outcome", "state", "uncertain"),
    [
        (Delivered(note="ostrzeżenie"), MessageState.ACCEPTED, False),
        (AlreadyDelivered(), MessageState.ACCEPTED, False),
        (REJECTED, MessageState.REJECTED, False),
        (Retryable(reason="bladZapisu", code="bladZapisu", event_uuid="e-2"), MessageState.PENDING, False),
        (OutcomeUnknown(reason="ReadTimeout"), MessageState.PENDING, True),
        (Halted(reason="certyfikatNiewazny", code="certyfikatNiewazny"), MessageState.PENDING, False),
    ],
)
def test_every_outcome_has_its_consequence(
    session: Session, actor: Actor, outcome: Outcome, state: MessageState, *, uncertain: bool
) -> None:
    """The lease ends, the state follows the outcome, and the attempt is kept with the receiver's words."""
    stored = message(session, actor.provider_id)
    record(session, must_claim(session), outcome)
    assert (stored.state, stored.uncertain, stored.leased_until) == (state, uncertain, None)
    assert (stored.accepted_at is not None) == (state is MessageState.ACCEPTED)
    kept = session.scalars(select(TransmissionAttempt).where(TransmissionAttempt.message_id == stored.id)).one()
    assert kept.outcome is records.OUTCOMES[type(outcome)]
    assert kept.code == getattr(outcome, "code", None)
    assert kept.event_uuid == getattr(outcome, "event_uuid", None)
    assert (kept.milliseconds, kept.endpoint) == (12, "https://cer.example/services")


def test_a_broken_rule_is_named_in_the_log(session: Session, actor: Actor) -> None:
    """Its number is put before the description, unless it is there."""
    said = []
    for description in ("brak miejsca", "REG.WER.13: brak miejsca"):
        stored = message(session, actor.provider_id)
        record(session, must_claim(session), Rejected(code="c", rule="REG.WER.13", description=description))
        said.append(stored.log[0].description)
    assert said == ["REG.WER.13: brak miejsca"] * 2


def test_a_failed_message_is_tried_again_after_a_while(session: Session, actor: Actor) -> None:
    """Not at once, and within the longest wait."""
    stored = message(session, actor.provider_id)
    for days in range(1, 13):
        record(session, must_claim(session, after=days * 86_400), Retryable(reason="bladZapisu"), after=days * 86_400)
    assert stored.attempts == 12
    assert later(12 * 86_400 - 1) <= stored.due_at <= later(12 * 86_400) + BACK_OFF_CAP
    assert claim(session, after=11 * 86_400) is None
    assert must_claim(session, after=13 * 86_400).attempts == 13


def test_an_unknown_outcome_stays_unknown_until_the_receiver_was_asked(session: Session, actor: Actor) -> None:
    """A later failure, such as an unanswered question, does not make it certain."""
    message(session, actor.provider_id)
    record(session, must_claim(session), OutcomeUnknown(reason="ReadTimeout"))
    asked = must_claim(session, after=3600)
    assert asked.uncertain
    record(session, asked, Retryable(reason="lookup_unanswered"))
    assert must_claim(session, after=7200).uncertain


def test_a_lease_that_ran_out_is_taken_over(session: Session, actor: Actor) -> None:
    """Not a moment before; and the new owner knows that the message may have been sent."""
    message(session, actor.provider_id)
    first = must_claim(session)
    assert claim(session, after=LEASE - 1) is None
    second = must_claim(session, after=LEASE + 2)
    assert (second.id, second.attempts, second.uncertain) == (first.id, first.attempts + 1, True)


def test_only_the_present_owner_renews_its_lease(session: Session, actor: Actor) -> None:
    """It owns the message longer then; a former owner, or one that has recorded, is told to leave it alone."""
    message(session, actor.provider_id)
    former = must_claim(session)
    present = must_claim(session, after=LEASE + 2)
    assert not deliveries.renew(session, former, later(0), LEASE)
    assert deliveries.renew(session, present, later(LEASE + 60), LEASE)
    assert claim(session, after=2 * LEASE + 30) is None
    record(session, present, Retryable(reason="x"), after=LEASE + 70)
    assert not deliveries.renew(session, present, later(LEASE + 80), LEASE)


@pytest.mark.parametrize("outcome", ANY_FAILURE)
def test_a_former_owner_can_only_add_to_the_log(session: Session, actor: Actor, outcome: Outcome) -> None:
    """Its failure says nothing about what the present owner is doing."""
    stored = message(session, actor.provider_id)
    former = must_claim(session)
    present = must_claim(session, after=LEASE + 2)
    record(session, former, outcome)
    assert (stored.state, stored.attempts, stored.leased_until) == (MessageState.IN_PROGRESS, 2, present.leased_until)
    assert len(stored.log) == 1


@pytest.mark.parametrize("outcome", [Delivered(), AlreadyDelivered(), *ANY_FAILURE])
def test_an_acceptance_counts_whoever_records_it(session: Session, actor: Actor, outcome: Outcome) -> None:
    """The subject is marked at once; the message when the present owner is done, whatever it was answered."""
    booked = visit(session, actor.provider_id, factories_booking.slot(session, actor.provider_id))
    stored = message(session, actor.provider_id, subject_id=booked.id)
    behind = message(session, actor.provider_id, MessageKind.CANCEL_VISIT, subject_id=booked.id)
    former = must_claim(session)
    present = must_claim(session, after=LEASE + 2)
    record(session, former, Delivered())
    session.refresh(booked)
    passed_at = booked.passed_at
    assert passed_at is not None
    assert stored.state is MessageState.IN_PROGRESS
    assert claim(session) is None
    record(session, present, outcome, after=60)
    links.resume(session, actor.provider_id, later(0))
    assert (stored.state, stored.accepted_at) == (MessageState.ACCEPTED, passed_at)
    session.refresh(booked)
    assert booked.passed_at == passed_at
    assert must_claim(session).id == behind.id


@pytest.mark.parametrize("outcome", ANY_FAILURE)
def test_an_acceptance_that_is_recorded_late_ends_a_failed_message(
    session: Session, actor: Actor, outcome: Outcome
) -> None:
    """Nobody is sending it, so it is accepted at once and not sent again."""
    stored = message(session, actor.provider_id)
    former = must_claim(session)
    record(session, must_claim(session, after=LEASE + 2), outcome)
    record(session, former, Delivered())
    assert (stored.state, stored.leased_until) == (MessageState.ACCEPTED, None)
    assert claim(session, after=86_400) is None


def test_recording_an_attempt_twice_is_recording_it_once(session: Session, actor: Actor) -> None:
    """A worker that lost the database while it committed records again, not knowing."""
    stored = message(session, actor.provider_id)
    claimed, made = must_claim(session), attempt(Retryable(reason="bladZapisu"))
    for _ in range(2):
        records.record(session, claimed, made, clock.now())
    assert (stored.state, len(stored.log)) == (MessageState.PENDING, 1)


def test_acceptance_marks_each_subject_when_it_happens_first(session: Session, actor: Actor) -> None:
    """Place, point, schedule and slots carry the instant of their first acceptance; the place becomes active last."""
    schedule = factories_booking.schedule(session, actor.provider_id)
    states = []
    for _ in range(2):
        hand_over(session, schedule)
        while (claimed := claim(session)) is not None:
            record(session, claimed, Delivered())
            session.expire_all()
            states.append(schedule.service_place.status)
    first, again = states[:5], states[5:]
    assert first == [ServicePlaceStatus.REGISTERED] * 4 + [ServicePlaceStatus.ACTIVE]
    assert again == [ServicePlaceStatus.ACTIVE] * 5
    firsts = session.scalars(select(OutboxMessage.accepted_at).order_by(OutboxMessage.id).limit(5)).all()
    place, point = schedule.service_place, schedule.mobile_point
    assert point is not None
    marks = [place.registered_at, point.accepted_at, schedule.accepted_at, schedule.slots_accepted_at]
    assert [*marks, place.activated_at] == firsts


def test_a_cancellation_changes_nothing_at_the_visit(session: Session, actor: Actor) -> None:
    """Only saving a visit passes it on."""
    booked = visit(session, actor.provider_id, factories_booking.slot(session, actor.provider_id))
    message(session, actor.provider_id, MessageKind.CANCEL_VISIT, subject_id=booked.id)
    record(session, must_claim(session), Delivered())
    session.refresh(booked)
    assert booked.passed_at is None


def test_the_newest_message_of_a_kind_is_found(session: Session, actor: Actor) -> None:
    """Of those about one subject."""
    message(session, actor.provider_id, subject_id=7)
    must_claim(session)
    newest = message(session, actor.provider_id, subject_id=7)
    message(session, actor.provider_id, MessageKind.CANCEL_VISIT, subject_id=7)
    found = outbox.latest(session, MessageKind.SAVE_VISIT, 7)
    assert found is not None
    assert found.id == newest.id
    assert outbox.latest(session, MessageKind.SAVE_VISIT, 8) is None


def test_the_next_due_message_is_known(session: Session, actor: Actor) -> None:
    """A message in its back-off, a lease, but nothing that waits for others."""
    assert deliveries.next_due(session) is None
    stored = message(session, actor.provider_id)
    message(session, actor.provider_id, requires=[stored])
    claimed = must_claim(session)
    assert deliveries.next_due(session) == claimed.leased_until
    record(session, claimed, REJECTED)
    assert deliveries.next_due(session) is None


# two connections at once


def _committed(engine: Engine, work: Callable[[Session], OutboxMessage]) -> int:
    with db.transaction(engine) as session:
        return work(session).id


@pytest.fixture
def provider_id(engine: Engine) -> int:
    """A provider that everybody sees."""
    with db.transaction(engine) as session:
        return factories.provider(session).id


def test_a_message_that_a_change_reuses_cannot_be_claimed_meanwhile(engine: Engine, provider_id: int) -> None:
    """The worker would read the subject as it was; it takes another message and comes back after the commit."""
    stored = _committed(engine, lambda session: message(session, provider_id, subject_id=7))
    with db.transaction(engine) as changing, db.transaction(engine) as worker:
        message(changing, provider_id, subject_id=7)
        assert claim(worker) is None
        changing.commit()
        assert must_claim(worker).id == stored


def test_a_change_that_meets_a_claim_gets_its_own_message_behind_it(engine: Engine, provider_id: int) -> None:
    """It waits for the claim to commit and then stands behind it, so the change is handed over too."""
    stored = _committed(engine, lambda session: message(session, provider_id, subject_id=7))
    with db.transaction(engine) as worker, ThreadPoolExecutor() as pool:
        claimed = must_claim(worker)
        changing = pool.submit(_committed, engine, lambda session: message(session, provider_id, subject_id=7))
        _until_somebody_waits_for_a_lock(engine)
        worker.commit()
        newer = changing.result(timeout=10)
    assert claimed.id == stored != newer
    with db.transaction(engine) as session:
        assert claim(session) is None
        record(session, claimed, Delivered())
        assert must_claim(session).id == newer


def _until_somebody_waits_for_a_lock(engine: Engine) -> None:
    with engine.connect() as connection:
        for _ in range(500):
            if connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                return
            Event().wait(0.01)
    raise AssertionError("nobody waits")


def test_a_requirement_added_during_a_claim_is_heeded(
    engine: Engine, provider_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search saw the message free to go; before it locked the row, a change made it wait for another."""
    slow = str(deliveries._DUE).replace(
        "WHERE message.state", "WHERE (SELECT pg_sleep(0.5)) IS NOT NULL AND message.state", 1
    )
    required = _committed(engine, lambda session: message(session, provider_id, day=DAY + timedelta(days=9)))
    stored = _committed(engine, lambda session: message(session, provider_id, subject_id=7))
    monkeypatch.setattr(deliveries, "_DUE", text(slow))
    with ThreadPoolExecutor() as pool, db.transaction(engine) as worker:
        claiming = pool.submit(must_claim, worker)
        _until_somebody_sleeps(engine)
        with db.transaction(engine) as session:
            requirement = session.get_one(OutboxMessage, required)
            assert message(session, provider_id, subject_id=7, requires=[requirement]).id == stored
        assert claiming.result(timeout=10).id == required


def test_two_changes_at_once_never_wait_for_each_other(engine: Engine, provider_id: int) -> None:
    """A visit waits for the slots, and they for the withdrawal that is being put behind the visit: one yields."""
    slots, withdrawal, visit = MessageKind.SAVE_SLOTS, MessageKind.WITHDRAW_SLOTS, MessageKind.SAVE_VISIT
    nobody = 1_000_000 + factories.number()

    def tell(session: Session, kind: MessageKind, subject_id: int, *after: tuple[MessageKind, int]) -> OutboxMessage:
        return outbox.enqueue(
            session, provider_id=provider_id, kind=kind, subject_id=subject_id, service_day=DAY, after=after
        )

    with db.transaction(engine) as session:
        tell(session, visit, nobody)
        tell(session, withdrawal, nobody)
        tell(session, slots, nobody, (withdrawal, nobody))
    with db.transaction(engine) as booking, ThreadPoolExecutor() as pool:
        tell(booking, visit, nobody, (slots, nobody))
        withdrawing = pool.submit(
            _committed, engine, lambda session: tell(session, withdrawal, nobody, (visit, nobody))
        )
        _until_somebody_waits_for_a_lock(engine)
        booking.commit()
        withdrawing.result(timeout=10)
    with db.transaction(engine) as session:
        assert must_claim(session).kind is withdrawal


def _until_somebody_sleeps(engine: Engine) -> None:
    asleep = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    for _ in range(500):
        with engine.connect() as connection:
            if connection.scalar(asleep):
                return
        Event().wait(0.005)
    raise AssertionError("nobody sleeps")


def test_many_workers_never_claim_one_message_twice(engine: Engine, provider_id: int) -> None:
    """Each message has one owner, and no worker waits for another."""
    with db.transaction(engine) as session:
        stored = {message(session, provider_id).id for _ in range(60)}
    claimed: list[ClaimedMessage] = []

    def work() -> None:
        while True:
            with db.transaction(engine) as session:
                mine = claim(session)
            if mine is None:
                return
            claimed.append(mine)

    threads = [Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(claimed) == 60
    assert {each.id for each in claimed} == stored


def test_a_claim_does_not_read_what_was_accepted_long_ago(engine: Engine, provider_id: int) -> None:
    """With many accepted messages the search still walks the index of those that are due."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox_messages"
                " (uuid, provider_id, kind, subject_id, service_day, state, attempts, uncertain)"
                " SELECT gen_random_uuid(), :provider, 'save_visit', n, '2027-03-10', 'accepted', 1, false"
                " FROM generate_series(1, 20000) AS n"
            ),
            {"provider": provider_id},
        )
        connection.execute(
            text(
                "INSERT INTO outbox_dependencies SELECT later.id, earlier.id FROM outbox_messages AS later"
                " JOIN outbox_messages AS earlier ON earlier.subject_id = later.subject_id - 1"
            )
        )
    stored = _committed(engine, lambda session: message(session, provider_id))
    values = {"now": clock.now(), "id": stored, "lease": timedelta(seconds=LEASE)}
    for analyse in (False, True):
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if analyse:
                connection.execute(text("ANALYZE outbox_messages, outbox_dependencies"))
            search, lease = (
                "\n".join(connection.execute(text(f"EXPLAIN {statement}"), values).scalars())
                for statement in (deliveries._DUE, deliveries._LEASE)
            )
        assert "ix_outbox_messages_due" in search
        assert "Seq Scan on outbox" not in search + lease, search + lease


# any history

ACTS = st.lists(
    st.sampled_from(["save", "cancel", "claim", "deliver", "lose", "fail", "expire", "resend"]), max_size=40
)


class _Centre:
    """One visit, its changes counted, as the central system sees it; and the workers under way."""

    def __init__(self, session: Session, provider_id: int) -> None:
        self.session = session
        self.actor = Actor(provider_id)
        self.subject = 9_000_000 + factories.number()
        self.version = 0
        self.known: dict[object, int] = {}
        self.holds = 0
        self.under_way: list[tuple[ClaimedMessage, int]] = []
        self.seconds = 0.0

    def act(self, name: str) -> None:
        {
            "save": self.save,
            "cancel": self.cancel,
            "claim": self.claim,
            "expire": self.expire,
            "resend": self.resend,
        }.get(name, lambda: self.finish(name))()

    def save(self) -> None:
        self.version += 1
        message(self.session, self.actor.provider_id, subject_id=self.subject)

    def cancel(self) -> None:
        self.version += 1
        message(self.session, self.actor.provider_id, MessageKind.CANCEL_VISIT, subject_id=self.subject)

    def claim(self) -> None:
        self.seconds += 1
        claimed = claim(self.session, after=self.seconds)
        if claimed is not None:
            self.under_way.append((claimed, self.version))

    def finish(self, how: str) -> None:
        """The oldest worker under way sends; the centre takes it, or takes it and nobody hears, or refuses."""
        if not self.under_way:
            return
        claimed, version = self.under_way.pop(0)
        if how != "fail":
            self.take(claimed, version)
        if how == "lose":
            return
        outcome: Outcome = REJECTED if how == "fail" and version % 2 else Retryable(reason="x")
        record(self.session, claimed, Delivered() if how == "deliver" else outcome, after=self.seconds)

    def take(self, claimed: ClaimedMessage, version: int) -> None:
        """The centre carries a message out once; a known one changes nothing."""
        if claimed.uuid not in self.known:
            self.known[claimed.uuid] = version
            assert version >= self.holds, "an older state arrived after a newer one"
            self.holds = version

    def expire(self) -> None:
        self.seconds += LEASE + 1

    def resend(self) -> None:
        for rejected in transmissions.find(
            self.session, self.actor, transmissions.TransmissionFilter(state=MessageState.REJECTED)
        ).items:
            transmissions.resend(self.session, self.actor, rejected.id, clock.now())

    def settle(self) -> None:
        """Everything calms down: all leases end, rejections are resolved, the centre answers."""
        for _ in range(100):
            self.seconds += 3600
            self.resend()
            claimed = claim(self.session, after=self.seconds)
            if claimed is None:
                return
            self.take(claimed, self.version)
            record(self.session, claimed, AlreadyDelivered(), after=self.seconds)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS)
def test_whatever_happens_the_last_state_arrives_last(session: Session, acts: list[str]) -> None:
    """Changes, claims, lost answers, refusals and repetitions come in any order.

    In the end the centre holds the present state and never went back to an older one, every message is accepted, and
    never were two of one visit on their way.
    """
    with session.begin_nested() as savepoint:
        centre = _Centre(session, factories.provider(session).id)
        for act in acts:
            centre.act(act)
            leased = session.scalars(
                select(func.count()).where(
                    OutboxMessage.subject_id == centre.subject, OutboxMessage.state == MessageState.IN_PROGRESS
                )
            ).one()
            assert leased <= 1
        centre.settle()
        left = transmissions.summary(session, centre.actor).states
        assert centre.holds == centre.version
        assert left == {**dict.fromkeys(MessageState, 0), MessageState.ACCEPTED: left[MessageState.ACCEPTED]}
        savepoint.rollback()


def test_only_the_newest_message_makes_a_visit_passed(session: Session, actor: Actor) -> None:
    """What an older one told may be another path; a repetition of the newest does not move the instant."""
    subject = visit(session, actor.provider_id, factories_booking.slot(session, actor.provider_id))
    message(session, actor.provider_id, subject_id=subject.id)
    older = must_claim(session)
    message(session, actor.provider_id, subject_id=subject.id)
    record(session, older, Delivered())
    session.refresh(subject)
    assert subject.passed_at is None
    record(session, must_claim(session), Delivered(), after=2.0)
    session.refresh(subject)
    assert subject.passed_at is not None


@pytest.mark.parametrize(
    ("told", "outcome", "passed"),
    [
        (Path.MAMMOGRAPHY, Delivered(), True),
        (Path.HPV_LBC, Delivered(), False),
        (Path.MAMMOGRAPHY, AlreadyDelivered(), False),
    ],
)
def test_an_older_message_passes_a_visit_if_it_told_its_path(
    session: Session, actor: Actor, told: Path, outcome: Outcome, passed: bool
) -> None:
    """The newer one tells her telephone, say, and may be rejected; the visit was passed in time all the same."""
    subject = visit(session, actor.provider_id, factories_booking.slot(session, actor.provider_id))
    message(session, actor.provider_id, subject_id=subject.id)
    record(session, must_claim(session), Retryable(reason="r"))
    older = must_claim(session, after=3600.0)
    message(session, actor.provider_id, subject_id=subject.id)
    records.record(session, older, replace(attempt(outcome), told=told), later(3600.0))
    session.refresh(subject)
    assert (subject.passed_at is not None) is passed


@pytest.mark.parametrize("outcome", [AlreadyDelivered(), Delivered()])
def test_what_turns_out_to_have_arrived_arrived_when_it_was_sent(
    session: Session, actor: Actor, outcome: Outcome
) -> None:
    """Who asks on the morrow learns of an acceptance of yesterday; one of today is of today."""
    subject = visit(session, actor.provider_id, factories_booking.slot(session, actor.provider_id))
    message(session, actor.provider_id, subject_id=subject.id)
    sent_at = later(1.0)
    uncertain = replace(attempt(OutcomeUnknown(reason="ReadTimeout")), started_at=sent_at, milliseconds=5000)
    records.record(session, must_claim(session), uncertain, later(1.0))
    record(session, must_claim(session, after=86_400), outcome, after=86_400)
    session.refresh(subject)
    assert subject.passed_at is not None
    arrived = subject.passed_at == sent_at + timedelta(seconds=5)
    assert arrived is isinstance(outcome, AlreadyDelivered)


def test_an_acceptance_that_nobody_saw_counts_from_when_it_was_learnt(session: Session, actor: Actor) -> None:
    """A worker that was killed told nothing, so an earlier attempt of unknown outcome proves nothing either."""
    subject = visit(session, actor.provider_id, factories_booking.slot(session, actor.provider_id))
    message(session, actor.provider_id, subject_id=subject.id)
    record(session, must_claim(session), OutcomeUnknown(reason="ReadTimeout"))
    must_claim(session, after=3_600)
    learnt_at = later(86_400)
    records.record(session, must_claim(session, after=86_400), attempt(AlreadyDelivered()), learnt_at)
    session.refresh(subject)
    assert subject.passed_at == learnt_at
