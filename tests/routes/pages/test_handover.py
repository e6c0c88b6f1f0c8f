"""The pages of the hand-over: what each role sees, what each button does, and that nobody sees more."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from mobile_units import clock, db
from mobile_units.models.audit import AuditEntry
from mobile_units.models.inbound import InboundChange, InboundCursor, InboundState
from mobile_units.models.initial_loads import LoadedRowState
from mobile_units.models.reconciliation import Difference, DifferenceKind, DifferenceState, ReconciliationState
from mobile_units.models.slots import Slot, SlotStatus
from mobile_units.models.transmissions import AttemptOutcome, MessageState, OutboxMessage, TransmissionLink
from mobile_units.rules.roles import Role
from mobile_units.rules.transmissions import MessageKind
from mobile_units.rules.visits import ChangedBy
from mobile_units.services import inbound, reconciliation
from mobile_units.services.actors import Actor
from mobile_units.services.reconciliation import Period
from mobile_units.transmission.messages import visit_as_json
from routes.auth import needed_roles
from tests import factories, factories_booking, factories_inbound, factories_log, factories_transmission
from tests.routes.pages.browser import Browser, browser
from tests.routes.pages.test_style import INLINE

NOW = datetime(2027, 3, 10, 8, 0, tzinfo=UTC)
TODAY = NOW.date()
MAJOR = "urn:csioz:p1:kod:major:BladWeryfikacjiRegul"
BROKEN = "REG.WER.7 Termin wykracza poza godziny."
NAME = "Zmyślona"
EVIL = "<script>alert('zło')</script>"
PARTS = {
    "lacze": {Role.COORDINATOR, Role.SETTLEMENT, Role.ADMINISTRATOR},
    "zagrozone": {Role.COORDINATOR, Role.SETTLEMENT, Role.ADMINISTRATOR},
    "odrzucone": {Role.COORDINATOR, Role.SETTLEMENT, Role.ADMINISTRATOR},
    "zmiany": {Role.COORDINATOR, Role.MIDWIFE},
    "roznice": {Role.COORDINATOR, Role.MIDWIFE, Role.SETTLEMENT},
    "awarie": {Role.SETTLEMENT, Role.ADMINISTRATOR},
    "zasilenia": {Role.ADMINISTRATOR},
}
"""The parts of the page by the heading, and who sees each."""


class House:
    """A provider, its people in their browsers, and its database."""

    def __init__(self, app: Flask, engine: Engine) -> None:
        self.app, self.engine = app, engine
        with db.transaction(engine) as session:
            self.provider_id = factories.provider(session).id
        self.actor = Actor(self.provider_id)

    def person(self, *roles: Role) -> Browser:
        """Somebody with these roles, signed in; the page is shown."""
        found = browser(self.app, self.engine, *roles, provider_id=self.provider_id)
        found.sign_in()
        found.get("/handover")
        return found

    def rejected(self, kind: MessageKind = MessageKind.SAVE_SLOTS, code: str = MAJOR, text: str = BROKEN) -> int:
        """A rejected message; its key."""
        with db.transaction(self.engine) as session:
            subject = factories_booking.schedule(session, self.provider_id, day=TODAY).id
            message = factories_log.message(session, self.provider_id, MessageState.REJECTED, kind, subject)
            factories_log.attempt(
                session, message, NOW - timedelta(hours=1), AttemptOutcome.REJECTED, code, text, event_uuid="e-1"
            )
            return message.id

    def state(self, message_id: int) -> MessageState:
        """The state of a message."""
        with db.transaction(self.engine) as session:
            return session.get_one(OutboxMessage, message_id).state

    def conflict(self, *, too_young: bool = False) -> int:
        """A booking in IKP that met a blocked slot, or of a woman who is too young; its key."""
        with db.transaction(self.engine) as session:
            slot = factories_booking.slot(session, self.provider_id, day=TODAY + timedelta(days=7))
            slot.status = SlotStatus.OPEN if too_young else SlotStatus.BLOCKED
            born = datetime(1999 if too_young else 1970, 5, 17, tzinfo=UTC).date()
            told = factories_inbound.booked(session, self.actor, slot, factories_inbound.patient(born=born))
            change_id = factories_inbound.kept(session, self.actor, told)
            change = inbound.receive(session, self.actor, change_id, NOW)
            assert change.state is InboundState.CONFLICT
            return change.id

    def change(self, change_id: int) -> InboundChange:
        """A change as it is now."""
        with db.transaction(self.engine) as session:
            return session.get_one(InboundChange, change_id)

    def difference(self, kind: DifferenceKind = DifferenceKind.DIFFERS) -> int:
        """A difference that waits for a person; its key."""
        with db.transaction(self.engine) as session:
            row = reconciliation.begin(session, self.actor, Period(TODAY, TODAY + timedelta(days=30)), NOW)
            row.state, row.leased_until, row.finished_at = ReconciliationState.DONE, None, NOW
            row.visits_here, row.visits_there = 12, 13
            visit = factories_log.visit(session, self.provider_id, day=TODAY + timedelta(days=5), passed_at=NOW)
            there = factories_inbound.held_there(session, self.actor, visit)
            there = replace(there, visit=replace(there.visit, patient=factories_inbound.patient()))
            found = Difference(
                reconciliation_id=row.id,
                kind=kind,
                fields="telephone" if kind is DifferenceKind.DIFFERS else "",
                visit_id=None if kind is DifferenceKind.UNKNOWN_HERE else visit.id,
                cer_root="1",
                cer_extension=str(visit.uuid),
                content=None if kind is DifferenceKind.MISSING_THERE else _content(there),
            )
            session.add(found)
            session.flush()
            return found.id

    def difference_state(self, difference_id: int) -> DifferenceState:
        """The state of a difference."""
        with db.transaction(self.engine) as session:
            return session.get_one(Difference, difference_id).state

    def load(self) -> tuple[int, int]:
        """An initial load of which one row of two was refused; the keys of load and row."""
        with db.transaction(self.engine) as session:
            visits = [factories_log.visit(session, self.provider_id, day=TODAY + timedelta(days=40)) for _ in "12"]
            chunk = factories_transmission.load_chunk(session, visits)
            chunk.rows[0].state, visits[0].passed_at = LoadedRowState.ACCEPTED, NOW
            chunk.rows[1].state, chunk.rows[1].code = LoadedRowState.REFUSED, MAJOR
            chunk.rows[1].rule = chunk.rows[1].description = "REG.WER.13"
            return chunk.load_id, chunk.rows[1].id

    def link(self, **values: Any) -> None:
        """The state of the connection."""
        with db.transaction(self.engine) as session:
            factories_log.link(session, self.provider_id, **values)

    def acts(self, subject: str) -> Sequence[str]:
        """What the audit log tells about a kind of object."""
        with db.transaction(self.engine) as session:
            own = AuditEntry.provider_id == self.provider_id, AuditEntry.subject == subject
            return session.scalars(select(AuditEntry.action).where(*own).order_by(AuditEntry.id)).all()


def _content(change: Any) -> dict[str, Any]:
    return {"visit": visit_as_json(change.visit), "at": change.at.isoformat(), "by": ChangedBy.PROVIDER.value}


@pytest.fixture
def house(app: Flask, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> House:
    """A new provider on a Wednesday morning."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return House(app, engine)


