"""The people around the hand-over: women who use IKP, and the person who answers alerts and the list of work."""

import random
import sqlite3
import urllib.error
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Event

from sqlalchemy import func, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.errors import DomainError
from mobile_units.models.inbound import InboundChange, InboundCursor, InboundState
from mobile_units.models.transmissions import MessageState, OutboxMessage, TransmissionAttempt, TransmissionLink
from mobile_units.models.visits import Visit
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ACTIVE, CancelledBy
from mobile_units.rules.women import make_pesel
from mobile_units.services import inbound, transmissions, visits
from tests.chaos.faults import REFUSALS
from tests.chaos.scene import Scene
from tests.chaos.stage import Stage

AWAY = (OperationalError, InterfaceError)
FREE = """
SELECT slot.id, product_code FROM slot JOIN schedule ON schedule.id = slot.schedule
JOIN service_place ON service_place.id = schedule.service_place
WHERE active AND capacity > (SELECT count(*) FROM visit WHERE visit.slot = slot.id AND status <> 'ODWOLANA')
ORDER BY slot.id LIMIT 3000
"""
COMING = """
SELECT visit.id, product_code, sequence FROM visit JOIN slot ON slot.id = slot JOIN schedule ON schedule.id = schedule
WHERE status = 'UMOWIONA' ORDER BY sequence DESC LIMIT 300
"""
MAMMOGRAPHY = "10.7940"
PATHS = {MAMMOGRAPHY: "MAMMOGRAFIA", ".101.": "CYTOLOGIA_KLASYCZNA", ".102.": "HPV_LBC"}
"""The examination that a part of a product code means."""
NO_ROOM = frozenset({"slot_full", "slot_not_open", "parallel_visit"})
"""Refusals after which the visit in IKP has to end."""


@dataclass(slots=True)
class Women:
    """Women who book, move and cancel in IKP."""

    stage: Stage
    scene: Scene
    random: random.Random
    stop: Event
    done: Counter[str] = field(default_factory=Counter)
    born: int = 0

    def run(self) -> None:
        """One act after the other, until `stop` is set."""
        while not self.stop.wait(self.random.uniform(0.1, 0.6)):
            act = self.random.choices((self.book, self.move, self.cancel), (5, 3, 2))[0]
            try:
                act()
            except urllib.error.HTTPError as refused:
                refused.close()
                self.done[f"{act.__name__} refused ({refused.code})"] += 1
            except (OSError, sqlite3.OperationalError):
                self.done["IKP away"] += 1
            else:
                self.done[act.__name__] += 1

    def book(self) -> None:
        """A woman whom the provider does not know books a free slot."""
        slot, code = self._choice(FREE)
        self.born += 1
        birthday = date(clock.today().year - 50, 1, 1) + timedelta(days=self.born * 7 % 3000)
        patient = {
            "pesel": make_pesel(birthday, self.born % 5000, "F"),
            "given_name": "Pacjentka",
            "family_name": f"Fikcyjna-IKP-{self.born:05d}",
            "birth_date": birthday.isoformat(),
            "telephone": "700000000",
        }
        path = next(path for part, path in PATHS.items() if part in code)
        self.stage.ask("/ikp/visits", {"slot": slot, "patient": patient, "path": path})

    def move(self) -> None:
        """A woman moves her visit, wherever she booked it, to another slot of the same range."""
        visit, code, _ = self._choice(COMING)
        fits = [slot for slot, offered in self._rows(FREE) if offered == code]
        if fits:
            self.stage.ask(f"/ikp/visits/{visit}/move", {"slot": self.random.choice(fits)})

    def cancel(self) -> None:
        """A woman gives her visit up."""
        visit, *_ = self._choice(COMING)
        self.stage.ask(f"/ikp/visits/{visit}/cancel", {})

    def give_way(self, slot: str, visit: str) -> None:
        """Somebody else in the slot is asked by telephone to cancel in IKP."""
        others = "SELECT id FROM visit WHERE slot = ? AND id <> ? AND status = 'UMOWIONA' LIMIT 1"
        for (other,) in self._rows(others, slot, visit):
            self.stage.ask(f"/ikp/visits/{other}/cancel", {})

    def _choice(self, query: str) -> tuple[str, ...]:
        rows = self._rows(query)
        if not rows:
            raise sqlite3.OperationalError("nothing to choose from")
        return self.random.choice(rows)

    def _rows(self, query: str, *values: str) -> Sequence[tuple[str, ...]]:
        with closing(sqlite3.connect(self.stage.sandbox_file, timeout=10)) as connection:
            return connection.execute(query, values).fetchall()


