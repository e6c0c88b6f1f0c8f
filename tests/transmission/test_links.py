"""The link of a provider: breaker, halt and pace, shared by all workers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.models.transmissions import OutboxMessage, TransmissionLink
from mobile_units.rules.transmissions import FAILURES_TO_OPEN, MessageKind
from mobile_units.services.actors import Actor
from mobile_units.transmission import deliveries, links, records
from mobile_units.transmission.deliveries import Attempt, ClaimedMessage
from mobile_units.transmission.gateway import (
    AlreadyDelivered,
    Delivered,
    Halted,
    Outcome,
    OutcomeUnknown,
    Rejected,
    Retryable,
)
from tests import factories
from tests.factories_transmission import LEASE, claim, later, message, must_claim, record

RETRYABLE = Retryable(reason="bladWewnetrzny")
REJECTED = Rejected(code="c", rule=None, description="d")
ANSWERS = [Delivered(), AlreadyDelivered(), REJECTED]


@pytest.fixture(autouse=True)
def even_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn by lot."""
    monkeypatch.setattr("mobile_units.transmission.links.random.random", lambda: 0.5)
    monkeypatch.setattr("mobile_units.transmission.records.random.random", lambda: 0.5)


@pytest.fixture
def now() -> datetime:
    """An instant in the test."""
    return later(10)


def link_of(session: Session, provider_id: int) -> TransmissionLink:
    """The link as it is stored."""
    query = select(TransmissionLink).where(TransmissionLink.provider_id == provider_id)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def in_days(days: int) -> date:
    """A service day."""
    return clock.today() + timedelta(days=days)


def break_down(session: Session, provider_id: int, now: datetime, times: int = FAILURES_TO_OPEN) -> TransmissionLink:
    """So many calls in a row fail at an instant."""
    for _ in range(times):
        links.note(session, provider_id, RETRYABLE, now)
    return link_of(session, provider_id)


@pytest.mark.parametrize("failure", [RETRYABLE, OutcomeUnknown(reason="ReadTimeout")])
def test_five_failures_in_a_row_open_the_breaker(
    session: Session, actor: Actor, now: datetime, failure: Outcome
) -> None:
    """Four do not; the row is made when it is needed."""
    for number in range(1, FAILURES_TO_OPEN):
        links.note(session, actor.provider_id, failure, now)
        assert (link_of(session, actor.provider_id).failures, link_of(session, actor.provider_id).opened_at) == (
            number,
            None,
        )
    links.note(session, actor.provider_id, failure, now)
    assert link_of(session, actor.provider_id).opened_at == now
    assert link_of(session, actor.provider_id).probe_at == now + timedelta(seconds=1.5)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("times", [1, FAILURES_TO_OPEN - 1, FAILURES_TO_OPEN])
def test_any_answer_closes_the_breaker(
    session: Session, actor: Actor, now: datetime, answer: Outcome, times: int
) -> None:
    """Failures are counted from nothing again."""
    break_down(session, actor.provider_id, now, times)
    links.note(session, actor.provider_id, answer, now)
    link = link_of(session, actor.provider_id)
    assert (link.failures, link.opened_at, link.probe_at) == (0, None, None)


def test_a_good_link_is_not_even_stored(session: Session, actor: Actor) -> None:
    """What goes well leaves no trace here."""
    message(session, actor.provider_id)
    record(session, must_claim(session), Delivered())
    assert session.scalars(select(TransmissionLink)).all() == []


def test_an_open_breaker_lets_one_message_go_as_the_probe(session: Session, actor: Actor, now: datetime) -> None:
    """Nothing before its time, then one, then nothing until that one is recorded or its lease is over."""
    for _ in range(3):
        message(session, actor.provider_id)
    probe_at = break_down(session, actor.provider_id, later(0)).probe_at
    assert probe_at is not None
    assert claim(session, after=1) is None
    assert deliveries.next_due(session) == probe_at
    probe = must_claim(session, after=2)
    assert probe.probe
    assert claim(session, after=LEASE - 5) is None
    assert must_claim(session, after=LEASE + 5).probe