def text_of(person: Browser, path: str = "/handover") -> str:
    """A page with breaks of any kind as single spaces."""
    response = person.get(path)
    assert response.status_code == 200, response.text
    return " ".join(response.text.split())


def pressed(person: Browser, path: str, **fields: str) -> str:
    """The page after a button was pressed, and its redirection followed."""
    response = person.submit(path, **fields)
    assert response.status_code == 302, response.text
    assert response.headers["Location"].startswith("/handover#")
    return text_of(person)


# who sees what


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_its_parts(house: House, role: Role) -> None:
    """And no others; money and messages are not the midwife's, what comes from IKP is not settlement's."""
    page = text_of(house.person(role))
    for heading, seen_by in PARTS.items():
        assert (f'<h2 id="{heading}">' in page) == (role in seen_by), heading


def test_nobody_may_do_on_a_page_what_the_api_keeps_from_her(app: Flask) -> None:
    """Each route of the pages opens to the roles to which that of the API opens."""
    same = {
        ("handover.resume", "POST"): "transmissions.Resuming",
        ("handover.resend", "POST"): "transmissions.Resending",
        ("handover.resend_all", "POST"): "transmissions.ResendingAll",
        ("handover.give_up", "POST"): "transmissions.GivingUp",
        ("handover.retry", "POST"): "inbound.Retrying",
        ("handover.decline", "POST"): "inbound.Declining",
        ("handover.dismiss", "POST"): "inbound.Dismissing",
        ("handover.decide", "POST"): "reconciliation.Decision",
        ("handover.resend_row", "POST"): "initial_loads.RefusedRowResending",
        ("handover.refused_rows", "GET"): "initial_loads.RefusedRows",
        ("handover.conflict", "GET"): "inbound.OneInboundChangeWithWoman",
        ("handover.difference", "GET"): "reconciliation.OneDifferenceWithWoman",
        ("messages.show", "GET"): "transmissions.OneTransmission",
        ("messages.sent", "GET"): "transmissions.Sent",
        ("evidence_page.show", "GET"): "evidence.Evidence",
        ("evidence_page.printed", "GET"): "evidence.PrintedEvidence",
        ("evidence_page.data", "GET"): "evidence.Evidence",
    }
    views = app.view_functions
    pages = {name for name in views if name.startswith(("handover.", "messages.", "evidence_page."))}
    assert pages - {"handover.show"} == {page for page, _ in same}
    for (page, method), feature in same.items():
        assert needed_roles(views[page], method) == needed_roles(views[feature], method), page


