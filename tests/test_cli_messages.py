"""The sender of messages to women, against a mail server and an SMS gateway on the loopback, over real sockets."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from threading import Event, Thread

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from mobile_units import cli, clock, db
from mobile_units.cli.messages import Messenger, messenger_of, senders_of
from mobile_units.config import Settings
from mobile_units.errors import DomainError
from mobile_units.models.messages import HaltedWay, MessageToWoman
from mobile_units.models.slots import Slot
from mobile_units.models.visits import Visit
from mobile_units.models.women import Woman
from mobile_units.rules.deliveries import DeliveryState
from mobile_units.rules.messages import Channel, NoticeKind
from mobile_units.rules.visits import CancelledBy, VisitStatus
from mobile_units.services import message_deliveries as deliveries
from mobile_units.services.actors import Actor
from mobile_units.services.messages_to_women import notify
from mobile_units.transmission.shared_clock import SharedClock
from tests import factories
from tests import factories_messages as make
from tests.environment import environment
from tests.factories_messages import EMAIL, TELEPHONE
from tests.messaging.sms_server import DROP, Manner, SmsStandIn, sms_server
from tests.messaging.smtp_server import DROP as MAIL_DROP
from tests.messaging.smtp_server import Behaviour, MailStandIn, mail_server

pytestmark = pytest.mark.usefixtures("logging_as_before")

EXAMPLE = Path(cli.__file__).parents[1] / "messaging" / "sms_api_example.toml"
SECRET = "not-to-be-told"


class Ahead(SharedClock):
    """The shared clock, put forward."""

    def __init__(self, by: timedelta) -> None:
        super().__init__()
        self.by = by

    def now(self) -> datetime:
        """The present instant, and a while more."""
        return super().now() + self.by


@dataclass
class Stage:
    """A provider, both receivers, and settings that point at them."""

    engine: Engine
    settings: Settings
    provider_id: int
    mail: MailStandIn
    sms: SmsStandIn
    ahead: timedelta = field(default=timedelta())

    def tell(self, email: str | None = None, sms: str | None = None, kind: NoticeKind = NoticeKind.BOOKED) -> int:
        """Stores a notice for a new woman; the key of its row."""
        with db.transaction(self.engine) as session:
            visit = make.visit(session, self.provider_id, email=email, sms=sms)
            notify(session, Actor(self.provider_id), visit, kind)
            return make.messages(session, self.provider_id)[-1].id

    def messenger(self) -> Messenger:
        """One sender, with ways of its own."""
        shared = Ahead(self.ahead)
        return replace(messenger_of(self.settings, self.engine, Event()), shared=shared)

    def work(self, **passed: float) -> None:
        """Sends until nothing is to be done, some time later than before."""
        self.ahead += timedelta(**passed)
        messenger = self.messenger()
        while messenger.deliver_next():
            pass

    def row(self, key: int) -> MessageToWoman:
        """The message as it is stored."""
        with db.transaction(self.engine) as session:
            return session.get_one(MessageToWoman, key)

    def change(self, key: int, how: Callable[[Session, MessageToWoman], None]) -> None:
        """Changes what the message is about."""
        with db.transaction(self.engine) as session:
            how(session, session.get_one(MessageToWoman, key))

    def state(self, key: int) -> tuple[DeliveryState, bool, str | None]:
        """State, whether it may have arrived of which nobody knows, and the reason."""
        row = self.row(key)
        return row.state, row.perhaps_arrived, row.reason


@pytest.fixture
def stage(engine: Engine, settings: Settings) -> Iterator[Stage]:
    """Nothing of other tests waits to be sent, and nothing is left to them."""
    with ExitStack() as stack:
        mail, sms = stack.enter_context(mail_server(Behaviour())), stack.enter_context(sms_server(Manner()))
        configured = replace(
            settings,
            messages=True,
            smtp_url=f"smtp://login:{SECRET}@127.0.0.1:{mail.port}",
            smtp_from="wizyty@example.org",
            sms_url=sms.url,
            sms_api=EXAMPLE,
            sms_secret=SECRET,
            sms_sender="Proba",
        )
        with db.transaction(engine) as session:
            provider_id = factories.provider(session).id
            make.named(session, provider_id)
        _clear(engine)
        yield Stage(engine, configured, provider_id, mail, sms)
        _clear(engine)


def _clear(engine: Engine) -> None:
    with db.transaction(engine) as session:
        session.execute(delete(MessageToWoman))
        session.execute(delete(HaltedWay))


def test_an_email_is_sent_once(stage: Stage) -> None:
    """With what is true when it is sent: place, time and telephone; its id is the key of the row."""
    key = stage.tell(email=EMAIL)
    stage.work()
    stage.work(hours=2)
    (delivery,) = stage.mail.taken
    parsed = message_from_bytes(delivery.content)
    body = parsed.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert (delivery.to, parsed["Message-ID"]) == (EMAIL, f"<{stage.row(key).uuid}@example.org>")
    assert "przy Urzędzie Gminy" in body.decode()
    assert "42 630 12 34" in body.decode()
    row = stage.row(key)
    assert (row.state, row.attempts, row.sent_at is not None, row.leased_until) == (DeliveryState.SENT, 1, True, None)


def test_an_sms_is_sent_once_under_the_key_of_its_row(stage: Stage) -> None:
    """The gateway's name for it is kept."""
    key = stage.tell(sms=TELEPHONE)
    stage.work()
    stage.work(hours=2)
    (rung,) = stage.sms.rung
    row = stage.row(key)
    assert (rung["to"], rung["reference"], rung["from"]) == (TELEPHONE, str(row.uuid), "Proba")
    assert (row.state, row.receiver_reference) == (DeliveryState.SENT, "sms-1")