@dataclass(slots=True)
class Operator:
    """The person at the provider: resumes a halted link, works off the rejected messages and the conflicts."""

    stage: Stage
    scene: Scene
    women: Women
    stop: Event
    done: Counter[str] = field(default_factory=Counter)
    last_deed: datetime = field(default_factory=clock.now)

    def run(self) -> None:
        """Looks every second, until `stop` is set."""
        while not self.stop.wait(1.0):
            try:
                self.look()
            except AWAY:
                self.done["database away"] += 1
            except OSError:
                self.done["IKP away"] += 1

    def look(self) -> None:
        """One round."""
        self._deed("resumed", self._resume)
        for message_id in self._listed(select(OutboxMessage.id).where(OutboxMessage.state == MessageState.REJECTED)):
            self._correct(message_id)
        for change_id in self._listed(select(InboundChange.id).where(InboundChange.state == InboundState.CONFLICT)):
            self._decide(change_id)

    def nothing_left(self) -> bool:
        """Whether everything is handed over and taken over, with the changes read since the last deed."""
        done = (MessageState.ACCEPTED, MessageState.GIVEN_UP)
        waiting = (InboundState.RECEIVED, InboundState.CONFLICT)
        with db.transaction(self.stage.engine) as session:
            left = session.scalar(select(func.count()).where(OutboxMessage.state.not_in(done)))
            left = left or session.scalar(select(func.count()).where(InboundChange.state.in_(waiting)))
            read_at = session.scalar(select(InboundCursor.read_at))
        return not left and read_at is not None and read_at > self.last_deed + timedelta(seconds=2)

    def _listed(self, query: object) -> Sequence[int]:
        with db.transaction(self.stage.engine) as session:
            return session.scalars(query).all()  # type: ignore[call-overload,no-any-return]  # a select of keys

    def _deed(self, name: str, deed: Callable[[Session], str | None]) -> bool:
        """One transaction; what is refused is counted and left."""
        try:
            with db.transaction(self.stage.engine) as session:
                detail = deed(session)
        except DomainError as refusal:
            if refusal.code not in {"not_halted", "not_rejected", "not_a_conflict"}:
                self.done[f"{name}: {refusal.code}"] += 1
            return False
        self.done[f"{name} {detail}" if detail else name] += 1
        self.last_deed = clock.now()
        return True

    def _resume(self, session: Session) -> str | None:
        code = session.scalar(select(TransmissionLink.halted_code))
        transmissions.resume(session, self.scene.actor, clock.now())
        return f"after {code}"

    def _correct(self, message_id: int) -> None:
        """What was refused without a reason of ours is sent again; a visit that found no room is cancelled first."""
        with db.transaction(self.stage.engine) as session:
            message = transmissions.get(session, self.scene.actor, message_id)
            attempts = [each for each in message.log if each.outcome == "rejected"]
        if message.kind is MessageKind.SAVE_VISIT and attempts and attempts[-1].code not in REFUSALS:
            self._make_room(message.subject_id, attempts[-1])
        self._deed("resent", lambda session: self._resend(session, message_id))

    def _resend(self, session: Session, message_id: int) -> None:
        transmissions.resend(session, self.scene.actor, message_id, clock.now())

    def _make_room(self, visit_id: int, answer: TransmissionAttempt) -> None:
        def cancel(session: Session) -> str:
            version = session.get_one(Visit, visit_id).version
            command = visits.Cancellation(version=version, cancelled_by=CancelledBy.PROVIDER, reason="brak miejsca")
            visits.cancel(session, self.scene.actor, visit_id, command)
            return f"after {(answer.description or '')[:11]}"

        with db.transaction(self.stage.engine) as session:
            visit = visits.get(session, self.scene.actor, visit_id)
        if visit.status in ACTIVE:
            self._deed("cancelled", cancel)
        else:
            self.women.give_way(self._there(str(visit.slot.uuid)), self._there(str(visit.uuid)))
            self.done["asked another woman to give way"] += 1

    def _there(self, uuid: str) -> str:
        return f"{self.scene.oid_root}/{uuid}"

    def _decide(self, change_id: int) -> None:
        """Tries it once more, or sets it aside where ours stands, or declines it."""
        with db.transaction(self.stage.engine) as session:
            code = session.get_one(InboundChange, change_id).code
        note = inbound.Note(note="uzgodniono z pacjentką")

        def retry(session: Session) -> str:
            inbound.retry(session, self.scene.actor, change_id, clock.now())
            return str(code)

        def decline(session: Session) -> str:
            inbound.decline(session, self.scene.actor, change_id, note, clock.now())
            return str(code)

        def dismiss(session: Session) -> str:
            inbound.dismiss(session, self.scene.actor, change_id, note, clock.now())
            return str(code)

        ways = (decline, dismiss) if code in NO_ROOM else (dismiss, decline)
        for way in (retry, *ways):
            if self._deed(way.__name__, way):
                return