def test_everything_is_said_to_be_good_where_it_is(house: House) -> None:
    """Empty parts are not empty lists."""
    page = text_of(house.person())
    for sentence in (
        "Nic nie wstrzymuje wysyłki",
        "Żadna wizyta nie jest zagrożona.",
        "Nie ma nic do poprawienia.",
        "Nic nie czeka na decyzję.",
        "Wizyt jeszcze nie uzgadniano.",
        "Nie było awarii.",
        "mobile-units initial-load",
    ):
        assert sentence in page
    assert "<button" in page
    assert "badge" not in page


def test_the_header_counts_what_waits_for_this_person(house: House) -> None:
    """On both pages; what another role has to do is not counted."""
    house.rejected()
    house.conflict()
    house.difference()
    house.load()
    house.link(halted_at=NOW, halted_code="certyfikatNiewazny", halted_reason="wygasł")
    counts = {Role.COORDINATOR: 4, Role.MIDWIFE: 2, Role.SETTLEMENT: 2, Role.ADMINISTRATOR: 3}
    for role, count in counts.items():
        person = house.person(role)
        for path in ("/", "/handover"):
            page = text_of(person, path)
            assert f'title="Czeka na człowieka: {count}"' in page, role
    assert 'href="/handover"' in page
    assert 'aria-current="page"' in page


def test_another_provider_sees_and_does_nothing_of_it(house: House, app: Flask, engine: Engine) -> None:
    """Whatever the key, it is simply not there."""
    message_id, change_id, difference_id = house.rejected(), house.conflict(), house.difference()
    load_id, row_id = house.load()
    stranger = House(app, engine).person()
    assert "REG.WER.7" not in text_of(stranger)
    for path in (
        f"messages/{message_id}/resend",
        f"messages/{message_id}/give-up",
        f"conflicts/{change_id}/retry",
        f"conflicts/{change_id}/decline",
        f"differences/{difference_id}/dismiss",
        f"loads/{load_id}/rows/{row_id}/resend",
    ):
        assert stranger.submit(f"/handover/{path}", reason="bez powodu").status_code == 404, path
    for path in (f"messages/{message_id}", f"conflicts/{change_id}", f"differences/{difference_id}"):
        assert stranger.get(f"/handover/{path}").status_code == 404, path
    assert house.state(message_id) is MessageState.REJECTED


def test_no_button_works_without_the_token_of_its_form(house: House) -> None:
    """So no other site can press one."""
    message_id, change_id, difference_id = house.rejected(), house.conflict(), house.difference()
    person = house.person()
    posts = {rule.rule for rule in house.app.url_map.iter_rules() if rule.endpoint.startswith("handover.")}
    buttons = [
        "resume",
        "messages/resend",
        f"messages/{message_id}/resend",
        f"messages/{message_id}/give-up",
        f"conflicts/{change_id}/retry",
        f"conflicts/{change_id}/decline",
        f"conflicts/{change_id}/dismiss",
        f"differences/{difference_id}/dismiss",
        "loads/1/rows/1/resend",
    ]
    gets = 4
    assert len(posts) == len(buttons) + gets, "a button is not tried"
    for path in buttons:
        person.token = ""
        assert person.submit(f"/handover/{path}", reason="bez powodu", rule="REG.WER.7").status_code == 400, path
    assert house.state(message_id) is MessageState.REJECTED
    assert house.change(change_id).state is InboundState.CONFLICT
    assert house.difference_state(difference_id) is DifferenceState.OPEN


def test_what_the_centre_writes_is_text(house: House) -> None:
    """A code or a description that looks like a part of a page is shown as it is."""
    message_id = house.rejected(code=EVIL, text=EVIL)
    person = house.person()
    for path in ("/handover", f"/handover/messages/{message_id}"):
        page = text_of(person, path)
        assert "<script" not in page
        assert "&lt;script&gt;" in page


def test_a_full_page_keeps_to_the_policy(house: House) -> None:
    """Neither styles nor scripts inside, whatever there is to show, and every field has its label."""
    house.rejected()
    house.conflict()
    house.difference()
    house.load()
    page = text_of(house.person())
    assert not INLINE.search(page)
    assert page.count("<textarea") == page.count("<label for=")
    assert page.count("<table") == page.count("<caption")