def die_before_recording(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message is sent, and its sender is lost before it can say so."""

    def lost(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "record", lost)
        with pytest.raises(KeyboardInterrupt):
            stage.messenger().deliver_next()


def test_an_email_whose_sender_died_is_a_persons(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server cannot be asked, so it is never sent twice; she is perhaps told."""
    key = stage.tell(email=EMAIL, sms=TELEPHONE)
    die_before_recording(stage, monkeypatch)
    stage.work(minutes=4)
    assert stage.row(key).state is DeliveryState.CLAIMED
    stage.work(minutes=2)
    assert stage.state(key) == (DeliveryState.TO_CALL, True, "lease_ended")
    stage.work(hours=30)
    assert (len(stage.mail.taken), stage.sms.rung) == (1, [])


def test_an_sms_whose_sender_died_is_looked_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway has it, so it is sent; nothing is repeated, though this gateway would ring twice."""
    stage.sms.manner.keyed = False
    key = stage.tell(sms=TELEPHONE)
    die_before_recording(stage, monkeypatch)
    stage.work(minutes=6)
    assert stage.state(key)[:2] == (DeliveryState.SENT, False)
    assert len(stage.sms.rung) == 1


def test_an_sms_that_did_not_arrive_is_sent_again(stage: Stage) -> None:
    """The answer was lost; after the settling time the gateway knows nothing of it."""
    stage.sms.manner = Manner(takes=False, fault=DROP)
    key = stage.tell(sms=TELEPHONE)
    stage.work()
    assert stage.state(key) == (DeliveryState.UNCERTAIN, True, "ConnectionError")
    stage.sms.manner = Manner()
    stage.work(minutes=1)
    assert [method for method, *_ in stage.sms.requests] == ["POST"]
    stage.work(minutes=2)
    assert [method for method, *_ in stage.sms.requests] == ["POST", "GET", "POST"]
    assert (stage.row(key).state, stage.row(key).attempts) == (DeliveryState.SENT, 2)


def test_what_a_gateway_does_not_tell_becomes_a_persons(stage: Stage) -> None:
    """It is asked again and again for an hour, and nothing is sent meanwhile."""
    stage.sms.manner = Manner(fault=DROP)
    key = stage.tell(sms=TELEPHONE)
    stage.work()
    stage.work(minutes=3)
    assert stage.state(key)[0] is DeliveryState.UNCERTAIN
    stage.work(minutes=58)
    stage.work()
    assert stage.state(key) == (DeliveryState.TO_CALL, True, "not_in_time")
    assert len(stage.sms.rung) == 1


def test_a_refused_email_goes_on_as_an_sms(stage: Stage) -> None:
    """Nobody has that mailbox; she agreed to both."""
    stage.mail.behaviour.replies["rcpt"] = f"550 no {EMAIL} here"
    key = stage.tell(email=EMAIL, sms=TELEPHONE)
    stage.work()
    assert (stage.row(key).state, stage.row(key).channel) == (DeliveryState.SENT, Channel.SMS)
    only = stage.tell(email=EMAIL)
    stage.work()
    assert stage.state(only) == (DeliveryState.TO_CALL, False, "SMTP 550")


def test_a_halt_stops_one_way_until_a_person_resumes_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is wrong: one attempt is made, not one for each woman; SMS goes on."""
    stage.mail.behaviour.replies["auth"] = "535 who are you?"
    keys = [stage.tell(email=EMAIL) for _ in range(3)]
    by_sms = stage.tell(sms=TELEPHONE)
    stage.work()
    stage.work(seconds=20)
    assert len([each for each in stage.mail.commands if each.startswith("AUTH")]) == 1
    assert {stage.state(key)[0] for key in keys} == {DeliveryState.WAITING}
    assert stage.row(by_sms).state is DeliveryState.SENT
    stage.mail.behaviour.replies.clear()
    monkeypatch.delenv("MOBILE_UNITS_TEST_SERVER")
    resume = CliRunner().invoke(cli.cli, ["messages", "resume"], env=environment(stage.settings))
    assert (resume.exit_code, resume.output) == (0, "Sending goes on: email.\n"), resume.exception
    stage.work()
    assert {stage.state(key)[0] for key in keys} == {DeliveryState.SENT}
    again = CliRunner().invoke(cli.cli, ["messages", "resume"], env=environment(stage.settings))
    assert isinstance(again.exception, DomainError)


def test_what_waits_behind_a_halt_for_an_hour_is_a_persons(stage: Stage) -> None:
    """Nobody stands at a place that is not there because a password was wrong; what nobody tried yet is sent."""
    stage.mail.behaviour.replies["auth"] = "535 who are you?"
    keys = [stage.tell(email=EMAIL) for _ in range(2)]
    by_sms = stage.tell(sms=TELEPHONE)
    stage.ahead = timedelta(hours=2)
    stage.work()
    assert [stage.state(key) for key in keys] == [(DeliveryState.TO_CALL, False, "not_in_time")] * 2
    assert stage.row(by_sms).state is DeliveryState.SENT


def test_what_nobody_tried_yet_is_not_a_persons(stage: Stage) -> None:
    """The workers stood still for hours: what they find is sent first, whatever another worker is about to do."""
    key = stage.tell(email=EMAIL)
    with db.transaction(stage.engine) as session:
        deliveries.hand_to_people(session, clock.now() + timedelta(hours=5))
    assert stage.state(key)[0] is DeliveryState.WAITING


def test_a_busy_server_is_tried_again_later(stage: Stage) -> None:
    """With longer and longer pauses; nothing was taken."""
    stage.mail.behaviour.replies["data"] = "451 later"
    key = stage.tell(email=EMAIL)
    stage.work()
    stage.work(seconds=20)
    assert (stage.state(key), stage.row(key).attempts) == ((DeliveryState.WAITING, False, "SMTP 451"), 1)
    stage.mail.behaviour.replies.clear()
    stage.work(seconds=20)
    assert (stage.row(key).state, stage.row(key).attempts, len(stage.mail.taken)) == (DeliveryState.SENT, 2, 1)


def cancelled(session: Session, row: MessageToWoman) -> None:
    """The visit is given up."""
    values = {"status": VisitStatus.CANCELLED, "cancelled_by": CancelledBy.WOMAN}
    session.execute(update(Visit).where(Visit.id == row.visit_id).values(values))


def over(session: Session, row: MessageToWoman) -> None:
    """The visit was yesterday."""
    slot = select(Visit.slot_id).where(Visit.id == row.visit_id).scalar_subquery()
    then = clock.now() - timedelta(days=1)
    session.execute(update(Slot).where(Slot.id == slot).values(starts_at=then, ends_at=then + timedelta(minutes=10)))


def overtaken(session: Session, row: MessageToWoman) -> None:
    """Another notice about the visit was stored."""
    notify(session, Actor(row.provider_id), session.get_one(Visit, row.visit_id), NoticeKind.BOOKED, occasion="2")


def withdrawn(session: Session, row: MessageToWoman) -> None:
    """She does not want to be written to any more."""
    session.execute(update(Woman).where(Woman.id == row.woman_id).values(email_consent_at=None))


@pytest.mark.parametrize("change", [cancelled, over])
def test_what_is_no_longer_true_is_not_sent(stage: Stage, change: Callable[[Session, MessageToWoman], None]) -> None:
    """One that was never tried is dropped; one that was is a person's."""
    stage.mail.behaviour.replies["data"] = "451 later"
    tried = stage.tell(email=EMAIL)
    stage.work()
    fresh = stage.tell(email=EMAIL)
    stage.mail.behaviour.replies.clear()
    stage.change(tried, change)
    stage.change(fresh, change)
    stage.work(minutes=2)
    assert stage.state(fresh) == (DeliveryState.DROPPED, False, "overtaken")
    assert stage.state(tried) == (DeliveryState.TO_CALL, False, "overtaken")
    assert stage.mail.taken == []


def test_of_two_notices_about_a_visit_only_the_later_is_sent(stage: Stage) -> None:
    """Though the earlier was tried already."""
    stage.mail.behaviour.replies["data"] = "451 later"
    tried = stage.tell(email=EMAIL)
    stage.work()
    stage.mail.behaviour.replies.clear()
    stage.change(tried, overtaken)
    stage.work(minutes=2)
    assert (stage.state(tried)[0], len(stage.mail.taken)) == (DeliveryState.TO_CALL, 1)


def test_a_consent_that_was_withdrawn_closes_the_way(stage: Stage) -> None:
    """It is asked for when the message is sent."""
    key = stage.tell(email=EMAIL)
    stage.change(key, withdrawn)
    stage.work()
    assert (stage.state(key), stage.mail.commands) == ((DeliveryState.TO_CALL, False, "no_way"), [])


def test_without_ways_all_go_to_the_call_list(stage: Stage) -> None:
    """That is how an installation begins."""
    stage.settings = replace(stage.settings, messages=False)
    assert senders_of(stage.settings) == {}
    keys = [stage.tell(email=EMAIL), stage.tell(sms=TELEPHONE)]
    stage.work()
    assert [stage.state(key) for key in keys] == [(DeliveryState.TO_CALL, False, "no_way")] * 2


def test_a_provider_without_a_name_writes_to_nobody(stage: Stage) -> None:
    """The reason says what is missing."""
    with db.transaction(stage.engine) as session:
        stage.provider_id = factories.provider(session).id
    key = stage.tell(email=EMAIL, sms=TELEPHONE)
    stage.work()
    assert (stage.state(key), stage.mail.commands) == ((DeliveryState.TO_CALL, False, "provider_not_named"), [])


def test_two_senders_never_send_one_message_twice(stage: Stage) -> None:
    """They share the queue of a mail server that takes its time, each message going out once."""
    stage.mail.behaviour.seconds = 0.002
    keys = [stage.tell(email=f"proba{n}@example.org") for n in range(24)]
    threads = [Thread(target=stage.work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.to for each in stage.mail.taken) == sorted(f"proba{n}@example.org" for n in range(24))
    assert {(stage.row(key).state, stage.row(key).attempts) for key in keys} == {(DeliveryState.SENT, 1)}


def test_what_is_recorded_after_the_lease_changes_nothing(stage: Stage) -> None:
    """A person has it by then; the word of a sender that slept is not taken."""
    key = stage.tell(email=EMAIL)
    messenger, later = stage.messenger(), clock.now() + timedelta(minutes=6)
    messenger.shared.keep(stage.engine)
    with db.transaction(stage.engine) as session:
        claimed = deliveries.claim(session, messenger.shared.now(), messenger.senders)
    assert claimed is not None
    with db.transaction(stage.engine) as session:
        deliveries.end_leases(session, later, messenger.senders)
    with db.transaction(stage.engine) as session:
        ended = messenger.senders[Channel.EMAIL].send(claimed.letter)
        assert deliveries.record(session, claimed, ended, messenger.senders, later) is None
    assert stage.state(key) == (DeliveryState.TO_CALL, True, "lease_ended")


def test_a_sender_that_slept_past_its_lease_does_not_send(stage: Stage) -> None:
    """Somebody else has the message by then."""
    key = stage.tell(email=EMAIL)
    messenger = replace(stage.messenger(), lease=timedelta())
    messenger.deliver_next()
    assert (stage.mail.commands, stage.row(key).attempts) == ([], 1)


def test_nothing_about_a_woman_is_logged_or_stored(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the receivers answer, and whatever goes wrong here."""
    caplog.set_level("DEBUG")
    monkeypatch.setattr(logging.getLogger(), "handlers", [caplog.handler])
    stage.mail.behaviour.replies["content"] = f"550 {EMAIL} does not want it"
    stage.sms.manner = Manner(status=500, body={"error": f"{TELEPHONE} again?"})
    keys = [stage.tell(email=EMAIL), stage.tell(sms=TELEPHONE)]
    stage.work()
    stage.mail.behaviour.replies["content"] = MAIL_DROP
    keys += [stage.tell(email=EMAIL)]
    stage.work(minutes=1)
    keys += [stage.tell(email=EMAIL)]
    messenger = stage.messenger()

    def explode(*_: object) -> None:
        messenger.stop.set()
        raise ValueError(f"cannot send to {EMAIL}")

    monkeypatch.setattr(type(messenger.senders[Channel.EMAIL]), "send", explode)
    messenger.run()
    rows = [stage.row(key) for key in keys]
    shown = caplog.text + "".join(capsys.readouterr()) + repr(messenger)
    shown += "".join(f"{row.reason} {row.receiver_reference} {row.was}" for row in rows)
    for expected in ("messenger_failed", "ValueError", "SMTP 550", "HTTP 500"):
        assert expected in shown
    for personal in (EMAIL, TELEPHONE, TELEPHONE[3:], "Próba", "Testowa", SECRET, "wizyta"):
        assert personal not in shown


def test_settings_open_the_ways_that_are_set_up(stage: Stage) -> None:
    """Each by itself; the secrets are never shown."""
    assert set(senders_of(stage.settings)) == {Channel.EMAIL, Channel.SMS}
    assert set(senders_of(replace(stage.settings, smtp_url=None))) == {Channel.SMS}
    assert set(senders_of(replace(stage.settings, sms_url=None))) == {Channel.EMAIL}
    assert SECRET not in repr(stage.settings) + repr(stage.messenger())