def test_a_failed_probe_makes_the_next_one_wait_longer(session: Session, actor: Actor) -> None:
    """Twice as long."""
    message(session, actor.provider_id)
    break_down(session, actor.provider_id, later(0))
    record(session, must_claim(session, after=2), RETRYABLE, after=3)
    link = link_of(session, actor.provider_id)
    assert link.probe_at is not None
    assert abs(link.probe_at - later(6)) < timedelta(seconds=1)
    assert claim(session, after=5) is None
    assert must_claim(session, after=7).probe


def test_a_probe_that_was_not_sent_lets_another_go(session: Session, actor: Actor) -> None:
    """Nothing was learnt, so nobody waits."""
    first, second = message(session, actor.provider_id), message(session, actor.provider_id)
    break_down(session, actor.provider_id, later(0))
    probe = must_claim(session, after=2)
    unsent = Attempt(Retryable(reason="ValueError"), clock.now(), 0, "x", called=False)
    records.record(session, probe, unsent, later(2))
    assert link_of(session, actor.provider_id).failures == FAILURES_TO_OPEN
    assert {probe.id, must_claim(session, after=3).id} == {first.id, second.id}


def test_a_message_that_always_fails_does_not_probe_for_the_others(session: Session, actor: Actor) -> None:
    """One that was tried least goes, though its day comes later; back-offs do not matter."""
    stuck = message(session, actor.provider_id, day=in_days(0))
    record(session, must_claim(session), RETRYABLE)
    fresh = message(session, actor.provider_id, day=in_days(9))
    break_down(session, actor.provider_id, later(0))
    probe = must_claim(session, after=2)
    assert probe.id == fresh.id
    record(session, probe, RETRYABLE, after=2)
    again = must_claim(session, after=8)
    assert again.id == stuck.id
    record(session, again, RETRYABLE, after=8)
    assert must_claim(session, after=60).id == fresh.id


def test_what_waited_for_the_connection_goes_when_it_is_back(session: Session, actor: Actor) -> None:
    """Back-offs of this provider end; those of another do not."""
    waiting = message(session, actor.provider_id)
    stranger = message(session, factories.provider(session).id)
    for _ in range(2):
        record(session, must_claim(session), RETRYABLE, after=3000)
    break_down(session, actor.provider_id, later(0))
    links.note(session, actor.provider_id, Delivered(), later(5))
    session.expire_all()
    assert waiting.due_at < later(6)
    assert stranger.due_at > later(2000)


def test_our_own_trouble_is_not_the_link_s(session: Session, actor: Actor) -> None:
    """A message that could not be made says nothing about the central system."""
    for _ in range(FAILURES_TO_OPEN):
        message(session, actor.provider_id)
        claimed = must_claim(session)
        records.record(session, claimed, Attempt(Retryable(reason="x"), clock.now(), 0, "x", called=False), later(0))
    assert session.scalars(select(TransmissionLink)).all() == []


def test_a_halted_provider_waits_for_a_person(session: Session, actor: Actor) -> None:
    """Its messages are not claimed and not counted as due; another provider goes on; `resume` lets all go at once."""
    halted = message(session, actor.provider_id)
    message(session, actor.provider_id)
    record(session, must_claim(session), Halted(reason="certyfikat", code="certyfikatNiewazny"))
    link = link_of(session, actor.provider_id)
    assert (link.halted_code, link.halted_reason, link.halted_at is not None) == (
        "certyfikatNiewazny",
        "certyfikat",
        True,
    )
    assert claim(session, after=86_400) is None
    assert deliveries.next_due(session) is None
    other = message(session, factories.provider(session).id)
    assert must_claim(session).id == other.id
    links.resume(session, actor.provider_id, later(0))
    link = link_of(session, actor.provider_id)
    assert (link.halted_at, link.halted_code, link.halted_reason, link.failures) == (None, None, None, 0)
    assert must_claim(session).id == halted.id


def test_the_first_reason_of_a_halt_is_kept(session: Session, actor: Actor, now: datetime) -> None:
    """Calls that were under way are refused as well and tell no more."""
    for code, seconds in (("certyfikatNiewazny", 0), ("kontoZablokowane", 5)):
        links.note(session, actor.provider_id, Halted(reason="r", code=code), now + timedelta(seconds=seconds))
    link = link_of(session, actor.provider_id)
    assert (link.halted_code, link.halted_at) == ("certyfikatNiewazny", now)