# the connection


def test_a_halt_is_told_with_its_code_and_what_to_do(house: House) -> None:
    """Who may not resume is told who does."""
    house.link(halted_at=NOW - timedelta(minutes=42), halted_code="urn:x:certyfikatNiewazny", halted_reason="wygasł")
    page = text_of(house.person(Role.SETTLEMENT))
    assert "Wysyłka jest wstrzymana" in page
    assert "<code>certyfikatNiewazny</code>" in page
    assert "10.03, 8:18" in page.replace("\u00a0", " ")
    assert "Certyfikat jest nieważny." in page
    assert "Wysyłkę wznawia administracja." in page
    assert "Wznów wysyłkę" not in page


def test_an_administrator_resumes(house: House) -> None:
    """Pressed twice, the second time is told to be needless."""
    house.link(halted_at=NOW, halted_code="certyfikatNiewazny", halted_reason="wygasł")
    assert house.person(Role.COORDINATOR).submit("/handover/resume").status_code == 403
    person = house.person(Role.ADMINISTRATOR)
    assert "Wznów wysyłkę" in text_of(person)
    assert "Wysyłka została wznowiona." in pressed(person, "/handover/resume")
    with db.transaction(house.engine) as session:
        assert session.get_one(TransmissionLink, house.provider_id).halted_at is None
    again = pressed(person, "/handover/resume")
    assert "Wysyłka nie jest wstrzymana, więc nie ma czego wznawiać." in again


def test_an_unanswering_centre_is_told_with_the_next_probe(house: House) -> None:
    """Nobody has to do anything then."""
    house.link(failures=17, opened_at=NOW - timedelta(minutes=23), probe_at=NOW + timedelta(seconds=40))
    page = text_of(house.person(Role.COORDINATOR)).replace("\u00a0", " ")
    assert "Centralna e‑rejestracja nie odpowiada" in page
    assert "czyli od 23 min; nieudane wywołania z rzędu: 17." in page
    assert "Następna próba: <time" in page
    assert "9:00:40" in page
    assert "Nic nie trzeba robić:" in page


def test_a_missing_worker_is_noticed(house: House) -> None:
    """A message that is due for long and alone is nobody's fault but ours."""
    with db.transaction(house.engine) as session:
        factories_log.message(session, house.provider_id, due_at=NOW - timedelta(hours=2))
    page = text_of(house.person(Role.ADMINISTRATOR)).replace("\u00a0", " ")
    assert "Komunikaty czekają, nikt ich nie wysyła" in page
    assert "sprzed 2 godz." in page


# visits at risk


def test_visits_at_risk_come_with_cause_and_way_out(house: House) -> None:
    """Those too late first, then today's, then those to come; each with place, hour and its message."""
    blocking = house.rejected()
    with db.transaction(house.engine) as session:
        for days, at in ((-2, 10), (0, 15), (3, 9)):
            slot = factories_booking.slot(session, house.provider_id, day=TODAY + timedelta(days=days), at=time(at))
            visit = factories_log.visit(session, house.provider_id, slot=slot)
            requires = [session.get_one(OutboxMessage, blocking)] if days == 0 else []
            message = factories_log.of_visit(session, visit, due_at=NOW, requires=requires)
        visit_id, message_id = visit.id, message.id
    page = text_of(house.person(Role.SETTLEMENT)).replace("\u00a0", " ")
    late, today, coming = (page.index(f'id="{place}"') for place in ("po-terminie", "dzis", "najblizsze"))
    assert late < page.index("pon. 8.03, 10:00") < today < page.index("15:00</time>") < coming
    assert coming < page.index("sob. 13.03, 9:00")
    assert "Czeka za odrzuconym komunikatem" in page[today:coming]
    assert "REG.WER.7" in page[today:coming]
    assert f'<a href="/handover/messages/{blocking}">Komunikat {blocking}</a>' in page[today:coming]
    assert "wymaga działania" in page[today:coming]
    assert "Wieluń, Plac Legionów" in page[coming:]
    assert f'href="/handover/messages/{message_id}"' in page
    assert f'href="/handover/visits/{visit_id}/evidence"' in page
    assert "evidence" not in text_of(house.person(Role.COORDINATOR))


