"""Messages to women: the sender within a worker, and going on after a halt.

For each message: claim (a transaction), send with none open, record (a transaction), as `rules.deliveries` tells it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from traceback import extract_tb
from typing import TypeVar
from uuid import UUID

import click
import structlog
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.cli.common import command_session
from mobile_units.config import Settings
from mobile_units.errors import DomainError
from mobile_units.messaging.accounts import mail_server_of, sms_account_of
from mobile_units.messaging.mail import Mailer, MailServer
from mobile_units.messaging.sms import Sms, SmsAccount, SmsGateway
from mobile_units.rules.deliveries import NONE, DeliveryState, Found, Memory, Outcome, Presence, SendResult
from mobile_units.rules.messages import Channel, Letter
from mobile_units.services import message_deliveries as deliveries
from mobile_units.services.message_deliveries import Claimed, Doubt, Sender, Senders
from mobile_units.transmission.shared_clock import SharedClock

IDLE_SECONDS = 2.0
LOOK_SECONDS = 1.0
LONGEST_BACK_OFF_SECONDS = 30.0

Kept = TypeVar("Kept")

log = structlog.get_logger()


class ByMail:
    """E-mail; a mail server remembers nothing and cannot be asked."""

    def __init__(self, server: MailServer) -> None:
        self._mailer = Mailer(server)

    def memory(self, first_attempt: datetime, now: datetime) -> Memory:  # noqa: ARG002 -- the same at any time
        """Nothing."""
        return NONE

    def send(self, letter: Letter) -> Outcome:
        """One e-mail."""
        return self._mailer.send(letter)

    def lookup(self, uuid: UUID) -> Found:  # noqa: ARG002 -- there is nobody to ask
        """No answer."""
        return Found(Presence.UNANSWERED)


class BySms:
    """SMS by one gateway."""

    def __init__(self, account: SmsAccount) -> None:
        self._account, self._gateway = account, SmsGateway(account)

    def memory(self, first_attempt: datetime, now: datetime) -> Memory:
        """By the description of the gateway."""
        return self._account.memory(first_attempt, now)

    def send(self, letter: Letter) -> Outcome:
        """One text message."""
        return self._gateway.send(Sms(uuid=letter.uuid, to=letter.to, text=letter.text))

    def lookup(self, uuid: UUID) -> Found:
        """By the key of the message."""
        return self._gateway.lookup(uuid)


def senders_of(settings: Settings) -> Senders:
    """The ways that are open, for one thread; none where messages are off.

    Raises:
        DomainError: `email_invalid`, the address that e-mail comes from.
        ValueError: the SMS gateway is not described.
    """
    senders: dict[Channel, Sender] = {}
    if settings.messages and (server := mail_server_of(settings)):
        senders[Channel.EMAIL] = ByMail(server)
    if settings.messages and (account := sms_account_of(settings)):
        senders[Channel.SMS] = BySms(account)
    return senders


@dataclass(frozen=True, slots=True)
class Messenger:
    """Sends messages to women until `stop` is set; it belongs to one thread, because its senders do."""

    engine: Engine
    senders: Senders
    stop: Event = field(default_factory=Event)
    lease: timedelta = deliveries.LEASE
    shared: SharedClock = field(default_factory=SharedClock)

    def run(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Sends whatever becomes due; whatever goes wrong, it waits, longer each time, and goes on."""
        failures = 0
        while not self.stop.is_set():
            try:
                if not self.deliver_next():
                    self.stop.wait(idle_seconds)
                failures = 0
            except Exception as error:  # noqa: BLE001 -- its type and place are all that is told
                failures += 1
                _log_failure(error, failures)
                self.stop.wait(min(LONGEST_BACK_OFF_SECONDS, 0.1 * 2.0 ** min(failures, 20)))

    def deliver_next(self) -> bool:
        """Sends one message, or asks for one of which nobody knows; False if nothing is to be done.

        Raises:
            OperationalError: the database is unreachable; what was claimed is settled when its lease ends.
        """
        self.shared.keep(self.engine)
        with db.transaction(self.engine) as session:
            deliveries.end_leases(session, self.shared.now(), self.senders)
            claimed = deliveries.claim(session, self.shared.now(), self.senders, self.lease)
        if claimed is not None:
            self._deliver(claimed)
            return True
        with db.transaction(self.engine) as session:
            doubt = deliveries.take_doubt(session, self.shared.now(), self.senders)
            if doubt is None:
                deliveries.hand_to_people(session, self.shared.now())
        if doubt is not None:
            self._ask(doubt)
        return doubt is not None

    def _deliver(self, claimed: Claimed) -> None:
        if self.shared.now() >= claimed.leased_until:
            return
        try:
            ended = self.senders[claimed.channel].send(claimed.letter)
        except DomainError as refusal:
            ended = Outcome(SendResult.REJECTED, refusal.code)
        state = self._keep(lambda session: deliveries.record(session, claimed, ended, self.senders, self.shared.now()))
        _log("message_to_woman_sent", claimed, ended.result.value, state)

    def _ask(self, doubt: Doubt) -> None:
        answer = self.senders[doubt.channel].lookup(doubt.uuid)
        state = self._keep(
            lambda session: deliveries.settle_doubt(session, doubt, answer, self.senders, self.shared.now())
        )
        _log("message_to_woman_looked_up", doubt, answer.presence.value, state)

    def _keep(self, work: Callable[[Session], Kept]) -> Kept:
        return db.keep(self.engine, work, self.stop, LOOK_SECONDS)


def _log_failure(error: Exception, failures: int) -> None:
    """Without the text of the error, which could name a woman."""
    where = extract_tb(error.__traceback__)[-1]
    place = f"{where.filename}:{where.lineno}"
    log.error("messenger_failed", failures=failures, error=type(error).__name__, where=place)


def _log(event: str, taken: Claimed | Doubt, outcome: str, state: DeliveryState | None) -> None:
    report = log.error if outcome == SendResult.HALTED.value else log.info
    now = state.value if state else "lost"
    report(event, message=taken.id, channel=taken.channel.value, attempt=taken.attempts, outcome=outcome, state=now)


def messenger_of(settings: Settings, engine: Engine, stop: Event) -> Messenger:
    """A messenger for one thread."""
    return Messenger(engine, senders_of(settings), stop)


@click.group()
def messages() -> None:
    """Look after messages to women."""


@messages.command("resume")
def resume() -> None:
    """Send again by ways that were halted, once the cause is mended."""
    with command_session() as session:
        ways = deliveries.resume(session, clock.now())
        click.echo(f"Sending goes on: {', '.join(way.value for way in ways)}.")