def test_calls_are_spaced_by_the_limit(session: Session, actor: Actor, now: datetime) -> None:
    """Also those of a lookup; after a pause nothing is saved up; the lease begins with the call."""
    for _ in range(3):
        message(session, actor.provider_id)
    claimed = [deliveries.claim(session, now, LEASE, calls_per_second=10) for _ in range(2)]
    times = [each.call_at for each in claimed if each is not None]
    assert times == [now, now + timedelta(seconds=0.1)]
    assert [each.leased_until for each in claimed if each] == [each + timedelta(seconds=LEASE) for each in times]
    assert claimed[1] is not None
    call_at = deliveries.renew(session, claimed[1], now, LEASE, calls_per_second=10)
    assert call_at == now + timedelta(seconds=0.2)
    leased_until = session.scalar(select(OutboxMessage.leased_until).where(OutboxMessage.id == claimed[1].id))
    assert leased_until == call_at + timedelta(seconds=LEASE)
    rested = deliveries.claim(session, now + timedelta(seconds=60), LEASE, calls_per_second=10)
    assert rested is not None
    assert rested.call_at == now + timedelta(seconds=60)


def test_each_provider_has_its_own_pace(session: Session, actor: Actor, now: datetime) -> None:
    """The limit of one does not slow another."""
    for provider_id in (actor.provider_id, factories.provider(session).id):
        message(session, provider_id)
    claimed = [deliveries.claim(session, now, LEASE, calls_per_second=1) for _ in range(2)]
    assert [each.call_at for each in claimed if each] == [now, now]


# several connections at once


@pytest.fixture
def provider_id(engine: Engine) -> int:
    """A provider that everybody sees."""
    with db.transaction(engine) as session:
        return factories.provider(session).id


def at_once(count: int, work: Callable[[], ClaimedMessage | None]) -> list[ClaimedMessage]:
    """What so many workers claim that begin together."""
    barrier = Barrier(count)

    def begin(_: int) -> ClaimedMessage | None:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(count) as pool:
        return [each for each in pool.map(begin, range(count)) if each is not None]


@pytest.mark.parametrize("round_", range(5))
def test_two_hosts_never_probe_at_once(engine: Engine, provider_id: int, round_: int) -> None:
    """Each has a message of its own at hand, and only one may send."""
    with db.transaction(engine) as session:
        for _ in range(8):
            message(session, provider_id)
        break_down(session, provider_id, later(-60))

    def work() -> ClaimedMessage | None:
        with db.transaction(engine) as session:
            claimed = deliveries.claim(session, clock.now(), LEASE)
            session.execute(text("SELECT pg_sleep(0.05)"))
            return claimed

    assert [each.probe for each in at_once(6, work)] == [True]


def test_workers_share_the_pace(engine: Engine, provider_id: int) -> None:
    """However many claim at once, their calls are evenly spaced."""
    with db.transaction(engine) as session:
        for _ in range(12):
            message(session, provider_id)
    started = clock.now()

    def work() -> ClaimedMessage | None:
        with db.transaction(engine) as session:
            return deliveries.claim(session, started, LEASE, calls_per_second=4)

    times = sorted(each.call_at for each in at_once(6, work) + at_once(6, work))
    assert times == [started + n * timedelta(seconds=0.25) for n in range(12)]


def test_a_link_may_be_made_by_several_at_once(engine: Engine, provider_id: int) -> None:
    """Every failure counts, also the first ones."""

    def work() -> None:
        with db.transaction(engine) as session:
            links.note(session, provider_id, RETRYABLE, clock.now())

    at_once(4, work)
    with db.transaction(engine) as session:
        assert link_of(session, provider_id).failures == 4


def test_closing_waits_for_no_message(engine: Engine, provider_id: int) -> None:
    """Who closes the breaker passes over messages that others hold, so that nobody waits in a circle."""
    with db.transaction(engine) as session:
        message(session, provider_id, MessageKind.SAVE_VISIT)
        break_down(session, provider_id, later(0))
    with db.transaction(engine) as holder, db.transaction(engine) as closer:
        holder.execute(text("UPDATE outbox_messages SET due_at = now() + interval '1 hour', attempts = 1"))
        closer.execute(text("SET LOCAL lock_timeout = '2s'"))
        links.note(closer, provider_id, Delivered(), clock.now())
        assert link_of(closer, provider_id).opened_at is None