def test_visits_with_one_cause_are_told_together(house: House) -> None:
    """The cause is said once, and a long list goes on on the next page."""
    blocking = house.rejected()
    with db.transaction(house.engine) as session:
        slot = factories_booking.slot(session, house.provider_id, day=TODAY, at=time(15), capacity=30)
        for _ in range(27):
            visit = factories_log.visit(session, house.provider_id, slot=slot)
            factories_log.of_visit(session, visit, requires=[session.get_one(OutboxMessage, blocking)])
    person = house.person(Role.COORDINATOR)
    page = text_of(person)
    assert page.count("Czeka za odrzuconym komunikatem") == 1
    assert page.count("15:00</time>") == 25
    assert 'href="/handover?today=2#dzis"' in page
    assert text_of(person, "/handover?today=2").count("15:00</time>") == 2
    for odd in ("0", "-1", "x", "9" * 30):
        text_of(person, f"/handover?today={odd}")


# the list of work


def test_a_rejected_message_tells_what_to_correct(house: House) -> None:
    """The rule, its meaning and the correction, and how many messages wait behind it."""
    message_id = house.rejected()
    with db.transaction(house.engine) as session:
        factories_log.message(session, house.provider_id, requires=[session.get_one(OutboxMessage, message_id)])
    page = text_of(house.person(Role.COORDINATOR)).replace("\u00a0", " ")
    assert "<code>REG.WER.7</code> <strong>Termin wykracza poza czas pracy harmonogramu.</strong>" in page
    assert "<strong>Co poprawić:</strong> Sprawdź, czy przyjęto" in page
    assert f">{message_id}: terminy</a>" in page
    assert "1 komunikat</td>" in page
    assert "Odstąp" not in page, "settlement decides that"


def test_a_corrected_message_is_sent_again(house: House) -> None:
    """Once: afterwards there is nothing to send, which is told in Polish where the button was."""
    message_id = house.rejected()
    person = house.person(Role.COORDINATOR)
    path = f"/handover/messages/{message_id}/resend"
    assert f"Komunikat {message_id} zostanie wysłany ponownie." in pressed(person, path)
    assert house.state(message_id) is MessageState.PENDING
    page = pressed(person, path)
    told = page.index("Tego komunikatu nie odrzucono")
    assert page.index('<h2 id="odrzucone">') < told < page.index('<h2 id="zmiany">')
    assert "Tego komunikatu nie odrzucono" not in text_of(person), "told once"
    assert house.person(Role.MIDWIFE).submit(path).status_code == 403


def test_all_messages_of_one_code_are_sent_again(house: House) -> None:
    """Others stay; the button is there where there is more than one."""
    first, second, other = (
        house.rejected(),
        house.rejected(),
        house.rejected(code="urn:x:niepoprawnyKomunikat", text=""),
    )
    person = house.person(Role.SETTLEMENT)
    assert text_of(person).count("Wyślij ponownie wszystkie</button>") == 1
    pressed(person, "/handover/messages/resend", rule="REG.WER.7")
    states = [house.state(message_id) for message_id in (first, second, other)]
    assert states == [MessageState.PENDING, MessageState.PENDING, MessageState.REJECTED]
    for rule in ("", "a\x00b"):
        assert person.submit("/handover/messages/resend", rule=rule).status_code == 422


def test_giving_up_needs_a_reason(house: House) -> None:
    """It is kept with the message; a coordinator cannot give up."""
    message_id = house.rejected()
    path = f"/handover/messages/{message_id}/give-up"
    assert house.person(Role.COORDINATOR).submit(path, reason="bo tak").status_code == 403
    person = house.person(Role.SETTLEMENT)
    assert "Odstąp" in text_of(person)
    for reason in ("", "  a ", "x" * 1001, "a\x00bc"):
        assert "powód (od 3 do 1000 znaków)" in pressed(person, path, reason=reason)
        assert house.state(message_id) is MessageState.REJECTED
    assert f"Odstąpiono od wysyłki komunikatu {message_id}." in pressed(person, path, reason="wizyta z pomyłki")
    assert house.state(message_id) is MessageState.GIVEN_UP
    assert "wizyta z pomyłki" in text_of(person, f"/handover/messages/{message_id}")


# what comes from IKP


def test_a_conflict_names_no_woman(house: House) -> None:
    """Only the midwife is led to her, and reading about her is noted."""
    change_id = house.conflict()
    for role in (Role.COORDINATOR, Role.MIDWIFE):
        page = text_of(house.person(role)).replace("\u00a0", " ")
        assert "Termin jest zablokowany." in page
        assert "17 marca 2027, 9:00</span>, Wieluń, Plac Legionów" in page
        assert NAME not in page
        assert ("Pokaż pacjentkę" in page) == (role is Role.MIDWIFE)
    assert house.person(Role.COORDINATOR).get(f"/handover/conflicts/{change_id}").status_code == 403
    assert "read" not in house.acts("inbound_change")
    shown = text_of(house.person(Role.MIDWIFE), f"/handover/conflicts/{change_id}")
    assert f"Ewa {NAME}" in shown
    assert "601 000 000" in shown
    assert "read" in house.acts("inbound_change")


def test_a_conflict_is_taken_over_once_nothing_is_in_the_way(house: House) -> None:
    """Before that, what is still in the way is told where the conflict is."""
    change_id = house.conflict()
    person = house.person(Role.COORDINATOR)
    page = pressed(person, f"/handover/conflicts/{change_id}/retry")
    assert "Nie wykonano.</strong> Termin jest zablokowany." in page
    with db.transaction(house.engine) as session:
        for slot in _slots(session, house):
            slot.status = SlotStatus.OPEN
    assert "Zmiana z IKP została przyjęta." in pressed(person, f"/handover/conflicts/{change_id}/retry")
    assert house.change(change_id).state is InboundState.APPLIED


def _slots(session: Session, house: House) -> Sequence[Slot]:
    own = Slot.schedule.has(provider_id=house.provider_id)
    return session.scalars(select(Slot).where(own)).all()


@pytest.mark.parametrize("decision", ["decline", "dismiss"])
def test_a_conflict_is_ended_with_a_reason(house: House, decision: str) -> None:
    """By coordinator or midwife; nobody else."""
    change_id = house.conflict()
    path = f"/handover/conflicts/{change_id}/{decision}"
    assert house.person(Role.ADMINISTRATOR, Role.SETTLEMENT).submit(path, reason="nie").status_code == 403
    person = house.person(Role.MIDWIFE)
    assert "powód (od 1 do 1000 znaków)" in pressed(person, path)
    assert house.change(change_id).state is InboundState.CONFLICT
    pressed(person, path, reason="uzgodniono przez telefon")
    assert house.change(change_id).state is InboundState.DISMISSED
    assert "Nic nie czeka na decyzję." in text_of(person)


def test_only_a_midwife_keeps_a_woman_booked_against_a_rule(house: House) -> None:
    """The coordinator has no such button, and is refused if she sends it all the same."""
    change_id = house.conflict(too_young=True)
    coordinator = house.person(Role.COORDINATOR)
    assert "Utrzymaj mimo reguły" not in text_of(coordinator)
    path = f"/handover/conflicts/{change_id}/dismiss"
    assert "Twoja rola na to nie pozwala." in pressed(coordinator, path, reason="prosiła")
    midwife = house.person(Role.MIDWIFE)
    assert "Utrzymaj mimo reguły" in text_of(midwife)
    pressed(midwife, path, reason="zalecenie lekarza")
    assert house.change(change_id).state is InboundState.DISMISSED


def test_a_change_that_cannot_be_read_is_shown(house: House) -> None:
    """Without the decisions that need its content; the midwife sees what was told."""
    with db.transaction(house.engine) as session:
        change_id = factories_inbound.kept(session, house.actor, factories_inbound.unreadable())
        inbound.receive(session, house.actor, change_id, NOW)
    coordinator = house.person(Role.COORDINATOR)
    page = text_of(coordinator)
    assert "Zmiana wizyty, której nie da się odczytać" in page
    assert "nie wiadomo, kto zmienił, odczytano" in page
    assert "Odłóż…" in page
    for absent in (NAME, "Spróbuj przyjąć", "Odwołaj w CeR"):
        assert absent not in page
    assert f"&lt;nazwisko&gt;{NAME}&lt;" in text_of(house.person(Role.MIDWIFE), f"/handover/conflicts/{change_id}")
    pressed(coordinator, f"/handover/conflicts/{change_id}/dismiss", reason="wpisano ręcznie")
    assert house.change(change_id).state is InboundState.DISMISSED


def test_a_difference_that_cannot_be_read_is_shown(house: House) -> None:
    """It is not said that the visit is not there."""
    difference_id = house.difference(DifferenceKind.MISSING_THERE)
    with db.transaction(house.engine) as session:
        found = session.get_one(Difference, difference_id)
        found.kind, found.fields = DifferenceKind.DIFFERS, "unreadable"
    page = text_of(house.person(Role.COORDINATOR))
    assert "Wizyty z centralnej e‑rejestracji nie da się odczytać" in page
    assert "nie ma takiej wizyty" not in page
    assert "nie wiadomo, kogo podała" in text_of(house.person(Role.MIDWIFE), f"/handover/differences/{difference_id}")


def test_reading_that_fails_is_told(house: House) -> None:
    """With since when, because bookings are missing from then on."""
    with db.transaction(house.engine) as session:
        session.add(InboundCursor(provider_id=house.provider_id, failed_at=NOW, failure="ReadTimeout"))
    page = text_of(house.person(Role.MIDWIFE))
    assert "nie udaje się odczytać zmian z centralnej e‑rejestracji</strong> (ReadTimeout)" in page


# reconciliation


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (DifferenceKind.DIFFERS, "Różni się: telefon"),
        (DifferenceKind.MISSING_THERE, "Wizyty nie ma w centralnej e‑rejestracji"),
        (DifferenceKind.UNKNOWN_HERE, "Wizyta jest tylko w centralnej e‑rejestracji"),
        (DifferenceKind.CANCELLED_THERE, "Wizyta jest odwołana tylko w centralnej e‑rejestracji"),
    ],
)
def test_a_difference_shows_both_sides(house: House, kind: DifferenceKind, sentence: str) -> None:
    """Without the woman, and with the decisions that are possible; settlement only reads."""
    difference_id = house.difference(kind)
    page = text_of(house.person(Role.COORDINATOR)).replace("\u00a0", " ")
    assert sentence in page
    assert "Porównano 12 wizyt tutaj i 13 w centralnej e‑rejestracji." in page
    assert NAME not in page
    assert ("/resend" in page) == (kind is not DifferenceKind.UNKNOWN_HERE)
    assert ("/take_over" in page) == (kind is not DifferenceKind.MISSING_THERE)
    assert f"/handover/differences/{difference_id}/" not in text_of(house.person(Role.SETTLEMENT))


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        ("resend", DifferenceState.SENT_AGAIN),
        ("take_over", DifferenceState.TAKEN_OVER),
        ("dismiss", DifferenceState.DISMISSED),
    ],
)
def test_a_difference_is_settled(house: House, decision: str, state: DifferenceState) -> None:
    """Once; the second time it is told that it is settled."""
    difference_id = house.difference()
    path = f"/handover/differences/{difference_id}/{decision}"
    assert house.person(Role.SETTLEMENT).submit(path, reason="nie").status_code == 403
    person = house.person(Role.MIDWIFE)
    pressed(person, path, reason="uzgodniono")
    assert house.difference_state(difference_id) is state
    assert "Nie wykonano." in pressed(person, path, reason="uzgodniono")


def test_setting_a_difference_aside_needs_a_reason(house: House) -> None:
    """And there is no fourth decision."""
    difference_id = house.difference()
    person = house.person(Role.COORDINATOR)
    assert "powód" in pressed(person, f"/handover/differences/{difference_id}/dismiss")
    assert house.difference_state(difference_id) is DifferenceState.OPEN
    assert person.submit(f"/handover/differences/{difference_id}/forget").status_code == 404


def test_only_a_midwife_sees_the_woman_of_a_difference(house: House) -> None:
    """Where the centre holds nothing, there is nobody to show."""
    difference_id = house.difference()
    assert house.person(Role.COORDINATOR).get(f"/handover/differences/{difference_id}").status_code == 403
    midwife = house.person(Role.MIDWIFE)
    assert NAME in text_of(midwife, f"/handover/differences/{difference_id}")
    assert house.acts("reconciliation_difference") == ["read"]
    missing = house.difference(DifferenceKind.MISSING_THERE)
    assert "nie podała pacjentki" in text_of(midwife, f"/handover/differences/{missing}")


# initial loads and outages


def test_a_load_shows_how_far_it_got(house: House) -> None:
    """With the refused rows, what to correct, and a file of them; a row is sent again."""
    load_id, row_id = house.load()
    person = house.person(Role.ADMINISTRATOR)
    page = text_of(person)
    assert "Przyjęte: <strong>1</strong> z 2, odrzucone: 1, czekające: 0." in page
    assert "<code>REG.WER.13</code>" in page
    table = person.get(f"/handover/loads/{load_id}/refused.csv")
    assert (table.mimetype, "REG.WER.13" in table.text) == ("text/csv", True)
    path = f"/handover/loads/{load_id}/rows/{row_id}/resend"
    assert "zostanie wysłana ponownie" in pressed(person, path)
    assert house.person(Role.COORDINATOR).submit(path).status_code == 403


def test_outages_of_the_month_are_listed(house: House) -> None:
    """From when to when, what the calls show, and on whose side; a momentary failure is only counted."""
    with db.transaction(house.engine) as session:
        message = factories_log.message(session, house.provider_id)
        begun = NOW - timedelta(days=3)
        for minutes in (0, 5, 10):
            factories_log.attempt(
                session,
                message,
                begun + timedelta(minutes=minutes),
                AttemptOutcome.OUTCOME_UNKNOWN,
                None,
                "ReadTimeout",
            )
        factories_log.attempt(session, message, begun + timedelta(minutes=15))
    page = text_of(house.person(Role.SETTLEMENT)).replace("\u00a0", " ")
    assert "1 awaria" in page
    assert "7.03, 9:00" in page
    assert "15 min" in page
    assert "wysłano, brak odpowiedzi: 3" in page
    assert "system centralny</td>" in page


# one message, and the evidence about a visit


def test_a_message_shows_every_attempt(house: House) -> None:
    """With time, outcome, code, event and certificate; what was sent is for those who audit."""
    message_id = house.rejected()
    page = text_of(house.person(Role.COORDINATOR), f"/handover/messages/{message_id}")
    for told in ("10.03.2027, 8:00:00", "odrzucono", MAJOR, BROKEN, "e-1", "abababababababab…", factories_log.ENDPOINT):
        assert told in page
    assert "co wysłano" not in page
    assert "co wysłano" in text_of(house.person(Role.SETTLEMENT), f"/handover/messages/{message_id}")


def test_a_message_shows_what_it_waits_for(house: House) -> None:
    """With a link to each."""
    first = house.rejected()
    with db.transaction(house.engine) as session:
        waiting = factories_log.message(
            session, house.provider_id, requires=[session.get_one(OutboxMessage, first)], attempts=0
        )
    page = text_of(house.person(Role.COORDINATOR), f"/handover/messages/{waiting.id}")
    assert f'<a href="/handover/messages/{first}">{first}: terminy</a>' in page
    assert "Nie było jeszcze żadnej próby." in page


def test_what_was_sent_is_shown_masked_and_laid_out(house: House) -> None:
    """To settlement and administrators, as text, and noted; an attempt of another message is not there."""
    message_id, other = house.rejected(), house.rejected()
    with db.transaction(house.engine) as session:
        attempt_id = session.get_one(OutboxMessage, message_id).log[0].id
    path = f"/handover/messages/{message_id}/attempts/{attempt_id}"
    assert house.person(Role.COORDINATOR).get(path).status_code == 403
    assert house.acts("transmission_attempt") == []
    person = house.person(Role.SETTLEMENT)
    assert "&lt;Envelope&gt;\n  &lt;imie&gt;***&lt;/imie&gt;\n&lt;/Envelope&gt;" in person.get(path).text
    assert house.acts("transmission_attempt") == ["read_sent"]
    assert person.get(f"/handover/messages/{other}/attempts/{attempt_id}").status_code == 404


def test_an_envelope_that_is_no_xml_is_shown_as_it_is(house: House) -> None:
    """An attempt may have been cut short; nothing outside is read for it."""
    message_id = house.rejected()
    with db.transaction(house.engine) as session:
        message = session.get_one(OutboxMessage, message_id)
        cut = factories_log.attempt(session, message, NOW, sent=zlib.compress(b"<a><b>"))
        empty = factories_log.attempt(session, message, NOW, sent=None)
    person = house.person(Role.SETTLEMENT)
    assert "&lt;a&gt;&lt;b&gt;</pre>" in person.get(f"/handover/messages/{message_id}/attempts/{cut.id}").text
    assert person.get(f"/handover/messages/{message_id}/attempts/{empty.id}").status_code == 404


def test_the_evidence_about_a_visit_is_read_and_taken_along(house: House) -> None:
    """By settlement and administrators: a page, a PDF and JSON, none of which names the woman."""
    with db.transaction(house.engine) as session:
        visit = factories_log.visit(session, house.provider_id, day=TODAY - timedelta(days=1))
        message = factories_log.of_visit(session, visit)
        factories_log.attempt(session, message, NOW, AttemptOutcome.OUTCOME_UNKNOWN, None, "ReadTimeout")
    path = f"/handover/visits/{visit.id}/evidence"
    person = house.person(Role.SETTLEMENT)
    page = text_of(person, path)
    for told in ("Wizyta nieprzekazana", "Wieluń, Plac Legionów", "wysłano, brak odpowiedzi", f'href="{path}.pdf"'):
        assert told in page
    assert "Testowa" not in page
    printed, data = person.client.get(f"{path}.pdf"), person.client.get(f"{path}.json")
    assert (printed.mimetype, printed.data[:5]) == ("application/pdf", b"%PDF-")
    assert f'filename="dowod-{visit.uuid}.json"' in data.headers["Content-Disposition"]
    assert json.loads(data.data)["visit"]["id"] == visit.id
    assert house.acts("woman").count("visit_evidence_read") == 3
    for ending in ("", ".pdf", ".json"):
        assert house.person(Role.COORDINATOR, Role.MIDWIFE).get(path + ending).status_code == 403
